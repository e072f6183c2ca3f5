"""Built-in fusions keep the contract that is shipped as code, and broken ones are told what is wrong with them."""

import pytest
import torch
from torch import nn

from fieldmark.config.fusions import Fusions, NoSettings
from fieldmark.errors import UserError
from fieldmark.models.fusions import FeatureFusion
from fieldmark.testing import check_fusion
from fieldmark.testing.fusion import check_distributed
from fieldmark.testing.fusion_subject import Subject

NARROW = {"d": 32, "h": 8}


@pytest.mark.parametrize("name", Fusions.names())
def test_built_in_fusions_keep_the_contract(name):
    fields = type(Fusions.settings(name, {})).model_fields
    check_fusion(name, settings={key: value for key, value in NARROW.items() if key in fields})


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("dynamic_mlp_c", {}),
        ("dynamic_mlp_b", {"d": 16, "h": 4, "blocks": 1}),
        ("dynamic_mlp_a", {"d": 16, "h": 4, "blocks": 4}),
        ("concat_dagger", {"d": 16, "h": 4, "blocks": 3}),
        ("multiply_star", {"d": 2, "hidden": 5}),
    ],
)
def test_and_with_other_settings(name, settings):
    check_fusion(name, settings=settings)


class Sound(FeatureFusion):
    """What a user would write; the broken ones below differ from it in one thing each."""

    def __init__(self, sizes, settings):
        super().__init__(sizes, settings, d=8)
        self.gate = nn.Linear(8, sizes.features)

    def fuse(self, image_BF, location_BD):
        return image_BF * torch.sigmoid(self.gate(location_BD))


def test_a_fusion_of_ones_own_passes_by_its_class():
    check_fusion(Sound)


class WrongShape(Sound):
    def forward(self, image_BF, metadata):
        return super().forward(image_BF, metadata)[:, :-1]


class OneScoreForAll(Sound):
    def forward(self, image_BF, metadata):
        return super().forward(image_BF, metadata).mean(dim=0)


class ReadsItsNeighbours(Sound):
    def fuse(self, image_BF, location_BD):
        return super().fuse(image_BF - image_BF.mean(dim=0), location_BD)


class ReadsMissingPlaces(Sound):
    def forward(self, image_BF, metadata):
        return super().forward(image_BF, metadata) + metadata.place_B2.sum(dim=1, keepdim=True)


class MasksMissingPlaces(Sound):
    """The logits are finite, but the gradient is zero times NaN."""

    def __init__(self, sizes, settings):
        super().__init__(sizes, settings)
        self.scale = nn.Parameter(torch.ones(()))

    def forward(self, image_BF, metadata):
        place_B1 = metadata.place_B2.sum(dim=1, keepdim=True)
        return super().forward(image_BF, metadata) + torch.where(place_B1.isnan(), 0.0, self.scale * place_B1)


class DividesByTheVector(Sound):
    """0 / 0 where nothing is known."""

    def forward(self, image_BF, metadata):
        return super().forward(image_BF, metadata) * nn.functional.normalize(metadata.encoded_BM, eps=0).sum(1, True)


class LooksAway(Sound):
    def fuse(self, image_BF, location_BD):
        return super().fuse(image_BF, location_BD * 0)


class SaysThatItLooksAway(Sound):
    looks_at_location = False


class HasAnIdleLayer(Sound):
    def __init__(self, sizes, settings):
        super().__init__(sizes, settings)
        self.idle = nn.Linear(8, 8)


class HasALayerThatCannotLearn(HasAnIdleLayer):
    def fuse(self, image_BF, location_BD):
        return super().fuse(image_BF, location_BD + 0 * self.idle(location_BD))


class CutsTheImageOff(Sound):
    def fuse(self, image_BF, location_BD):
        return super().fuse(image_BF.detach(), location_BD)


class HoldsAConstant(Sound):
    def __init__(self, sizes, settings):
        super().__init__(sizes, settings)
        self.constant = nn.Parameter(torch.ones(()), requires_grad=False)


class GrowsWithItsBatch(Sound):
    def fuse(self, image_BF, location_BD):
        self.register_parameter(f"for_{len(image_BF)}", nn.Parameter(torch.ones(())))
        return super().fuse(image_BF, location_BD)


class LosesWhatIsSmall(Sound):
    """Adds and takes away what bfloat16 cannot tell from it plus a logit."""

    def forward(self, image_BF, metadata):
        return (super().forward(image_BF, metadata) + 1e5) - 1e5


class RemembersBesideItsState(Sound):
    def __init__(self, sizes, settings):
        super().__init__(sizes, settings)
        self.secret = torch.randn(()).item()

    def forward(self, image_BF, metadata):
        return super().forward(image_BF, metadata) + self.secret


class StartsElsewhere(Sound):
    def start_from(self, classifier):
        self.classifier.load_state_dict(classifier.state_dict())


class FreezesWithoutStarting(Sound):
    frozen_image = True


class OnlyInFloat32(Sound):
    def fuse(self, image_BF, location_BD):
        return super().fuse(image_BF, location_BD) @ torch.eye(image_BF.shape[1], dtype=torch.float32)


class ChangesTheMapsShape(Sound):
    reads_map = True

    def modulate(self, map_BFHW, metadata):
        return map_BFHW[:, :, :1]


@pytest.mark.parametrize(
    ("broken", "what"),
    [
        (WrongShape, r"shapes.*\(1, 6\); expected \(1, 7\)"),
        (OneScoreForAll, r"shapes.*\(7,\)"),
        (ReadsItsNeighbours, "records apart.*the other records"),
        (ReadsMissingPlaces, "missing metadata.*not finite where the place is missing"),
        (MasksMissingPlaces, "missing metadata.*gradient of fusion.scale is not finite"),
        (DividesByTheVector, "missing metadata.*not finite where nothing is known"),
        (LooksAway, "looks at location.*same logits"),
        (SaysThatItLooksAway, "looks_at_location is False"),
        (HasAnIdleLayer, r"gradients.*fusion.idle.weight takes no part"),
        (HasALayerThatCannotLearn, r"gradients.*fusion.idle.weight is zero"),
        (CutsTheImageOff, "gradients.*no gradient reaches the image feature"),
        (HoldsAConstant, "parameters.*are trainable; .* buffer"),
        (GrowsWithItsBatch, "parameters.*became .* by a batch of 1"),
        (LosesWhatIsSmall, "mixed precision.*off those of float32"),
        (RemembersBesideItsState, "state dict.*after saving and loading"),
        (StartsElsewhere, "start from an image-only model.*not those of the image-only model"),
        (FreezesWithoutStarting, "start from an image-only model.*start_from"),
        (OnlyInFloat32, r"shapes \(feature width 32\): RuntimeError"),
        (ChangesTheMapsShape, "shapes.*map"),
    ],
)
def test_broken_fusions_are_told_what_is_wrong(broken, what):
    with pytest.raises(AssertionError, match=f"(?s)^fusion {broken.__name__}, .*{what}"):
        check_fusion(broken)


def test_distributed_training_itself_refuses_what_a_step_does_not_use():
    """The check runs the real thing, whatever the other checks look at."""
    check_distributed(Subject(cls=Sound, settings=NoSettings(), features=16, date=True))
    with pytest.raises(RuntimeError, match="parameters that were not used"):
        check_distributed(Subject(cls=HasAnIdleLayer, settings=NoSettings(), features=16, date=True))
    assert not torch.distributed.is_initialized()


def test_unknown_names_and_settings_are_the_users_mistake():
    with pytest.raises(UserError, match="dynamic_mlp_c"):
        check_fusion("dynamic_mlp_d")
    with pytest.raises(UserError, match="blocks"):
        check_fusion("dynamic_mlp_c", settings={"blocks": 0})

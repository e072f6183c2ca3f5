"""Official checkpoints: every name and shape loads, both feature orders, and the forward pass meets the oracle.

The oracle's numbers come from the authors' modules in float64, filled by a rule (see `_filled`).
"""

import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from fieldmark.config import ClassifierConfig
from fieldmark.data.observations import PlaceTime
from fieldmark.errors import UserError
from fieldmark.models.backbones import Backbone
from fieldmark.models.build import build_classifier
from fieldmark.models.classifier import Classifier
from fieldmark.models.fusions import FeatureFusion, Sizes, build_fusion
from fieldmark.models.metadata import encode_metadata
from fieldmark.models.official import import_official

State = dict[str, Tensor]

FUSED = {
    ("dynamic_mlp_a", 1): (1.0200658096629756, -0.11115844873902349),
    ("dynamic_mlp_a", 2): (1.0259791560063345, -0.11144593159139364),
    ("dynamic_mlp_a", 3): (1.0256895509156774, -0.11161392907937497),
    ("dynamic_mlp_b", 1): (1.0244859759076825, -0.11251300433988175),
    ("dynamic_mlp_b", 2): (0.9998929739147496, -0.11172936280277072),
    ("dynamic_mlp_b", 3): (0.9847246483571134, -0.11389828007892884),
    ("dynamic_mlp_c", 1): (1.0247168577919024, -0.11240318488677477),
    ("dynamic_mlp_c", 2): (0.9999020168246497, -0.11173802795375709),
    ("dynamic_mlp_c", 3): (0.984677253038206, -0.11386636272992429),
}
"""First number and mean of the fused features, by variant and N, at F = 32, d = 16, h = 8."""
LOCATION = (0.024214462903359213, 0.010616291836206345)
"""First number and mean of the location vectors, at 6 inputs, width 16 and d = 16."""
OFFICIAL = {
    "resnet50": ("resnet50", "image_only"),
    "resnet50_dynamic_mlp": ("resnet50", "dynamic_mlp_c"),
    "sk2res2net101": ("sk2res2net101", "image_only"),
    "sk2res2net101_dynamic_mlp": ("sk2res2net101", "dynamic_mlp_c"),
}


class Pictures(Backbone):
    """A picture of F channels is its own map."""

    width = 32

    def map(self, image_B3HW: Tensor) -> Tensor:
        return image_B3HW

    def pool(self, map_BFHW: Tensor) -> Tensor:
        return map_BFHW.mean(dim=(2, 3))


def _small(fusion: str, n: int, metadata: int = 6) -> Classifier:
    sizes = Sizes(features=32, categories=32, metadata=metadata, location_width=16)
    return Classifier(Pictures(), build_fusion(fusion, {"d": 16, "h": 8, "blocks": n}, sizes)).double().eval()


def _filled(shapes: dict[str, tuple[int, ...]]) -> State:
    """By the oracle's rule: the t-th tensor by name holds sin(0.7 i + 0.1 (t + 1)), scaled."""
    found: State = {}
    for t, name in enumerate(sorted(shapes)):
        shape = shapes[name]
        flat = torch.sin(0.7 * torch.arange(math.prod(shape), dtype=torch.float64) + 0.1 * (t + 1))
        found[name] = flat.reshape(shape) * (shape[-1] ** -0.5 if len(shape) > 1 else 0.01)
    return found


def _official(model: Classifier) -> State:
    """A checkpoint of the authors' code, for this model."""
    parts: dict[str, dict[str, tuple[int, ...]]] = {"loc_net.": {}, "loc_att.": {}, "fc.": {}}
    for name, tensor in model.fusion.state_dict().items():
        head, _, rest = name.partition(".")
        prefix, rest = {"location": ("loc_net.", rest), "classifier": ("fc.", rest)}.get(head, ("loc_att.", name))
        parts[prefix][rest] = tuple(tensor.shape)
    return {prefix + name: tensor for prefix, shapes in parts.items() for name, tensor in _filled(shapes).items()}


def _waves(columns: int, shift: float = 0.0) -> Tensor:
    row, column = torch.arange(3.0, dtype=torch.float64), torch.arange(columns, dtype=torch.float64)
    return torch.cos(0.3 * column + row[:, None] + shift)


@pytest.mark.parametrize(("fusion", "n"), FUSED)
def test_the_forward_pass_meets_the_oracle(fusion: str, n: int) -> None:
    model = _small(fusion, n)
    state = _official(model)
    state["fc.weight"], state["fc.bias"] = torch.eye(32, dtype=torch.float64), torch.zeros(32, dtype=torch.float64)
    import_official(state, model)
    assert isinstance(model.fusion, FeatureFusion)
    with torch.no_grad():
        fused = model.fusion.fuse(_waves(32), _waves(16, 0.5))
        location = model.fusion.location(_waves(6))
        logits = model(_waves(32)[:, :, None, None], _waves(6), torch.zeros(3, 2))
        torch.testing.assert_close(logits, model.fusion.fuse(_waves(32), location))  # the classifier is the identity
    assert (fused[0, 0].item(), fused.mean().item()) == pytest.approx(FUSED[fusion, n], abs=1e-9)
    assert (location[0, 0].item(), location.mean().item()) == pytest.approx(LOCATION, abs=1e-9)


@pytest.mark.parametrize("fields", [{}, {"date": False}, {"encoding": "none"}])
@pytest.mark.parametrize("trained_on", ["dynamic_mlp", "priorsnet"])
@pytest.mark.parametrize("ours", ["dynamic_mlp", "priorsnet"])
def test_scores_do_not_depend_on_the_order_of_features(fields: dict[str, object], trained_on: str, ours: str) -> None:
    where = PlaceTime(
        latitude_N=np.array([52.5, -33.9]),
        longitude_N=np.array([13.4, 151.2]),
        date_N=np.array(["2021-05-05", "2020-11-30"], dtype="datetime64[D]"),
        observer_N=np.array([-1, -1], dtype=np.int32),
    )

    def encoded(order: str) -> Tensor:
        return torch.from_numpy(encode_metadata(where, ClassifierConfig(feature_order=order, **fields)))  # type: ignore

    pictures, nowhere = _waves(32)[:2, :, None, None], torch.zeros(2, 2)
    model = _small("dynamic_mlp_c", 2, metadata=encoded(ours).shape[1])
    state = _official(model)
    import_official(state, model)  # without reordering: what its authors' program would score
    expected = model(pictures, encoded(trained_on), nowhere)
    import_official(state, model, feature_order_of_checkpoint=trained_on, feature_order=ours)
    torch.testing.assert_close(model(pictures, encoded(ours), nowhere), expected)


@pytest.mark.parametrize("name", OFFICIAL)
def test_every_official_name_and_shape_loads(name: str, shared: Path) -> None:
    shapes = json.loads((shared / "oracles" / "official_checkpoint_shapes.json").read_text())[name]
    backbone, fusion = OFFICIAL[name]
    with torch.device("meta"):
        model = build_classifier(ClassifierConfig(backbone=backbone, fusion=fusion), 10_000)
    state = {key: torch.empty(shape, device="meta") for key, shape in shapes}
    import_official(state, model)
    assert len(model.state_dict()) == len(state)


def test_what_does_not_fit_is_named() -> None:
    model = _small("dynamic_mlp_c", 2)
    state = _official(model)
    with pytest.raises(UserError, match=r"fold1\.pth: fusion\.conv1\.weight is missing"):
        import_official({k: v for k, v in state.items() if k != "loc_att.conv1.weight"}, model, file="fold1.pth")
    with pytest.raises(UserError, match=r"fusion\.classifier\.bias is \(3,\); the model wants \(32,\)"):
        import_official({**state, "fc.bias": torch.zeros(3)}, model)
    with pytest.raises(UserError, match=r"layer9\.weight has no place"):
        import_official({**state, "layer9.weight": torch.zeros(3)}, model)
    assert isinstance(model.fusion.classifier, nn.Linear)

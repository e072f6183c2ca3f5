"""The plain baselines, and those with the Dynamic MLP's parameter count or structure (Tables S4 and S5)."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from fieldmark.config.fusions import SolvedSettings
from fieldmark.models.fusions import Metadata, Sizes, build_fusion
from fieldmark.models.fusions.base import no_metadata
from fieldmark.models.fusions.operators import combine
from fieldmark.models.fusions.width import parameter_count, smallest_width

INAT2018 = Sizes(features=2048, categories=8142, metadata=6)
RESNET50 = 23_508_032
SMALL = Sizes(features=32, categories=5, metadata=6, location_width=16, location_blocks=1)


def total(name, settings=None, sizes=INAT2018):
    return RESNET50 + parameter_count(lambda: build_fusion(name, settings or {}, sizes))


@pytest.mark.parametrize(
    ("name", "count"),
    [
        ("image_only", 40_190_990),
        ("concat_net", 42_869_006),
        ("add_dagger", 47_371_470),
        ("multiply_dagger", 47_371_470),
        ("concat_dagger", 47_441_742),
        ("add_star", 47_408_578),
        ("multiply_star", 47_408_578),
        ("concat_star", 47_408_560),
    ],
)
def test_parameter_counts_with_resnet50_on_inat2018(name, count):
    assert total(name) == count


@pytest.mark.parametrize(("name", "hidden"), [("concat_star", 7222), ("add_star", 10_812), ("multiply_star", 10_812)])
def test_the_solved_width_is_the_smallest_that_reaches_dynamic_mlp_b(name, hidden):
    with torch.device("meta"):
        assert build_fusion(name, {}, INAT2018).hidden == hidden
    target = total("dynamic_mlp_b")
    assert total(name, {"hidden": hidden - 1}) < target <= total(name, {"hidden": hidden})


@pytest.mark.parametrize("d", [4, 64])
@pytest.mark.parametrize("features", [32, 1280])
def test_the_width_is_solved_for_any_size(d, features):
    sizes = Sizes(features=features, categories=10, metadata=4)
    target = total("dynamic_mlp_b", {"d": d, "h": d // 4}, sizes)
    with torch.device("meta"):
        hidden = build_fusion("add_star", {"d": d}, sizes).hidden
    below = total("add_star", {"d": d, "hidden": hidden - 1}, sizes) if hidden > 1 else 0
    assert below < target <= total("add_star", {"d": d, "hidden": hidden}, sizes)


def test_a_given_width_is_kept():
    assert build_fusion("add_star", {"d": 8, "hidden": 20}, SMALL).hidden == 20
    assert SolvedSettings().hidden == 0


@given(target=st.integers(0, 5000), inputs=st.integers(1, 20))
def test_the_smallest_width_reaches_its_target_and_no_smaller_one_does(target, inputs):
    def make(width):
        return nn.Linear(inputs, width)

    found = smallest_width(make, target)
    assert found == max(1, -(-target // (inputs + 1)))


def test_the_operators():
    x_BD, y_BD = torch.tensor([[1.0, 2.0]]), torch.tensor([[3.0, 5.0]])
    assert combine("concat", x_BD, y_BD).tolist() == [[1, 2, 3, 5]]
    assert combine("add", x_BD, y_BD).tolist() == [[4, 7]]
    assert combine("multiply", x_BD, y_BD).tolist() == [[3, 10]]


@pytest.mark.parametrize("name", ["add_dagger", "multiply_dagger", "concat_dagger"])
def test_the_mean_map_is_the_mean_of_the_generated_matrices(name):
    model = build_fusion(name, {"d": 16, "h": 8}, SMALL).double()
    block = model.conv2[0]["dynamic_conv"]
    location_BI = torch.randn(3, 16, dtype=torch.float64)
    matrices_BIJ = block.conv22(location_BI).view(3, 16, 8)
    torch.testing.assert_close(block._mean_of_generated(location_BI), matrices_BIJ.mean(1), rtol=1e-12, atol=1e-12)


def test_image_only_needs_no_metadata_and_starts_from_a_trained_model():
    sizes = Sizes(features=32, categories=5, metadata=0)
    model, trained, image_BF = build_fusion("image_only", {}, sizes), nn.Linear(32, 5), torch.randn(3, 32)
    model.start_from(trained)
    assert torch.equal(model(image_BF, no_metadata(3, sizes, like=image_BF)), trained(image_BF))


def test_concat_net_is_linear_in_image_and_location_together():
    model, image_BF = build_fusion("concat_net", {}, SMALL).eval(), torch.randn(3, 32)
    metadata = Metadata(encoded_BM=torch.rand(3, 6), place_B2=torch.zeros(3, 2))
    weight_CF, weight_CD = model.classifier.weight.split([32, 16], dim=1)
    expected_BC = image_BF @ weight_CF.T + model.location(metadata.encoded_BM) @ weight_CD.T + model.classifier.bias
    torch.testing.assert_close(model(image_BF, metadata), expected_BC)

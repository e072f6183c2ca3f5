"""Dynamic MLP A, B and C against the authors' modules, their parameter names and their counts."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from fieldmark.config.fusions import DynamicMLPSettings
from fieldmark.models.fusions import Metadata, Sizes, build_fusion
from fieldmark.models.fusions.dynamic_mlp import BlockA, BlockB, BlockC, by_generated
from fieldmark.models.fusions.width import parameter_count

FIGURES = json.loads(Path(__file__).with_name("dynamic_mlp_figures.json").read_text())
BESIDE = ("location.", "classifier.")
"""What a fusion holds beside the module that the figures are of."""


def fusion(variant, *, features, d, h, blocks):
    sizes = Sizes(features=features, categories=3, metadata=6, location_width=8, location_blocks=1)
    return build_fusion(f"dynamic_mlp_{variant}", {"d": d, "h": h, "blocks": blocks}, sizes).double().eval()


def module_parameters(model):
    return {name: value for name, value in model.named_parameters() if not name.startswith(BESIDE)}


def wave(count, step, phase):
    return torch.sin(step * torch.arange(count, dtype=torch.float64) + phase)


def cosines(width, phase=0.0):
    """cos(0.3 j + b + phase) for b = 0..2, as the figures' inputs are made."""
    steps_BJ = 0.3 * np.arange(width)[None] + np.arange(3)[:, None] + phase
    return torch.from_numpy(np.cos(steps_BJ))


def label(case):
    return f"{case['variant']}{case['blocks']}"


@pytest.mark.parametrize("case", FIGURES["by_sorted_name"], ids=label)
def test_outputs_and_gradients_are_the_authors(case):
    model = fusion(case["variant"], features=32, d=16, h=8, blocks=case["blocks"])
    parameters = dict(sorted(module_parameters(model).items()))
    assert list(parameters) == sorted(case["grad_norms"])
    assert sum(value.numel() for value in parameters.values()) == case["parameters"]
    with torch.no_grad():
        for position, value in enumerate(parameters.values()):
            scale = 0.01 if value.ndim == 1 else value.shape[-1] ** -0.5
            value.copy_((scale * wave(value.numel(), 0.7, 0.1 * (position + 1))).view_as(value))
    out_BF = model.fuse(cosines(32), cosines(16, 0.5))
    loss = out_BF.square().mean()
    loss.backward()
    exact = {"rtol": 1e-9, "atol": 0}
    np.testing.assert_allclose(out_BF[0, :6].detach(), case["row0"], **exact)
    np.testing.assert_allclose(out_BF[2, -6:].detach(), case["row2"], **exact)
    np.testing.assert_allclose([out_BF.mean().item(), loss.item()], [case["mean"], case["loss"]], **exact)
    for name, value in parameters.items():
        np.testing.assert_allclose(value.grad.norm().item(), case["grad_norms"][name], **exact, err_msg=name)


@pytest.mark.parametrize("case", FIGURES["by_order"], ids=label)
def test_outputs_are_the_authors_with_large_weights(case):
    model = fusion(case["variant"], features=8, d=6, h=4, blocks=case["blocks"])
    parameters = module_parameters(model)
    assert set(parameters) == set(case["names"])
    with torch.no_grad():
        for position, name in enumerate(case["names"]):
            value = parameters[name]
            is_norm = name.endswith("weight") and value.ndim == 1
            value.copy_((0.3 * wave(value.numel(), 0.7, 1.3 * position)).view_as(value) + is_norm)
        image_BF = wave(16, 0.9, 0).view(2, 8)
        location_BD = torch.cos(0.4 * torch.arange(12, dtype=torch.float64)).view(2, 6)
        np.testing.assert_allclose(model.fuse(image_BF, location_BD), case["out"], rtol=1e-9, atol=1e-10)


def test_names_and_shapes_are_those_of_the_released_checkpoint():
    with torch.device("meta"):
        model = build_fusion("dynamic_mlp_c", {}, Sizes(features=2048, categories=10_000, metadata=6))
    ours = {name: list(value.shape) for name, value in model.state_dict().items()}
    prefixes = {"loc_net.": "location.", "loc_att.": "", "fc.": "classifier."}
    theirs = {}
    for name, shape in FIGURES["official"]:
        prefix = next(known for known in prefixes if name.startswith(known))
        theirs[prefixes[prefix] + name.removeprefix(prefix)] = shape
    assert ours == theirs


@pytest.mark.parametrize(
    ("variant", "counts"),
    [
        ("a", (17_898_240, 9_476_992, 10_529_792, 11_582_592)),
        ("b", (18_161_664, 6_623_680, 6_919_040, 7_214_400)),
        ("c", (18_292_736, 6_775_232, 7_091_072, 7_406_912)),
    ],
)
def test_parameter_counts(variant, counts):
    """SPEC 4.2, for one to four blocks; and in total with ResNet-50 at 8,142 categories."""
    sizes = Sizes(features=2048, categories=8142, metadata=6)
    beside = 593_664 + 2049 * 8142
    for blocks, count in enumerate(counts, start=1):
        made = parameter_count(lambda n=blocks: build_fusion(f"dynamic_mlp_{variant}", {"blocks": n}, sizes))
        assert made == beside + count
    resnet50 = 23_508_032
    totals = {"a": 50_261_646, "b": 47_408_334, "c": 47_559_886}
    assert resnet50 + beside + counts[1] == totals[variant]


def test_block_c_with_foreign_halves_zeroed_is_block_b():
    torch.manual_seed(0)
    a, b, d = 8, 5, 6
    c_block, b_block = BlockC(a, b, d).double(), BlockB(a, b, d).double()
    state = c_block.state_dict()
    state["conv11.conv.0.weight"][:, a:] = 0
    state["conv21.conv.0.weight"][:, :a] = 0
    halves = {"conv11.conv.0.weight": slice(0, a), "conv21.conv.0.weight": slice(a, None)}
    b_block.load_state_dict(
        {name: value[:, halves[name]] if name in halves else value for name, value in state.items()}
    )
    t_BI, e_BD = torch.randn(4, a, dtype=torch.float64), torch.randn(4, d, dtype=torch.float64)
    torch.testing.assert_close(c_block(t_BI, e_BD), b_block(t_BI, e_BD), rtol=1e-12, atol=1e-14)


def test_block_a_does_not_see_the_scale_of_its_generated_weights():
    torch.manual_seed(0)
    block = BlockA(8, 5, 6).double()
    t_BI, e_BD = torch.randn(4, 8, dtype=torch.float64), torch.randn(4, 6, dtype=torch.float64)
    before_BJ = block(t_BI, e_BD)
    with torch.no_grad():
        block.get_weight.weight.mul_(1e3)
        block.get_weight.bias.mul_(1e3)
    torch.testing.assert_close(block(t_BI, e_BD), before_BJ, rtol=1e-3, atol=1e-3)  # LayerNorm's epsilon


def test_every_record_has_its_own_matrix():
    t_BI = torch.tensor([[1.0, 2.0], [3.0, 4.0]])
    generated_BG = torch.tensor([[1.0, 2.0, 3.0, 4.0, 5.0, 6.0], [0.0, 0.0, 1.0, 1.0, 0.0, 0.0]])  # row by row
    assert by_generated(t_BI, generated_BG).tolist() == [[9.0, 12.0, 15.0], [4.0, 0.0, 3.0]]


def test_a_place_that_is_missing_moves_the_feature_by_a_fixed_amount():
    model = fusion("c", features=32, d=16, h=8, blocks=2)
    image_BF = torch.randn(2, 32, dtype=torch.float64)
    nothing = Metadata(encoded_BM=torch.zeros(2, 6).double(), place_B2=torch.full((2, 2), torch.nan).double())
    logits_BC = model(image_BF, nothing)
    assert torch.isfinite(logits_BC).all()
    assert torch.equal(logits_BC, model(image_BF, nothing))


def test_widths_between_the_blocks():
    model = fusion("b", features=32, d=16, h=8, blocks=4)
    shapes = [layer["dynamic_conv"].conv22.weight.shape for layer in model.conv2]
    assert shapes == [(16 * 8, 16), (8 * 8, 8), (8 * 8, 8), (8 * 16, 8)]
    assert DynamicMLPSettings() == DynamicMLPSettings(d=256, h=64, blocks=2)

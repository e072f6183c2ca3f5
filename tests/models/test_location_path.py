"""The location path: PriorsNet's encoder and a layer without bias, against the authors' modules."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from fieldmark.models.fusions import Sizes
from fieldmark.models.fusions.base import LocationPath
from fieldmark.models.fusions.width import parameter_count

FIGURES = json.loads(Path(__file__).with_name("dynamic_mlp_figures.json").read_text())


def path(width, d):
    return LocationPath(Sizes(features=1, categories=1, metadata=6, location_width=width), d).double().eval()


def test_it_gives_the_authors_outputs():
    """oracles/golden.json, `geo_encoder`: 6 inputs, 7 units, 5 outputs."""
    model, case = path(7, 5), FIGURES["geo_encoder"]
    parameters = dict(model.named_parameters())
    assert set(parameters) == set(case["names"])
    with torch.no_grad():
        for position, name in enumerate(case["names"]):
            value = parameters[name]
            value.copy_(0.3 * torch.sin(0.7 * torch.arange(value.numel()).double() + 1.3 * position).view_as(value))
        out_BD = model(torch.tensor(case["inputs"], dtype=torch.float64))
    np.testing.assert_allclose(out_BD, case["out"], rtol=1e-9, atol=1e-10)


def test_it_gives_the_authors_outputs_with_small_weights():
    """oracles/dynamic_mlp.json, `fcnet_eval`: 6 inputs, 16 units, 16 outputs."""
    model, case = path(16, 16), FIGURES["fcnet_eval"]
    with torch.no_grad():
        for position, (_, value) in enumerate(sorted(model.named_parameters())):
            scale = 0.01 if value.ndim == 1 else value.shape[-1] ** -0.5
            wave = torch.sin(0.7 * torch.arange(value.numel()).double() + 0.1 * (position + 1))
            value.copy_(scale * wave.view_as(value))
        inputs_BM = torch.from_numpy(np.cos(0.3 * np.arange(6)[None] + np.arange(3)[:, None]))
        out_BD = model(inputs_BM)
    np.testing.assert_allclose(out_BD[0, :6], case["row0"], rtol=1e-9, atol=0)
    np.testing.assert_allclose(out_BD.mean().item(), case["mean"], rtol=1e-9, atol=0)


@pytest.mark.parametrize(("inputs", "count"), [(2, 592_640), (4, 593_152), (6, 593_664)])
def test_parameter_counts(inputs, count):
    sizes = Sizes(features=2048, categories=8142, metadata=inputs)
    assert parameter_count(lambda: LocationPath(sizes, 256)) == count


def test_where_nothing_is_known_the_vector_is_fixed_and_finite():
    model = path(16, 8)
    out_BD = model(torch.zeros(3, 6, dtype=torch.float64))
    assert torch.isfinite(out_BD).all() and out_BD.abs().max() > 0
    assert torch.equal(out_BD[0], out_BD[2])


def test_dropout_is_on_in_training_only():
    model, inputs_BM = path(64, 8), torch.ones(1, 6, dtype=torch.float64)
    assert torch.equal(model(inputs_BM), model(inputs_BM))
    model.train()
    assert not torch.equal(model(inputs_BM), model(inputs_BM))

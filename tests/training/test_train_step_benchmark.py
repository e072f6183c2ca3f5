"""The parts of the step benchmark run, and it compares what is the same; its figures are not judged here."""

import argparse
import runpy
from pathlib import Path

import pytest
import torch

from fieldmark.config.classifier import ClassifierConfig
from fieldmark.models.fusions import Metadata, Sizes, build_fusion

BENCHMARK = Path(__file__).parents[2] / "benchmarks" / "train_step.py"


@pytest.fixture(scope="module")
def benchmark():
    return argparse.Namespace(**runpy.run_path(str(BENCHMARK)))


def filled(module):
    """The module with parameters that depend on nothing but their shape, so that names and order do not matter."""
    for parameter in module.parameters():
        values = torch.cos(torch.arange(parameter.numel(), dtype=torch.float64)).view(parameter.shape)
        parameter.data = values / parameter.shape[-1] ** 0.5
    return module.eval()


def test_the_plain_fusion_is_the_products_function(benchmark):
    sizes = Sizes(features=benchmark.FEATURES, categories=9, metadata=benchmark.METADATA)
    image, encoded = torch.randn(3, sizes.features).double(), torch.randn(3, sizes.metadata).double()
    product, authors = filled(build_fusion("dynamic_mlp_c", {}, sizes)), filled(benchmark.AuthorsFusion(9))
    expected = authors(image, encoded)
    torch.testing.assert_close(product(image, Metadata(encoded, torch.zeros(3, 2))), expected)
    assert expected.std() > 0.1


def test_every_single_process_way_runs(benchmark):
    config = ClassifierConfig(
        backbone="test_resnet",
        resolution=32,
        batch=8,
        bn_batch=8,
        mixup_group=8,
        epochs=1,
        precision="float32",
    )
    data = benchmark.experiment(config, 2, 5)
    runs = {"loop": lambda: benchmark.product_loop(config, data), "bare": lambda: benchmark.bare_loop(config, data)}
    seconds = benchmark.measure(runs | benchmark.fusion_steps(4, 5, 1), 1)
    assert set(seconds) == {"loop", "bare", "fusion", "authors"}
    assert all(value > 0 for values in seconds.values() for value in values)
    assert benchmark.ratio(seconds, "loop", "bare") > 0

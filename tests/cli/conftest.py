"""A training of seconds, as a command."""

import contextlib
import io
from collections.abc import Callable
from pathlib import Path

import pytest

from fieldmark.cli.main import run

WORLD = "world:species=6,group_size=2,per_category=16,val_per_category=6,test_per_category=8,full=2"
SMALL = ["--resolution", "32", "--epochs", "2", "--batch", "32", "--threads", "1"]

MY_FUSION = """
from fieldmark.models.fusions import FeatureFusion, fusion

@fusion("plus")
class Plus(FeatureFusion):
    def __init__(self, sizes, settings):
        super().__init__(sizes, settings, d=sizes.features)

    def fuse(self, image_BF, location_BD):
        return image_BF + location_BD
"""


def _command(folder: Path, *flags: str) -> list[str]:
    return ["train", "--data", WORLD, *SMALL, "--store", str(folder / "runs"), "--cache", str(folder / "c"), *flags]


def _printed(tokens: list[str]) -> str:
    stream = io.StringIO()
    with contextlib.redirect_stdout(stream):
        assert run(tokens) == 0
    return stream.getvalue()


@pytest.fixture(scope="session")
def command() -> Callable[..., list[str]]:
    """Takes a folder for store and cache, and further flags."""
    return _command


@pytest.fixture(scope="session")
def printed() -> Callable[[list[str]], str]:
    """Runs a command that ends well, and returns what it printed."""
    return _printed


@pytest.fixture(scope="session")
def my_fusion() -> str:
    """The text of a file that registers the fusion `plus`."""
    return MY_FUSION

"""Fixtures that every test may use."""

import os
from pathlib import Path

import pytest

# Two one-thread tests beat one two-thread test, and sums are added up in one order.
os.environ.setdefault("OMP_NUM_THREADS", "1")

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def root() -> Path:
    return ROOT


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real records beside the checkout, which the product must stand without."""
    folder = ROOT.parent / "shared"
    if not (folder / "data").is_dir():
        pytest.skip(f"no real records here: {folder} is absent")
    return folder

"""Fixtures for the tests of training."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest
import torch

FILE = Path(__file__).with_name("classifier_tiny.py")


@pytest.fixture(scope="session")
def tiny() -> ModuleType:
    """The module of the tiny classifier, which programs that tests start import as well."""
    spec = importlib.util.spec_from_file_location(FILE.stem, FILE)
    module = importlib.util.module_from_spec(spec)
    sys.modules[FILE.stem] = module  # so that processes of a loader find what they unpickle
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def one_thread():
    """Sums are added up in one order."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)

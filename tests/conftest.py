"""Fixtures that every test may use."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

# Two one-thread tests beat one two-thread test, and sums are added up in one order.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# A busy machine is no failure: properties have no deadline.
settings.register_profile("fieldmark", deadline=None)
settings.load_profile("fieldmark")

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


@pytest.fixture(scope="session")
def write_evidence(root: Path) -> Callable[[str, str, dict[str, Any]], None]:
    """Writes docs/evidence/<topic>.json: the command, the revision, the machine and what was seen."""

    def write(topic: str, command: str, figures: dict[str, Any]) -> None:
        revision = subprocess.run(["git", "rev-parse", "HEAD"], cwd=root, capture_output=True, text=True, check=False)
        machine = {"processor": _processor(), "cores": os.cpu_count(), "accelerator": "none", "system": sys.platform}
        found = {"topic": topic, "command": command, "revision": revision.stdout.strip(), "machine": machine, **figures}
        folder = root / "docs" / "evidence"
        folder.mkdir(parents=True, exist_ok=True)
        text = json.dumps(found, indent=2).replace(str(Path.home()), "~")
        (folder / f"{topic}.json").write_text(text + "\n")

    return write


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown")

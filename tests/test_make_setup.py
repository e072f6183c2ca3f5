"""`make setup` on a machine whose Python cannot make an environment leaves none behind and says what to install."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

CANNOT = {"no ensurepip": "exit 1", "another version": 'test "$1" = -m && mkdir -p "$3/bin"'}


def setup(folder: Path, python: Path) -> subprocess.CompletedProcess[str]:
    command = ["make", "setup", f"PYTHON={python}"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("script", CANNOT.values(), ids=CANNOT)
def test_no_broken_environment_stays_behind(root: Path, tmp_path: Path, script: str) -> None:
    for name in ("Makefile", "pyproject.toml", "constraints.txt"):
        shutil.copy(root / name, tmp_path)
    python = tmp_path / "python"
    python.write_text(f"#!/bin/sh\n{script}\n")
    python.chmod(0o755)
    for _ in range(2):
        done = setup(tmp_path, python)
        assert done.returncode == 2 and not (tmp_path / ".venv").exists()
        said = [line for line in done.stderr.splitlines() if not line.startswith("make")]
        assert len(said) == 1 and "Python 3.11" in said[0] and "python3.11-venv" in said[0]


@pytest.mark.slow
def test_an_environment_without_pip_is_mended(root: Path, tmp_path: Path) -> None:
    shutil.copy(root / "Makefile", tmp_path)
    (tmp_path / "constraints.txt").touch()
    (tmp_path / "pyproject.toml").write_text("no project: the installation itself fails here")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / ".venv"], check=True)
    setup(tmp_path, Path(sys.executable))
    found = [tmp_path / ".venv" / "bin" / "python", "-m", "pip", "--version"]
    assert subprocess.run(found, capture_output=True, check=False).returncode == 0

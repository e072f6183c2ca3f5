"""Where and by what a run was done: recorded, never hashed."""

import platform
import socket
import subprocess
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from fieldmark.search.cluster.probes import source_digest
from fieldmark.store.records import Provenance

LIBRARIES = ("fieldmark", "torch", "ray", "optuna", "numpy", "scikit-learn", "timm", "pyarrow")


def provenance(started: float, ended: float) -> Provenance:
    """Returns the provenance of a run done by this process.

    Args:
        started: Unix time, seconds.
        ended: Unix time, seconds.
    """
    revision, dirty = _git(Path(__file__).parent)
    return Provenance(
        host=socket.gethostname(),
        python=platform.python_version(),
        versions=_versions(),
        git_revision=revision,
        git_dirty=dirty,
        started=started,
        ended=ended,
    )


def device_name(device: str) -> str:
    """Returns a device with what it is called, e.g. `cuda:0 NVIDIA H100 80GB HBM3`: its price hangs on that."""
    if not device.startswith("cuda"):
        return device
    import torch

    return f"{device} {torch.cuda.get_device_name(device)}"


@cache
def _versions() -> dict[str, str]:
    found = {}
    for library in LIBRARIES:
        try:
            found[library] = version(library)
        except PackageNotFoundError:
            continue
    # It tells the code apart where there is no repository: on a cluster.
    return {**found, "fieldmark-source": source_digest()}


@cache
def _git(folder: Path) -> tuple[str, bool]:
    """Returns revision and whether tracked files differ from it; nothing outside a repository or without git."""

    def git(*arguments: str) -> str:
        return subprocess.run(
            ["git", "-C", str(folder), *arguments], capture_output=True, text=True, check=True, timeout=10
        ).stdout.strip()

    try:
        return git("rev-parse", "HEAD"), bool(git("status", "--porcelain", "--untracked-files=no"))
    except (OSError, subprocess.SubprocessError):
        return "", False

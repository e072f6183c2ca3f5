"""What should be installed on every node: the pins of constraints.txt for all that the product needs to run."""

import importlib.metadata
import re
from pathlib import Path

import fieldmark
from fieldmark.search.cluster import probes
from fieldmark.search.cluster.seen import Software

PRODUCT = "fieldmark"
FOLLOWS_TORCH = ("nvidia-", "cuda-", "triton")
"""Libraries of a CUDA build of torch, which a node without a GPU need not have."""


def expected() -> tuple[Software, str]:
    """Returns what should be there, and by what: constraints.txt beside the source, else this process's environment."""
    here = probes.software()
    found = here["libraries"]
    file = Path(fieldmark.__file__).resolve().parents[2] / "constraints.txt"
    pins = _pins(file.read_text()) if file.is_file() else {}
    versions = {**found, **pins}
    names = {name for name in needed(PRODUCT) if name in versions and not name.startswith(FOLLOWS_TORCH)}
    reference = Software(
        python=here["python"],
        libraries={name: versions[name] for name in sorted(names)},
        source=here["source"],
    )
    return reference, file.name if pins else "what is installed where the check runs"


def needed(root: str) -> set[str]:
    """Returns the normalised names of a distribution and of all that it needs to run here, directly or not."""
    from packaging.requirements import Requirement

    found: set[tuple[str, str]] = set()
    open_ends = [(_normal(root), "")]
    while open_ends:
        name, extra = open_ends.pop()
        if (name, extra) in found:
            continue
        found.add((name, extra))
        try:
            texts = importlib.metadata.requires(name) or []
        except importlib.metadata.PackageNotFoundError:
            continue
        for requirement in map(Requirement, texts):
            if requirement.marker is None or requirement.marker.evaluate({"extra": extra}):
                open_ends += [(_normal(requirement.name), one) for one in ("", *requirement.extras)]
    return {name for name, _ in found}


def _pins(text: str) -> dict[str, str]:
    found = re.findall(r"^([A-Za-z0-9._-]+)(?:\[[^\]]*\])?==([^\s;#]+)", text, flags=re.MULTILINE)
    return {_normal(name): version for name, version in found}


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()

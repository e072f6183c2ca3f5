"""How many trials share a GPU, from the memory that runs of their kind have been measured to take.

One that nothing is known of has a GPU to itself, and is measured by that.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from fieldmark.config import ClassifierConfig, FrozenConfig

if TYPE_CHECKING:
    from fieldmark.search.executors.bench import Unit
    from fieldmark.store import Store

MARGIN = 0.25
"""Of the measured peak, on top of it: other batches are cut up otherwise."""
CONTEXT = 600 * 2**20
"""Bytes that CUDA takes for a process beside what torch counts."""
RAYS_UNIT = 10_000
"""Parts into which Ray divides a resource."""
ASK_TIMEOUT = 60.0
"""Seconds that nodes get to say how much memory their GPUs have."""
MOST = 8
"""Trials a GPU: more would wait for each other."""


class Kind(NamedTuple):
    """What the memory of a training on a GPU depends on, beside small change."""

    method: str
    backbone: str
    resolution: int
    rows: int
    """Pictures, or cached features, that go through the network at once."""
    precision: str


def kind_of(config: object) -> Kind | None:
    """Returns the kind of a configuration; None for one that trains on no GPU."""
    if not isinstance(config, ClassifierConfig | FrozenConfig):
        return None
    return Kind(config.method, config.backbone, config.resolution, config.bn_batch, config.precision)


def trials_per_gpu(peak: int | None, memory: int) -> int:
    """Returns how many trials of one kind fit on a GPU together, from 1 to `MOST`.

    Args:
        peak: the most bytes that a trial of the kind has taken so far, as torch counts them; None: unknown.
        memory: bytes of the GPU; 0: unknown.
    """
    if peak is None or peak <= 0 or memory <= 0:
        return 1
    each = math.ceil(peak * (1 + MARGIN)) + CONTEXT
    return max(1, min(MOST, memory // each))


@dataclass
class GpuShares:
    """Gives every trial its share of a GPU."""

    memory: int
    """Bytes of the smallest GPU; 0: unknown, and nothing is shared."""
    peaks: dict[Kind, int]
    """The most bytes that a run of a kind has taken."""

    def measured(self, kind: Kind | None, peak: int) -> None:
        """Takes what a run has taken; 0 says nothing."""
        if kind is not None and peak > 0:
            self.peaks[kind] = max(peak, self.peaks.get(kind, 0))

    def of(self, kind: Kind | None) -> float:
        """Returns the share of a kind's next trial: 1, 1/2, ... 1/8, rounded down as Ray counts."""
        together = trials_per_gpu(None if kind is None else self.peaks.get(kind), self.memory)
        return math.floor(RAYS_UNIT / together) / RAYS_UNIT

    @property
    def smallest(self) -> float:
        """The smallest share that any kind has now."""
        return min((self.of(kind) for kind in self.peaks), default=1.0)


def peaks_of(store: "Store") -> dict[Kind, int]:
    """Returns what stored runs have taken, failed ones left out."""
    import pyarrow.compute as pc

    found = GpuShares(memory=0, peaks={})
    trained = pc.field("method").isin(["classifier", "frozen"]) & (pc.field("status") != "failed")
    for record in store.run_records(trained):
        found.measured(kind_of(record.spec.config), record.cost.peak_gpu_memory_bytes)
    return found.peaks


def kind_of_unit(unit: "Unit") -> Kind | None:
    """Returns the kind of a unit's run."""
    return kind_of(unit.task.spec.config)


def has_gpus(nodes: Sequence[Mapping[str, float]]) -> bool:
    """Whether any of the nodes has a GPU."""
    return any(node.get("GPU", 0) >= 1 for node in nodes)


def smallest_memory() -> int:
    """Returns the bytes of the smallest GPU of the joined cluster; 0 where a node with a GPU does not tell."""
    import ray
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    nodes = [node["NodeID"] for node in ray.nodes() if node["Alive"] and node["Resources"].get("GPU")]
    ask = ray.remote(num_cpus=0)(_memory_here)
    there = [
        ask.options(scheduling_strategy=NodeAffinitySchedulingStrategy(node, soft=False)).remote() for node in nodes
    ]
    try:
        return min(ray.get(there, timeout=ASK_TIMEOUT), default=0)
    except ray.exceptions.RayError:
        return 0


def parse_memory(lines: Iterable[str]) -> int:
    """Returns the smallest of MiB a line in bytes, as nvidia-smi prints them; 0 for anything else."""
    try:
        return min(int(line) for line in lines if line.strip()) * 2**20
    except ValueError:
        return 0


def _memory_here() -> int:
    import subprocess

    command = ["nvidia-smi", "--query-gpu=memory.total", "--format=csv,noheader,nounits"]
    try:
        shown = subprocess.run(command, capture_output=True, text=True, timeout=30, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return 0
    return parse_memory(shown.splitlines())

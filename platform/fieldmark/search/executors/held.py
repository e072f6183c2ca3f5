"""What a unit that was started has for itself."""

from fieldmark.search.executors.base import Executor
from fieldmark.search.executors.bench import Unit

Held = tuple[float, float]
"""CPUs and GPUs."""


def held_by(executor: Executor, unit: Unit) -> Held:
    """Returns the CPUs and GPUs that an executor gives a unit; where it does not say, a CPU for every worker."""
    holds = getattr(executor, "holds", None)
    if holds is None:
        return float(getattr(unit, "workers", 1)), 0.0
    cpus, gpus = holds(unit)
    return float(cpus), float(gpus)

"""A process of the cluster: where it is, what it has for itself, and its end where it is stuck.

No thread can be stopped from outside, and a process that is stopped hears no request: it has to be killed.
"""

import os
import signal
from pathlib import Path
from typing import Any

from fieldmark.machine import cores

RAYS = b"ray::"
"""How the command lines of Ray's workers begin, so that no later process of the same id is ended."""


def end_process(node: str, pid: int) -> Any:
    """Has a node end one of its Ray workers at once; returns a reference to whether there was one, without waiting.

    Args:
        node: Ray's id of it.
        pid: of the worker, on that node.
    """
    import ray
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    there = NodeAffinitySchedulingStrategy(node, soft=False)
    return ray.remote(num_cpus=0, max_retries=0)(_kill).options(scheduling_strategy=there).remote(pid)


def own_place() -> tuple[str, int]:
    """Returns Ray's id of this process's node, and the process's own id: what `end_process` takes."""
    import ray

    return ray.get_runtime_context().get_node_id(), os.getpid()


def own_cores() -> int:
    """Returns the cores that this process has for itself: a Ray actor its share of the node, else all it may use."""
    import ray

    if ray.is_initialized() and ray.get_runtime_context().get_actor_id() is not None:
        return max(1, int(ray.get_runtime_context().get_assigned_resources().get("CPU", 1)))
    return cores()


def _kill(pid: int) -> bool:
    line = Path(f"/proc/{pid}/cmdline")
    try:
        if line.exists() and not line.read_bytes().startswith(RAYS):
            return False
        os.kill(pid, signal.SIGKILL)
    except OSError:  # it has ended
        return False
    return True

"""Joins a Ray cluster or starts a local one, and looks whether every node can reach the store."""

import contextlib
import logging
import os
import sys
import tempfile
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fieldmark.errors import UserError
from fieldmark.machine import cores
from fieldmark.search.executors.guard import Guard

if TYPE_CHECKING:
    from fieldmark.store import Store

SETTINGS = {
    "RAY_CHDIR_TO_TRIAL_DIR": "0",  # trials resolve paths as the driver does
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",  # CSV, JSON and TensorBoard files cost half the throughput
    "TUNE_GLOBAL_CHECKPOINT_S": "86400",  # Tune's own state is never restored
    "TUNE_FORCE_TRIAL_CLEANUP_S": "10",
    "TUNE_PRINT_ALL_TRIAL_ERRORS": "0",  # failures are recorded and shown by the sweep
    "TUNE_WARN_INSUFFICENT_RESOURCE_THRESHOLD_S": "86400",  # the sweep's own watchdog says it better
    "RAY_AIR_NEW_OUTPUT": "0",  # the reporter that can be silenced
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
}
GROUP_SETTINGS = {
    "RAY_TRAIN_HEALTH_CHECK_INTERVAL_S": "0.2",  # the default of 2 s stretches short epochs
    "RAY_TRAIN_METRICS_ENABLED": "0",
}
NODE_TIMEOUT = 60.0


class RaySession:
    """This process's connection to Ray."""

    def __init__(self, address: str | None, say: Callable[[str], None]) -> None:
        """Joins the cluster at the address, or of RAY_ADDRESS, or started on this machine; else starts a local one.

        Token authentication is left as it is set; the dashboard stays on, since nested trials hang without it.

        Raises:
            UserError: where there is no such cluster.
        """
        for name, value in SETTINGS.items():
            os.environ.setdefault(name, value)
        import ray

        logging.getLogger("ray").setLevel(logging.ERROR)
        quiet: dict[str, Any] = {"logging_level": logging.ERROR, "log_to_driver": False}
        wanted = address or os.environ.get("RAY_ADDRESS") or None
        self._guard: Guard | None = None
        if wanted is None and not _cluster_on_this_machine():
            say("starting Ray on this machine")
            self._guard = Guard()
            ray.init(address="local", num_cpus=cores(), **quiet)
        else:
            say(f"joining the Ray cluster {'at ' + wanted if wanted else 'on this machine'}")
            try:
                ray.init(address=wanted, **quiet)
            except (ConnectionError, ValueError, RuntimeError) as error:
                first = str(error).strip().splitlines()[0]
                raise UserError(f"--address {wanted or 'of this machine'}: cannot join Ray ({first})") from None

    @property
    def cpus(self) -> int:
        """CPUs of all living nodes."""
        import ray

        return int(ray.cluster_resources().get("CPU", 0))

    @property
    def gpus(self) -> int:
        """GPUs of all living nodes."""
        import ray

        return int(ray.cluster_resources().get("GPU", 0))

    def resources(self) -> str:
        """Returns in a few words what the cluster has and what of it is free."""
        import ray

        total, free = ray.cluster_resources(), ray.available_resources()
        nodes = sum(node["Alive"] for node in ray.nodes())
        return f"{nodes} node(s), {total.get('CPU', 0):g} CPUs of which {free.get('CPU', 0):g} are free"

    def check_nodes(self, store: "Store") -> None:
        """Has every living node read what this process wrote to the store, and write what this process reads.

        Raises:
            UserError: naming a node that cannot.
        """
        import ray
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        nodes = [node for node in ray.nodes() if node["Alive"]]
        if len(nodes) == 1:
            return
        token = f"probe-{uuid.uuid4().hex}"
        store.put(token, b"driver")
        probe = ray.remote(num_cpus=0)(_probe)
        refs = {
            node["NodeManagerHostname"]: probe.options(
                scheduling_strategy=NodeAffinitySchedulingStrategy(node["NodeID"], soft=False)
            ).remote(store.url, token, node["NodeID"])
            for node in nodes
        }
        try:
            for (host, ref), node in zip(refs.items(), nodes, strict=True):
                problem = ray.get(ref, timeout=NODE_TIMEOUT)
                if problem is None and store.get(f"{token}-{node['NodeID']}") is None:
                    problem = "what it wrote is not there"
                if problem is not None:
                    raise UserError(f"--store {store.url}: node {host} does not share it ({problem})")
        except ray.exceptions.RayError as error:
            raise UserError(f"a node of the cluster does not answer: {str(error).splitlines()[0]}") from None
        finally:
            for key in store.list("."):
                if key.startswith(token):
                    store.objects.delete(key)

    def close(self) -> None:
        """Disconnects; a local Ray is stopped."""
        import ray

        ray.shutdown()
        if self._guard is not None:
            self._guard.dismiss()


@contextlib.contextmanager
def group_session(address: str | None, say: Callable[[str], None]) -> Iterator[RaySession]:
    """Joins or starts Ray as groups need it, and leaves it at the end.

    Raises:
        UserError: see `RaySession`.
    """
    for name, value in GROUP_SETTINGS.items():
        os.environ.setdefault(name, value)
    with contextlib.redirect_stdout(sys.stderr):  # Ray prints there what befalls it; ours is for results
        session = RaySession(address, say)
        try:
            yield session
        finally:
            session.close()


def _probe(url: str, token: str, node: str) -> str | None:
    """Runs on a node: reads the driver's object and writes its own; returns what is wrong, or None."""
    from fieldmark.store import Store

    try:
        store = Store.open(url, create=False)
        if store.get(token) != b"driver":
            return "the driver's object is not there"
        store.put(f"{token}-{node}", b"node")
    except UserError as error:
        return str(error)
    return None


def _cluster_on_this_machine() -> bool:
    """Whether `ray start` has left the address of a cluster here; other sweeps' private ones leave none."""
    root = Path(os.environ.get("RAY_TMPDIR", "/tmp" if os.path.isdir("/tmp") else tempfile.gettempdir()))
    return (root / "ray" / "ray_current_cluster").exists()

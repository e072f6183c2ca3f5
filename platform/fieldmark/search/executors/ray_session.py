"""Joins a Ray cluster or starts a local one, and looks whether every node can reach the store."""

import contextlib
import logging
import os
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fieldmark.errors import UserError
from fieldmark.machine import cores
from fieldmark.search.cluster.definition import PLACEHOLDERS, check_store
from fieldmark.search.executors.could_have import EXAMPLE, VARIABLE, Nodes, could_have
from fieldmark.search.executors.guard import Guard
from fieldmark.search.executors.object_store import bytes_of, check_room, store_size
from fieldmark.search.executors.shared import check_shared
from fieldmark.search.executors.situation import KINDS, read_situation

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
    # An answer that is lost with a cut connection is missed after a minute: with Ray's 300 s and 120 s a sweep stands.
    "RAY_grpc_client_keepalive_time_ms": "30000",
    "RAY_grpc_client_keepalive_timeout_ms": "30000",
}
GROUP_SETTINGS = {
    "RAY_TRAIN_HEALTH_CHECK_INTERVAL_S": "0.2",  # the default of 2 s stretches short epochs
    "RAY_TRAIN_METRICS_ENABLED": "0",
}

OF_JOB = "RAY_JOB_CONFIG_JSON_ENV_VAR"
"""Environment variable in which Ray Jobs tell a driver its runtime environment; Ray refuses a name that is in both."""


class RaySession:
    """This process's connection to Ray."""

    def __init__(self, address: str | None, say: Callable[[str], None], *, arrays: object = None) -> None:
        """Joins the cluster at the address, or of RAY_ADDRESS, or started on this machine; else starts a local one.

        Token authentication is left as it is set; the dashboard stays on, since nested trials hang without it.

        Args:
            address: of the cluster.
            say: shows a line.
            arrays: what will be put into the object store: a local one is made large enough for it.

        Raises:
            UserError: where there is no such cluster.
        """
        for name, value in SETTINGS.items():
            os.environ.setdefault(name, value)
        logging.getLogger("ray").setLevel(logging.ERROR)
        self._say = say
        self.grows = False
        """Whether nodes are added to the cluster when something waits for them; known after `nodes`."""
        self._guard: Guard | None = None
        self._diverted = contextlib.redirect_stdout(sys.stderr)  # Ray prints there what befalls it; ours is for results
        self._diverted.__enter__()
        try:
            self._join(address, arrays)
        except BaseException:
            self._diverted.__exit__(None, None, None)
            raise

    def _join(self, address: str | None, arrays: object) -> None:
        import ray

        quiet: dict[str, Any] = {"logging_level": logging.ERROR, "log_to_driver": False, **_for_workers()}
        wanted = address or os.environ.get("RAY_ADDRESS") or None
        if wanted is None and not _cluster_on_this_machine():
            self._say("starting Ray on this machine")
            self._guard = Guard()
            size = store_size(bytes_of(arrays))
            ray.init(address="local", num_cpus=cores(), object_store_memory=size, **quiet)
            return
        self._say(f"joining the Ray cluster {'at ' + wanted if wanted else 'on this machine'}")
        try:
            ray.init(address=wanted, **quiet)
        except (ConnectionError, ValueError, RuntimeError) as error:
            first = str(error).strip().splitlines()[0]
            raise UserError(f"--address {wanted or 'of this machine'}: cannot join Ray ({first})") from None

    def nodes(self) -> Nodes:
        """Returns the resources of each living node; where the cluster grows, those of all that it could have.

        Then it says so: what there is no room for now waits, and so has new nodes started.

        Raises:
            UserError: for a bad FIELDMARK_CLUSTER_MAX.
        """
        import ray

        nodes = ray.nodes()
        present = [node["Resources"] for node in nodes if node["Alive"]]
        could = could_have(nodes) if self._guard is None else []
        self.grows = any(_total(could, kind) > _total(present, kind) for kind in KINDS)
        if not self.grows:
            return present
        more = " and ".join(f"{_total(could, kind):g} {kind}s" for kind in KINDS if _total(could, kind))
        self._say(f"the cluster can grow to {more}; what has no room now waits for nodes that are started for it")
        return could

    def resources(self) -> str:
        """Returns in a few words what the cluster has and what of it is free."""
        import ray

        total, free = ray.cluster_resources(), ray.available_resources()
        nodes = sum(node["Alive"] for node in ray.nodes())
        grown = "" if self.grows or self._guard is not None else f" (where it grows, set {VARIABLE}={EXAMPLE})"
        return f"{nodes} node(s), {total.get('CPU', 0):g} CPUs of which {free.get('CPU', 0):g} are free{grown}"

    def explain(self, request: Mapping[str, float]) -> str:
        """Returns what the cluster has, who holds it, and what to do for a request that waits."""
        situation = read_situation()
        return f"{situation.words()}; {situation.advice(request)}"

    def check_arrays(self, arrays: object, what: str) -> None:
        """Looks whether arrays fit into the object store of every node: each that works on them has a copy.

        Raises:
            UserError: naming the smallest node.
        """
        import ray

        if self._guard is not None:
            return
        nodes = [node for node in ray.nodes() if node["Alive"] and node["Resources"].get("CPU")]
        check_room(bytes_of(arrays), what, {node["NodeManagerHostname"]: node["Resources"] for node in nodes})

    def check_nodes(self, store: "Store") -> None:
        """Looks whether every living node shares the store; see `check_shared`. Later ones look when they begin.

        Raises:
            UserError: naming a node that does not; or for a store that nodes which are not there yet cannot share.
        """
        given = store.objects.given
        if self.grows or (self._guard is None and given in PLACEHOLDERS):
            check_store(given)
        check_shared(store)

    def close(self) -> None:
        """Disconnects; a local Ray is stopped."""
        import ray

        ray.shutdown()
        self._diverted.__exit__(None, None, None)
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
    with contextlib.closing(RaySession(address, say)) as session:
        yield session


def _for_workers() -> dict[str, Any]:
    """Returns what brings the store's patience to workers on other nodes, where it is set, and not for a whole job."""
    from fieldmark.store.patience import VARIABLE as PATIENCE

    text = os.environ.get(PATIENCE)
    if not text or PATIENCE in os.environ.get(OF_JOB, ""):
        return {}
    return {"runtime_env": {"env_vars": {PATIENCE: text}}}


def _total(nodes: Nodes, kind: str) -> float:
    return sum(node.get(kind, 0) for node in nodes)


def _cluster_on_this_machine() -> bool:
    """Whether `ray start` has left the address of a cluster here; other sweeps' private ones leave none."""
    root = Path(os.environ.get("RAY_TMPDIR", "/tmp" if os.path.isdir("/tmp") else tempfile.gettempdir()))
    return (root / "ray" / "ray_current_cluster").exists()

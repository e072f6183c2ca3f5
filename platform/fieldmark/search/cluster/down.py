"""Takes a cluster down: Ray's own `ray down`, then whatever it has left on any host."""

import json
import shlex
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from fieldmark.search.cluster.definition import ClusterFile
from fieldmark.search.cluster.ray_command import run_ray
from fieldmark.search.cluster.ssh import Ssh

SECONDS = 90.0


@dataclass(frozen=True, slots=True)
class HostState:
    """What of the cluster runs on a host."""

    host: str
    reached: bool
    why: str
    """Why it does not answer; empty where it does."""
    sessions: tuple[str, ...] = ()
    processes: tuple[dict[str, Any], ...] = ()
    """pid and command of each."""
    windows: tuple[str, ...] = ()
    """Commands of `ray submit --tmux` whose windows are still open."""

    @property
    def clean(self) -> bool:
        """Whether it is known that nothing of the cluster runs there."""
        return self.reached and not self.processes and not self.windows


@dataclass(frozen=True, slots=True)
class DownResult:
    """What was there and what is left."""

    cluster: str
    dry_run: bool
    before: tuple[HostState, ...]
    after: tuple[HostState, ...]

    @property
    def exit_code(self) -> int:
        """1 where something is left, of which a dry run is no reason, or a host does not answer."""
        return 0 if all(host.reached if self.dry_run else host.clean for host in self.after) else 1

    def to_json(self) -> dict[str, Any]:
        """Returns it for scripts."""
        return asdict(self)

    def text(self) -> str:
        """Returns a few lines for people."""
        verb = "runs" if self.dry_run else "is left"
        lines = [f"cluster {self.cluster}"]
        for host in self.after:
            if not host.reached:
                lines.append(f"{host.host}: does not answer ({host.why}); what runs there is not known")
                continue
            what = [f"{one['pid']} {one['command']}" for one in host.processes]
            what += [f"tmux: {command}" for command in host.windows]
            lines.append(f"{host.host}: {len(what) or 'nothing'} {verb}" + "".join(f"\n  {one}" for one in what))
        return "\n".join(lines)


def take_down(file: Path, *, dry_run: bool, say: Callable[[str], None]) -> DownResult:
    """Ends the cluster of the file on all of its hosts.

    Only processes of that user and of that cluster's control store or sessions are ended.

    Raises:
        UserError: for a file that cannot be used.
    """
    cluster = ClusterFile.read(file)
    ssh = Ssh(cluster)
    say(f"looking at {len(cluster.hosts)} host(s)")
    before = _ask(cluster, ssh, (), end=False)
    if dry_run:
        return DownResult(cluster.name, True, before, before)
    if run_ray(cluster, "down", "--yes") != 0:
        say("ray down has failed; what runs on the hosts is ended all the same")
    sessions = {session for host in before for session in host.sessions}
    say("ending what is left")
    _ask(cluster, ssh, tuple(sorted(sessions)), end=True)
    return DownResult(cluster.name, False, before, _ask(cluster, ssh, tuple(sorted(sessions)), end=False))


def is_up(cluster: ClusterFile, ssh: Ssh) -> bool:
    """Whether Ray of this cluster runs on its head."""
    return bool(_look(cluster, ssh, cluster.head, (), end=False).processes)


def _ask(cluster: ClusterFile, ssh: Ssh, sessions: tuple[str, ...], *, end: bool) -> tuple[HostState, ...]:
    return tuple(ssh.on_all(cluster.hosts, lambda host: _look(cluster, ssh, host, sessions, end=end)).values())


def _look(cluster: ClusterFile, ssh: Ssh, host: str, sessions: tuple[str, ...], *, end: bool) -> HostState:
    program = (Path(__file__).parent / "leftovers.py").read_text()
    arguments = ["--gcs", cluster.gcs, "--windows", *(word for session in sessions for word in ("--session", session))]
    command = shlex.join(["python3", "-", *arguments, *(["--end"] if end else [])])
    answer = ssh.run(host, command, text=program, seconds=SECONDS)
    try:
        found = json.loads(answer.out.strip().splitlines()[-1])  # shells may say other things first
    except (ValueError, IndexError):
        return HostState(host, False, answer.why)
    return HostState(
        host, True, "", tuple(found["sessions"]), tuple(found["left"]), tuple(dict(found["windows"]).values())
    )

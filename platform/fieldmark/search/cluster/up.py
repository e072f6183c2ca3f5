"""Brings a cluster up: checks its file, makes the token, runs Ray's launcher, waits for every machine."""

import json
import shlex
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from fieldmark.errors import UserError
from fieldmark.search.cluster.definition import ClusterFile
from fieldmark.search.cluster.down import is_up
from fieldmark.search.cluster.environment import as_exports, launch_environment
from fieldmark.search.cluster.ray_command import run_ray
from fieldmark.search.cluster.schema import check_schema
from fieldmark.search.cluster.ssh import Answer, Ssh
from fieldmark.search.cluster.token import ensure_token

PROJECT = "~/fieldmark-project"
LEAST_FREE = 7 * 10**9
"""Bytes that the environment takes of a home."""
LACKS = "fieldmark: "
"""Begins what a host says that it lacks: shells that log in may say other things."""
NEEDED = f"""
lacks() {{ echo "{LACKS}$1"; }}
for one in rsync make python3; do command -v $one > /dev/null || lacks "no $one: apt install $one"; done
if [ "$1" = head ]; then command -v tmux > /dev/null || lacks "no tmux: apt install tmux"; fi
test ! -x {PROJECT}/.venv/bin/ray || exit 0
if ! command -v python3.11 > /dev/null; then lacks "no python3.11: apt install python3.11 python3.11-venv"
elif ! python3.11 -c "import ensurepip" 2> /dev/null; then lacks "no venv for python3.11: apt install python3.11-venv"
fi
free=$(df -Pk ~ | tail -n 1 | tr -s " " | cut -d " " -f 4)
if [ "$free" -lt {LEAST_FREE // 1024} ]; then
lacks "$((free / 976563)) GB free in $HOME, where the environment takes {LEAST_FREE // 10**9} GB: make room"
fi
"""
STATE = f"""
test -d {PROJECT}/platform || {{ echo "the project is not there yet"; exit; }}
test -x {PROJECT}/.venv/bin/ray || {{ echo "the project is there, its environment not yet (make setup)"; exit; }}
pgrep -u "$(id -u)" raylet > /dev/null || {{ echo "installed, but Ray does not run"; exit; }}
echo "Ray runs there, but the head does not see it (a firewall, or another token)"
"""


@dataclass(frozen=True, slots=True)
class UpResult:
    """A cluster that was asked for."""

    cluster: str
    file: str
    head: str
    joined: tuple[str, ...]
    missing: dict[str, str]
    """Workers that have not joined, and what ssh can tell about why."""
    environment: dict[str, str]
    dry_run: bool

    @property
    def exit_code(self) -> int:
        """1 where a machine is missing."""
        return 1 if self.missing else 0

    def to_json(self) -> dict[str, Any]:
        """Returns it for scripts."""
        return {**asdict(self), "commands": self.commands()}

    def commands(self) -> dict[str, str]:
        """Returns what a person runs next, by purpose."""
        job = "jobs/sweep_priorsnet.py"
        return {
            "submit": f"ray submit {self.file} {job}",
            "submit, and survive a dropped connection": f"ray submit --tmux {self.file} {job}",
            "look at it again": f"ray attach --tmux {self.file}",
            "resume after a loss (the same command)": f"ray submit {self.file} {job}",
            "check": f"fieldmark cluster check {self.file}",
            "dashboard at http://localhost:8265": f"ray dashboard {self.file}",
            "down": f"fieldmark cluster down {self.file}",
        }

    def text(self) -> str:
        """Returns lines for people."""
        joined = f"{len(self.joined)} worker(s) joined"
        done = "file and machines are in order; nothing started" if self.dry_run else joined
        lines = [f"cluster {self.cluster}: head {self.head}, {done}"]
        lines += [f"{host} has not joined: {why}" for host, why in self.missing.items()]
        if self.missing:
            lines.append(f"the launcher's log: ray exec {self.file} 'tail -n 50 /tmp/ray/session_latest/logs/monitor*'")
        lines += ["", "# for plain ray commands in this shell:", as_exports(self.environment), ""]
        lines += [f"# {purpose}:\n{command}" for purpose, command in self.commands().items()]
        return "\n".join(lines)


def bring_up(file: Path, *, wait: float, restart: bool, dry_run: bool, say: Callable[[str], None]) -> UpResult:
    """Launches the cluster of the file.

    Args:
        file: a cluster.yaml.
        wait: seconds that workers may take to join; the first time they install the project.
        restart: start Ray anew where it runs already, cutting off what runs on it.
        dry_run: check the file and the hosts, and change nothing.
        say: takes lines on what is being done.

    Raises:
        UserError: for a file that cannot be used, a host without ssh or a program, or where `ray up` fails.
    """
    cluster = ClusterFile.read(file)
    check_schema(file)
    ssh = Ssh(cluster)
    say(f"looking at {len(cluster.hosts)} host(s)")
    _check_hosts(cluster, ssh)
    result = UpResult(cluster.name, str(file), cluster.head, (), {}, launch_environment(), dry_run)
    if dry_run:
        return result
    if not restart and is_up(cluster, ssh):
        raise UserError(
            f"{file}: Ray of this cluster runs on {cluster.head} already; --restart cuts off what runs on it"
        )
    ensure_token()
    code = run_ray(cluster, "up", "--yes")
    if code != 0:
        raise UserError(f"{file}: `ray up` has failed with exit code {code}; what it said stands above")
    say(f"waiting for {len(cluster.workers)} worker(s), at most {wait:.0f} s")
    missing = _missing(cluster, ssh, wait)
    return UpResult(
        cluster=cluster.name,
        file=str(file),
        head=cluster.head,
        joined=tuple(host for host in cluster.workers if host not in missing),
        missing=ssh.on_all(missing, lambda host: _why(ssh, host)),
        environment=launch_environment(),
        dry_run=False,
    )


def _check_hosts(cluster: ClusterFile, ssh: Ssh) -> None:
    """Refuses hosts on which the launcher would wait in vain, or the installation fail."""

    def look(host: str) -> Answer:
        command = f"set -- {'head' if host == cluster.head else 'worker'}; {NEEDED}"
        return ssh.run(host, f"bash --login -i -c {shlex.quote(command)}")  # as Ray's launcher: PATH may be set there

    for host, answer in ssh.on_all(cluster.hosts, look).items():
        if answer.code != 0:
            raise UserError(f"{cluster.path.name}: no ssh to {cluster.user}@{host} ({answer.why})")
        lacks = [line.removeprefix(LACKS) for line in answer.out.splitlines() if line.startswith(LACKS)]
        if lacks:
            raise UserError(f"{cluster.path.name}: {host} has {'; '.join(lacks)}")


def _missing(cluster: ClusterFile, ssh: Ssh, wait: float) -> tuple[str, ...]:
    """Returns the workers that have not joined within so many seconds."""
    python = f"{PROJECT}/.venv/bin/python -m fieldmark.search.cluster.joined"
    command = f"RAY_AUTH_MODE=token RAY_ADDRESS={cluster.gcs} {python} {wait:g} {shlex.join(cluster.workers)}"
    answer = ssh.run(cluster.head, command, seconds=wait + 60, show=True)
    try:
        return tuple(json.loads(answer.out.strip().splitlines()[-1]))
    except (ValueError, IndexError):
        raise UserError(f"{cluster.head}: cannot ask Ray there who has joined ({answer.why})") from None


def _why(ssh: Ssh, host: str) -> str:
    """Returns what ssh can tell about a machine that has not joined."""
    answer = ssh.run(host, STATE)
    return answer.out.strip() if answer.code == 0 and answer.out.strip() else f"no ssh to it ({answer.why})"

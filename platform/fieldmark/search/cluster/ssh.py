"""Runs commands on a cluster's machines over ssh, as Ray's launcher reaches them."""

import subprocess
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

from fieldmark.search.cluster.definition import ClusterFile

CONNECT_SECONDS = 10
UNREACHABLE = 255
"""Exit code of ssh itself."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Answer:
    """What a command on a host gave."""

    code: int
    out: str
    error: str

    @property
    def reached(self) -> bool:
        """Whether ssh came through to the host."""
        return self.code != UNREACHABLE

    @property
    def why(self) -> str:
        """The last line of what went wrong."""
        lines = [line for line in self.error.strip().splitlines() if not line.startswith("Warning: ")]
        return lines[-1].strip() if lines else f"exit code {self.code}"


class Ssh:
    """The ways to the hosts of one cluster: directly, or through the head where a host is not reached otherwise."""

    def __init__(self, cluster: ClusterFile) -> None:
        self._cluster = cluster

    def command(self, host: str, *, through_head: bool = False) -> list[str]:
        """Returns the ssh command line up to where the remote command follows."""
        cluster = self._cluster
        jump = None
        if through_head:
            jump = " ".join([*self._options(cluster.proxy), "-W", "%h:%p", f"{cluster.user}@{cluster.reached_at}"])
        address = cluster.reached_at if host == cluster.head else host
        return [*self._options(jump or cluster.proxy), f"{cluster.user}@{address}"]

    def run(self, host: str, command: str, *, text: str = "", seconds: float = 60.0, show: bool = False) -> Answer:
        """Runs a command with the text on its standard input, within so many seconds.

        With `show` its standard error is this process's, not part of the answer.
        """
        answer = _run([*self.command(host), command], text, seconds, show)
        if answer.reached or host == self._cluster.head:
            return answer
        other = _run([*self.command(host, through_head=True), command], text, seconds, show)
        return other if other.reached else answer

    def on_all(self, hosts: Iterable[str], ask: Callable[[str], T]) -> dict[str, T]:
        """Returns what the function gives for each host, asked at the same time."""
        names = list(hosts)
        with ThreadPoolExecutor(max_workers=min(16, max(1, len(names)))) as pool:
            return dict(zip(names, pool.map(ask, names), strict=True))

    def _options(self, proxy: str | None) -> list[str]:
        settings = ["BatchMode=yes", "StrictHostKeyChecking=accept-new", f"ConnectTimeout={CONNECT_SECONDS}"]
        key = self._cluster.key
        options = [word for setting in settings for word in ("-o", setting)]
        options += ["-i", str(key), "-o", "IdentitiesOnly=yes"] if key is not None else []
        return ["ssh", *options, *(["-o", f"ProxyCommand={proxy}"] if proxy else [])]


def _run(command: Sequence[str], text: str, seconds: float, show: bool) -> Answer:
    error = None if show else subprocess.PIPE
    try:
        done = subprocess.run(
            command, input=text, stdout=subprocess.PIPE, stderr=error, text=True, timeout=seconds, check=False
        )
    except subprocess.TimeoutExpired:
        return Answer(UNREACHABLE, "", f"no answer within {seconds:g} s")
    return Answer(done.returncode, done.stdout, done.stderr or "")

"""docs/how-to/three-hosts.md, command by command, on three hosts over ssh: up, swept, cut off, taken down (slow)."""

import re
import shlex
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from fieldmark.store import Store
from fieldmark.testing.hosts import Host, Hosts, why_not

PAGE = "docs/how-to/three-hosts.md"
SYNCED = ("platform", "search_spaces", "jobs")
FILES = ("pyproject.toml", "constraints.txt", "Makefile", "README.md", "cluster.yaml")
WORKER = "RayTrainWorker"
DRIVER = re.compile(r"python \S+/sweep_priorsnet\.py")
COMMAND_SECONDS = 1500
ONE_CPU = "ray start --num-cpus=1 --object-store-memory=200000000 "
"""The hosts share this machine's cores: with one CPU each, three workers or trials need all three."""

Evidence = Callable[[str, str, dict[str, Any]], None]


class Page:
    """The page's commands, with the hosts' addresses in place of its examples."""

    def __init__(self, text: str, hosts: Hosts) -> None:
        self._names = {f"10.0.0.1{number}": host.address for number, host in enumerate(hosts.machines, start=1)}
        self._names |= {"/mnt/shared": str(hosts.shared), "ubuntu": "root"}
        blocks = re.findall(r"^```(\w*)\n(.*?)^```$", text, re.S | re.M)
        self.commands = [self._here(line) for kind, block in blocks if not kind for line in block.splitlines()]
        self.lines = [self._here(line) for kind, block in blocks if kind == "yaml" for line in block.splitlines()]

    def fill_in(self, cluster: str) -> str:
        """Returns the repository's cluster.yaml with the page's lines in place of those that begin alike."""
        for line in self.lines:
            begin = re.match(r".*?(?:: |--store )", line)
            assert begin is not None
            cluster, count = re.subn(rf"^{re.escape(begin[0])}.*$", line.replace("\\", r"\\"), cluster, flags=re.M)
            assert count == 1, line
        return cluster

    def _here(self, line: str) -> str:
        for example, own in self._names.items():
            line = line.replace(example, own)
        return line.partition("  #")[0]


@pytest.fixture
def hosts(tmp_path: Path, root: Path) -> Iterator[Hosts]:
    if reason := why_not():
        pytest.skip(reason)
    with Hosts(3, tmp_path / "hosts", source=root) as made:
        for host in made.machines:
            host.run("touch ~/fieldmark-project/.venv/.installed")  # there is no network to install from
        yield made


class Laptop:
    """Where the page's reader types, in a checkout of the repository."""

    def __init__(self, hosts: Hosts, page: Page, root: Path) -> None:
        self.hosts, self.seen = hosts, list[dict[str, Any]]()
        self._before = "cd ~/checkout"
        folder = hosts.laptop.home / "checkout"
        folder.mkdir()
        for name in SYNCED:
            shutil.copytree(root / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        for name in FILES:
            shutil.copy2(root / name, folder)
        filled = page.fill_in((folder / "cluster.yaml").read_text())
        (folder / "cluster.yaml").write_text(filled.replace("ray start ", ONE_CPU))

    def type(self, command: str) -> str:
        """Runs a command of the page, and notes how long it took and on which hosts it ran."""
        if command.startswith("eval "):
            self._before += f" && {command}"
        recorded, workers, done = self._records(), set[str](), threading.Event()
        watch = threading.Thread(target=self._watch, args=(workers, done))
        watch.start()
        started = time.monotonic()
        try:
            if command.startswith("ray attach"):
                out = self._attach_and_drop(command)
            else:
                out = self.hosts.laptop.run(f"{self._before} && {command}", timeout=COMMAND_SECONDS).stdout
        finally:
            done.set()
            watch.join()
        new = {run: host for run, host in self._records().items() if run not in recorded}
        self.seen.append(
            {
                "command": command,
                "seconds": round(time.monotonic() - started, 1),
                "runs_by_host": {host: list(new.values()).count(host) for host in sorted(set(new.values()))},
                "hosts_with_train_workers": sorted(workers),
            }
        )
        return out

    def _records(self) -> dict[str, str]:
        folder = self.hosts.shared / "runs"
        if not folder.exists():
            return {}
        return {one.run_id: one.provenance.host for one in Store.open(str(folder), create=False).run_records()}

    def _watch(self, workers: set[str], done: threading.Event) -> None:
        while not done.wait(1.0):
            workers |= {host.name for host in self.hosts.machines if any(WORKER in one for _, one in host.processes())}

    def _attach_and_drop(self, command: str) -> str:
        """Looks at the sweep in tmux, loses the network, and comes back when the sweep has ended by itself."""
        laptop, head = self.hosts.laptop, self.hosts[1]
        (driver,) = [pid for pid, one in head.processes() if DRIVER.match(one)]
        in_a_terminal = f"import pty; pty.spawn({shlex.split(command)!r})"
        typed = f"{self._before} && python -c {shlex.quote(in_a_terminal)}"
        attached = laptop.popen(typed, stdout=subprocess.DEVNULL, env={"TERM": "xterm"})
        head.run("until tmux list-clients | grep -q .; do sleep 0.2; done")
        laptop.cut()
        attached.wait(timeout=120)
        laptop.mend()
        assert driver in dict(head.processes()), "the sweep does not need the connection"
        head.run(f"tail --pid={driver} -f /dev/null", timeout=COMMAND_SECONDS)
        return head.run("tmux capture-pane -p -S - | tail -n 300").stdout


def left_over(host: Host) -> list[str]:
    """Returns what runs on a host beside the sshd of connections that are about to close."""
    return [command for _, command in host.processes() if not command.startswith("sshd")]


@pytest.mark.slow
@pytest.mark.timeout(7200)
def test_three_hosts_as_the_page_says(hosts: Hosts, root: Path, write_evidence: Evidence) -> None:
    page = Page((root / PAGE).read_text(), hosts)
    laptop = Laptop(hosts, page, root)
    after_ray_down: dict[str, list[str]] = {}
    said = {}
    for command in page.commands:
        said[command] = laptop.type(command)
        if command.startswith("ray down"):
            after_ray_down = {host.name: left_over(host) for host in hosts.machines}
    left = {host.name: left_over(host) for host in hosts.machines}
    by_command = {one["command"]: one for one in laptop.seen}
    names = [host.name for host in hosts.machines]

    submitted = [command for command in page.commands if command.startswith("ray submit")]
    priorsnet, fusion, train, _, again = submitted
    attach = next(command for command in page.commands if command.startswith("ray attach"))
    swept = [by_command[command]["runs_by_host"] for command in (priorsnet, fusion, attach)]
    assert sorted({host for hosts_of in swept for host in hosts_of}) == names, "trials on all three"
    assert all(len(hosts_of) > 1 for hosts_of in swept[:2]), "no sweep from nothing stays on one"
    assert by_command[train]["hosts_with_train_workers"] == names, "DDP workers on all three"
    assert sum(by_command[attach]["runs_by_host"].values()) > 0, "it went on without the connection"
    assert by_command[again]["runs_by_host"] == {}, "and so the same command has nothing left to do"
    for command in (priorsnet, again, next(one for one in page.commands if "fieldmark table" in one)):
        assert "Table S2" in said[command] and "PriorsNet" in said[command]
    assert list((hosts.laptop.home / "checkout" / "reports").glob("*/index.html"))
    assert left == {name: [] for name in names}, "no process is left on any host"
    figures = {
        "commands": [{**one, "command": _generic(one["command"], hosts)} for one in laptop.seen],
        "cpus_a_host": 1,
        "records_in_the_shared_store": len(laptop._records()),
        "left_after_ray_down": {name: len(commands) for name, commands in after_ray_down.items()},
        "left_after_fieldmark_cluster_down": {name: len(commands) for name, commands in left.items()},
    }
    write_evidence("ray_up", "pytest -m slow tests/cluster/test_ray_up.py", figures)


def _generic(command: str, hosts: Hosts) -> str:
    return command.replace(str(hosts.shared), "SHARED")

"""What `cluster up` and `down` say where a machine is missing, unreachable or not empty, and their exit codes."""

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from fieldmark.search.cluster import down, up
from fieldmark.search.cluster.definition import ClusterFile
from fieldmark.search.cluster.down import HostState, take_down
from fieldmark.search.cluster.ssh import Answer, Ssh
from fieldmark.search.cluster.up import bring_up

HOSTS = ("192.0.2.1", "192.0.2.2")
CLUSTER = ClusterFile(
    path=Path("cluster.yaml"),
    name="fieldmark",
    head=HOSTS[0],
    workers=HOSTS[1:],
    user="ubuntu",
    key=None,
    proxy=None,
    store="/mnt/shared/runs",
    reached_at=HOSTS[0],
)
NOTHING = json.dumps({"sessions": [], "found": [], "left": [], "windows": {}})
RUNS = json.dumps(
    {"sessions": ["s"], "found": [], "left": [{"pid": 7, "command": "raylet"}], "windows": {"$1": "python ~/job.py"}}
)


class Machines:
    """Stands for ssh: each host answers what it is told to, by the first word that a command holds."""

    def __init__(self, answers: dict[tuple[str, str], Answer]) -> None:
        self.answers = answers
        self.asked: list[tuple[str, str]] = []

    def run(self, host: str, command: str, *, text: str = "", seconds: float = 0, show: bool = False) -> Answer:
        self.asked.append((host, command))
        found = [answer for (whose, word), answer in self.answers.items() if whose == host and word in command]
        return found[0] if found else Answer(0, "", "")

    on_all = Ssh.on_all


@pytest.fixture
def machines(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Machines:
    made = Machines({(host, "python3 -"): Answer(0, NOTHING, "") for host in HOSTS})
    monkeypatch.setenv("HOME", str(tmp_path))
    for module in (up, down):
        monkeypatch.setattr(module, "Ssh", lambda cluster: made)
        monkeypatch.setattr(module, "run_ray", lambda cluster, *words: 0)
    monkeypatch.setattr(up, "check_schema", lambda path: None)
    monkeypatch.setattr(ClusterFile, "read", classmethod(lambda cls, path: CLUSTER))
    return made


def launch(*, dry_run: bool = False, restart: bool = False) -> up.UpResult:
    return bring_up(Path("cluster.yaml"), wait=1, restart=restart, dry_run=dry_run, say=lambda line: None)


def test_a_worker_that_has_not_joined_is_named_with_the_reason(machines: Machines) -> None:
    machines.answers[HOSTS[0], "cluster.joined"] = Answer(0, '["192.0.2.2"]\n', "")
    machines.answers[HOSTS[1], "raylet"] = Answer(0, "installed, but Ray does not run\n", "")
    result = launch()
    assert (result.exit_code, result.joined) == (1, ())
    assert "192.0.2.2 has not joined: installed, but Ray does not run" in result.text()
    machines.answers[HOSTS[1], "raylet"] = Answer(255, "", "ssh: connect to host 192.0.2.2: No route to host\n")
    assert "No route to host" in launch().text()


def test_when_all_have_joined_the_next_commands_are_printed(machines: Machines) -> None:
    machines.answers[HOSTS[0], "cluster.joined"] = Answer(0, "[]\n", "")
    result = launch()
    assert (result.exit_code, result.joined) == (0, HOSTS[1:])
    for words in ("export RAY_AUTH_MODE=token", "ray submit --tmux", "ray attach --tmux", "cluster down"):
        assert words in result.text()
    assert set(result.to_json()) >= {"joined", "missing", "environment", "commands"}


def test_a_dry_run_changes_nothing(machines: Machines, tmp_path: Path) -> None:
    assert "nothing started" in launch(dry_run=True).text()
    assert not list(tmp_path.iterdir()) and not any("joined" in command for _, command in machines.asked)


def test_hosts_on_which_the_launch_would_hang_are_refused(machines: Machines) -> None:
    machines.answers[HOSTS[1], "rsync"] = Answer(
        0, "Welcome to Debian\nfieldmark: no rsync: apt install rsync\nfieldmark: 1 GB free\n", ""
    )
    with pytest.raises(ValueError, match=r"192\.0\.2\.2 has no rsync: apt install rsync; 1 GB free$"):
        launch()
    machines.answers[HOSTS[1], "rsync"] = Answer(255, "", "Permission denied (publickey).")
    with pytest.raises(ValueError, match=r"no ssh to ubuntu@192\.0\.2\.2 \(Permission denied"):
        launch()


def test_a_running_cluster_is_not_restarted_by_accident(machines: Machines) -> None:
    machines.answers[HOSTS[0], "python3 -"] = Answer(0, f"Welcome to Debian\n{RUNS}", "")
    machines.answers[HOSTS[0], "cluster.joined"] = Answer(0, "[]\n", "")
    with pytest.raises(ValueError, match="--restart"):
        launch()
    assert launch(restart=True).exit_code == 0


def test_down_says_what_is_left_and_who_does_not_answer(machines: Machines) -> None:
    machines.answers[HOSTS[0], "python3 -"] = Answer(1, RUNS, "")
    machines.answers[HOSTS[1], "python3 -"] = Answer(255, "", "Connection timed out")
    result = take_down(Path("cluster.yaml"), dry_run=False, say=lambda line: None)
    assert result.exit_code == 1
    assert "2 is left\n  7 raylet\n  tmux: python ~/job.py" in result.text()
    assert "192.0.2.2: does not answer (Connection timed out)" in result.text()
    assert any("--session s" in command and "--end" in command for _, command in machines.asked)


def test_down_is_done_when_every_host_is_empty(machines: Machines) -> None:
    result = take_down(Path("cluster.yaml"), dry_run=False, say=lambda line: None)
    assert (result.exit_code, result.after) == (0, tuple(HostState(host, True, "") for host in HOSTS))


def test_downs_dry_run_ends_nothing(machines: Machines) -> None:
    machines.answers[HOSTS[0], "python3 -"] = Answer(0, RUNS, "")
    result = take_down(Path("cluster.yaml"), dry_run=True, say=lambda line: None)
    assert result.exit_code == 0 and "2 runs" in result.text()
    assert not any("--end" in command for _, command in machines.asked)
    machines.answers[HOSTS[1], "python3 -"] = Answer(255, "", "Connection timed out")
    assert take_down(Path("cluster.yaml"), dry_run=True, say=lambda line: None).exit_code == 1


@pytest.fixture
def bare(tmp_path: Path) -> Callable[..., str]:
    """Runs what looks at a host, on one that has the given programs only."""
    programs = tmp_path / "bin"
    programs.mkdir()

    def look(*has: str, role: str = "head", free: int = 10**9, venv: bool = True) -> str:
        for old in programs.iterdir():
            old.unlink()
        for name in ("tail", "tr", "cut"):
            (programs / name).symlink_to(shutil.which(name) or name)
        scripts = dict.fromkeys(has, "exit 0") | {"df": f"echo / 1 1 {free} 1% /"}
        if "python3.11" in scripts and not venv:
            scripts["python3.11"] = "exit 1"
        for name, script in scripts.items():
            (programs / name).write_text(f"#!/bin/sh\n{script}\n")
            (programs / name).chmod(0o755)
        environment = {"PATH": str(programs), "HOME": str(tmp_path)}
        command = ["/bin/sh", "-c", f"set -- {role}; {up.NEEDED}"]
        said = subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout
        return said.replace(up.LACKS, "")

    return look


ALL = ("rsync", "make", "python3", "python3.11", "tmux")


def test_what_a_host_lacks_is_named_with_what_to_install(bare: Callable[..., str], tmp_path: Path) -> None:
    assert bare(*ALL) == bare(*ALL[:4], role="worker") == ""
    assert bare(*ALL[:4]) == "no tmux: apt install tmux\n"
    assert bare(*ALL, venv=False) == "no venv for python3.11: apt install python3.11-venv\n"
    assert bare("rsync", "make", "python3", "tmux") == "no python3.11: apt install python3.11 python3.11-venv\n"
    assert bare(*ALL, free=3_000_000) == f"3 GB free in {tmp_path}, where the environment takes 7 GB: make room\n"
    ray = tmp_path / "fieldmark-project" / ".venv" / "bin" / "ray"
    ray.parent.mkdir(parents=True)
    ray.touch(0o755)
    assert bare("make", "python3", "tmux", free=0) == "no rsync: apt install rsync\n", "the environment is there"

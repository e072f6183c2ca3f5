"""What `cluster up` and `down` say where a machine is missing, unreachable or not empty, and their exit codes."""

import json
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
    machines.answers[HOSTS[1], "rsync"] = Answer(0, "rsync\n", "")
    with pytest.raises(ValueError, match=r"192\.0\.2\.2 has no rsync"):
        launch()
    machines.answers[HOSTS[1], "rsync"] = Answer(255, "", "Permission denied (publickey).")
    with pytest.raises(ValueError, match=r"no ssh to ubuntu@192\.0\.2\.2 \(Permission denied"):
        launch()


def test_a_running_cluster_is_not_restarted_by_accident(machines: Machines) -> None:
    machines.answers[HOSTS[0], "python3 -"] = Answer(0, RUNS, "")
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

"""A machine of a cluster: its token, its shells' environment, the start of its head, and whose processes are ended."""

import json
import os
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from fieldmark.cli.main import run
from fieldmark.errors import UserError
from fieldmark.search.cluster import leftovers
from fieldmark.search.cluster.leftovers import Cluster, Process, members
from fieldmark.search.cluster.node import prepare
from fieldmark.search.cluster.start_hook import configure
from fieldmark.search.cluster.token import ensure_token

SESSION = "session_2030-01-02_03-04-05_678901_234"
OTHER = "session_2030-01-02_03-04-05_678901_999"
GCS = "192.0.2.1:6379"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


def test_the_token_is_made_once_and_for_its_owner_alone(home: Path) -> None:
    old = os.umask(0)
    try:
        path = ensure_token()
    finally:
        os.umask(old)
    token = path.read_text()
    assert path == home / ".ray" / "auth_token" and len(token) == 64
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    path.chmod(0o644)
    assert ensure_token().read_text() == token and stat.S_IMODE(path.stat().st_mode) == 0o600


def test_an_empty_token_is_refused(home: Path) -> None:
    ensure_token().write_text("\n")
    with pytest.raises(UserError, match="is empty"):
        ensure_token()


def test_the_environment_is_printed_as_exports_and_the_token_is_made(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["cluster", "env"]) == 0
    shown = capsys.readouterr().out
    program = f'{shown}\necho "$RAY_UP_enable_autoscaler_v2 $RAY_AUTH_MODE"'
    assert subprocess.run(["sh", "-c", program], capture_output=True, text=True, check=True).stdout == "0 token\n"
    token = home / ".ray" / "auth_token"
    assert len(token.read_text()) == 64 and stat.S_IMODE(token.stat().st_mode) == 0o600, "plain `ray up` copies it"


def test_shells_of_a_prepared_machine_know_the_store_and_the_programs(home: Path) -> None:
    ensure_token().chmod(0o644)
    (home / ".bashrc").write_text("alias ll='ls -l'")
    for _ in range(2):
        prepare("/mnt/it's/runs", home, Path("/opt/programs"))
    lines = (home / ".bashrc").read_text().splitlines()
    assert lines[0] == "alias ll='ls -l'" and len(lines) == 2
    command = 'source ~/.bashrc; source ~/.bashrc; echo "$FIELDMARK_STORE|$RAY_AUTH_MODE|$PATH"'
    plain = {"HOME": str(home), "PATH": "/bin"}
    shown = subprocess.run(["bash", "-c", command], env=plain, capture_output=True, text=True, check=True).stdout
    assert shown == "/mnt/it's/runs|token|/opt/programs:/bin\n"
    assert stat.S_IMODE((home / ".ray" / "auth_token").stat().st_mode) == 0o600


def test_further_variables_are_the_shells_and_nobody_elses(home: Path) -> None:
    ensure_token()
    script = home / ".fieldmark" / "environment.sh"
    script.parent.mkdir()
    script.write_text("")
    script.chmod(0o644)
    command = [sys.executable, "-m", "fieldmark.search.cluster.node", "--store", "s3://bucket/runs"]
    more = ["--env", "AWS_REGION=eu-central-1", "--env", "AWS_SECRET_ACCESS_KEY=a'b=c $d"]
    without_tmux = {**os.environ, "PATH": "/nonexistent"}
    subprocess.run([*command, *more], env=without_tmux, check=True)
    assert stat.S_IMODE(script.stat().st_mode) == 0o600, "also where an earlier version made it"
    shown = f'. {script}; printf %s "$AWS_REGION|$AWS_SECRET_ACCESS_KEY|$FIELDMARK_STORE"'
    said = subprocess.run(["sh", "-c", shown], capture_output=True, text=True, check=True).stdout
    assert said == "eu-central-1|a'b=c $d|s3://bucket/runs"
    refused = subprocess.run([*command, "--env", "secret"], capture_output=True, text=True, check=False)
    assert refused.returncode == 2 and "NAME=VALUE" in refused.stderr and "secret" not in refused.stderr


@pytest.mark.parametrize(("store", "token", "named"), [("STORE", True, "not filled in"), ("/runs", False, "missing")])
def test_a_machine_is_not_prepared_halfway(home: Path, store: str, token: bool, named: str) -> None:
    if token:
        ensure_token()
    command = [sys.executable, "-m", "fieldmark.search.cluster.node", "--store", store]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2 and named in done.stderr and len(done.stderr.splitlines()) == 1
    assert not (home / ".bashrc").exists()


def test_the_head_is_bound_to_the_address_of_the_file(tmp_path: Path) -> None:
    config = tmp_path / "bootstrap.yaml"
    config.write_text(json.dumps({"provider": {"head_ip": "192.0.2.1"}}))
    parameters = SimpleNamespace(ray_client_server_port=10001, autoscaling_config=str(config), node_ip_address="::")
    configure(parameters, True)
    assert (parameters.ray_client_server_port, parameters.node_ip_address) == (None, "192.0.2.1")


def process(pid: int, parent: int, command: str, *sessions: str) -> Process:
    return Process(pid, parent, command, set(sessions))


def test_a_clusters_processes_are_told_from_anothers() -> None:
    table = [
        process(10, 1, f"raylet --gcs-address={GCS} --session-name={SESSION}", SESSION),
        process(11, 10, "ray::IDLE"),
        process(12, 11, "python: a loader's process of that worker"),
        process(13, 1, "ray::DashboardAgent", SESSION),
        process(14, 2, "python sweep.py", SESSION),
        process(20, 1, f"raylet --gcs-address=192.0.2.11:6379 --session-name={OTHER}", OTHER),
        process(21, 20, "ray::IDLE"),
        process(30, 1, f"raylet --gcs-address={GCS}0", "session of a longer port"),
        process(40, 1, "vim session_notes.txt"),
    ]
    assert [one.pid for one in members(table, Cluster(GCS, 6379, set()), {14})] == [10, 11, 12, 13]
    assert [one.pid for one in members(table, Cluster(None, 6379, set()), set())] == [10, 11, 12, 13, 14, 20, 21]
    alone = [one for one in table if one.pid in (13, 20, 21, 40)]
    assert [one.pid for one in members(alone, Cluster(GCS, 6379, {SESSION}), set())] == [13]


def test_the_session_of_a_machine_that_lost_its_raylet_is_known(tmp_path: Path) -> None:
    (tmp_path / "ray_current_cluster").write_text(GCS)
    (tmp_path / "session_latest").symlink_to(tmp_path / SESSION)
    ours, other = Cluster(GCS, 6379, set()), Cluster("192.0.2.9:6379", 6379, set())
    assert leftovers.noted_session(ours, tmp_path) == {SESSION} and not leftovers.noted_session(other, tmp_path)
    leftovers.forget(other, tmp_path)
    assert (tmp_path / "ray_current_cluster").exists()
    leftovers.forget(ours, tmp_path)
    assert not (tmp_path / "ray_current_cluster").exists()


@pytest.fixture
def stubborn() -> Iterator[subprocess.Popen[str]]:
    """A process that looks like a raylet and is deaf to SIGTERM, with a child."""
    program = "import signal, subprocess, sys, time; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
    program += "subprocess.Popen(['sleep', '600']); print('ready', flush=True); time.sleep(600)"
    arguments = [sys.executable, "-c", program, "--gcs-address=192.0.2.77:6379", f"--session-name={SESSION}"]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True, start_new_session=True) as started:
        assert started.stdout is not None and started.stdout.readline() == "ready\n"
        yield started
        if started.poll() is None:
            os.killpg(started.pid, signal.SIGKILL)


def test_the_program_lists_and_ends_them_as_it_is_sent_over_ssh(
    stubborn: subprocess.Popen[str], tmp_path: Path
) -> None:
    source = Path(leftovers.__file__).read_text().replace("GRACE = 8.0", "GRACE = 0.5")

    def ask(*flags: str) -> tuple[int, dict[str, list[dict[str, object]]]]:
        command = [sys.executable, "-I", "-", *flags]
        done = subprocess.run(command, input=source, capture_output=True, text=True, check=False)
        return done.returncode, json.loads(done.stdout)

    code, listed = ask("--gcs", "192.0.2.77:6379")
    assert code == 0 and listed["sessions"] == [SESSION]
    assert listed["left"][0]["pid"] == stubborn.pid and len(listed["left"]) == 2
    bootstrap = tmp_path / "ray_bootstrap_config.yaml"
    bootstrap.write_text(json.dumps({"provider": {"type": "local", "head_ip": "192.0.2.78"}}))
    _, others = ask("--port", "6379", "--bootstrap", str(bootstrap), "--end")
    assert others["found"] == [] and stubborn.poll() is None, "another cluster's head with the same port"
    bootstrap.write_text(json.dumps({"provider": {"type": "local", "head_ip": "192.0.2.77"}}))
    code, ended = ask("--port", "6379", "--bootstrap", str(bootstrap), "--end")
    assert (code, ended["left"]) == (0, []) and len(ended["found"]) == 2
    assert stubborn.wait(timeout=5) == -signal.SIGKILL

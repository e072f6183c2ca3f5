"""`fieldmark submit` from a laptop, through a tunnel, to a real head with a token on a host of its own (slow)."""

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from fieldmark.testing.hosts import Host, Hosts, why_not

PROJECT = "fieldmark-project"
WORLD = "world:species=9,per_category=20,val_per_category=8,test_per_category=10,full=2"
PARTS = ("platform", "search_spaces", "jobs", "pyproject.toml", "constraints.txt")
TOKEN = "0123456789abcdef" * 4

# Says whose code it is run by, in the driver and in a task, and ends as it is told to.
WHOSE = """
import os
import sys

import ray

from fieldmark.mark import MARK


@ray.remote
def whose():
    from fieldmark.mark import MARK

    return MARK


ray.init(logging_level="error")
print("driver:", MARK, "task:", ray.get(whose.remote()), "store:", os.environ["FIELDMARK_STORE"])
sys.exit(int(sys.argv[1]))
"""
WAITS = """
import signal
import sys

try:
    print("waiting", flush=True)
    signal.pause()
except KeyboardInterrupt:
    print("left its checkpoint", flush=True)
    sys.exit(130)
"""

# Ctrl-C as soon as the job says that it waits; a shell's background commands ignore it without job control.
INTERRUPTED = """
set -m
mkfifo ~/said
fieldmark submit jobs/waits.py >~/said 2>~/told &
pid=$!
exec 3<~/said
while read -r -u 3 line && [ "$line" != waiting ]; do :; done
kill -INT "$pid"
wait "$pid"
code=$?
cat ~/told
exit "$code"
"""


@pytest.fixture
def hosts(root: Path, tmp_path: Path) -> Iterator[Hosts]:
    if reason := why_not():
        pytest.skip(reason)
    with Hosts(1, tmp_path / "hosts", source=root) as made:
        for host, mark in ((made.laptop, "uploaded"), (made[1], "installed")):
            copy_project(root, host.home / PROJECT, mark)
            _keep_token(host, TOKEN)
        made[1].run(
            f'PATH="$HOME/{PROJECT}/.venv/bin:$PATH" ray start --head --port 6379 --num-cpus 2 --disable-usage-stats'
            " --object-store-memory 100000000 --dashboard-host 127.0.0.1",
            env={"RAY_AUTH_MODE": "token", "OMP_NUM_THREADS": "1"},
            timeout=120,
        )
        made.laptop.run("ssh -f -N -o ExitOnForwardFailure=yes -L 8265:127.0.0.1:8265 host1 >/dev/null 2>&1")
        yield made


def copy_project(root: Path, project: Path, mark: str) -> None:
    """Copies the code, with a module that says whose it is."""
    ignore = shutil.ignore_patterns("__pycache__")
    for name in PARTS:
        if (root / name).is_dir():
            shutil.copytree(root / name, project / name, ignore=ignore, dirs_exist_ok=True)
        else:
            shutil.copy(root / name, project / name)
    (project / "platform" / "fieldmark" / "mark.py").write_text(f"MARK = {mark!r}\n")
    (project / "jobs" / "whose.py").write_text(WHOSE)
    (project / "jobs" / "waits.py").write_text(WAITS)


def _keep_token(host: Host, token: str) -> None:
    (host.home / ".ray").mkdir(exist_ok=True)
    path = host.home / ".ray" / "auth_token"
    path.write_text(token)
    path.chmod(0o600)


def _type(hosts: Hosts, line: str, **variables: str) -> CompletedProcess[str]:
    """Types a line in the project's folder of the laptop."""
    environment = {"FIELDMARK_STORE": str(hosts.shared / "runs"), "OMP_NUM_THREADS": "1", **variables}
    line = f'cd {PROJECT}; export PYTHONPATH="$PWD/platform"\n{line}'
    return hosts.laptop.run(line, check=False, timeout=300, env=environment)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_submit_from_a_laptop(hosts: Hosts) -> None:
    # The uploaded code is what runs: not that of an editable install on the nodes, nor that of an ordinary one.
    done = _type(hosts, "fieldmark submit jobs/whose.py 3")
    expected = f"driver: uploaded task: uploaded store: {hosts.shared}/runs"
    assert done.returncode == 3 and expected in done.stdout, done
    assert " files, " in done.stderr and " MB, of " in done.stderr and "FAILED, exit code 3" in done.stderr
    hosts[1].run(f"cp -r {PROJECT}/platform/fieldmark $(ls -d {PROJECT}/.venv/lib/python3.*/site-packages)/")
    done = _type(hosts, "fieldmark submit jobs/whose.py 0")
    assert done.returncode == 0 and expected in done.stdout, done

    done = _type(hosts, INTERRUPTED)
    assert done.returncode == 130 and "goes on without this terminal" in done.stdout, done
    commands = {
        line.split(":")[0]: line.partition(":")[2].strip() for line in done.stdout.splitlines() if ":  " in line
    }
    assert "waits.py" in commands["go on"]
    stop = commands["stop"].partition("  (")[0]
    assert "RUNNING" in _type(hosts, stop.replace(" stop ", " status ")).stdout
    assert _type(hosts, stop).returncode == 0
    assert "left its checkpoint" in _type(hosts, commands["look"]).stdout

    sweep = f"fieldmark submit --json jobs/sweep_priorsnet.py --data {WORLD} --trials 1 --seeds 1 --json"
    first, again = _type(hosts, sweep), _type(hosts, sweep)
    assert (first.returncode, again.returncode) == (0, 0), first
    told = json.loads(again.stdout)
    assert (told["status"], told["exit_code"]) == ("SUCCEEDED", 0) and told["bytes"] < 5_000_000
    assert '"new_runs": 0' in again.stderr and '"new_runs": 0' not in first.stderr
    assert len(os.listdir(hosts.shared / "runs" / "records")) > 0

    refused = _type(hosts, "fieldmark submit jobs/whose.py 0", RAY_AUTH_TOKEN="f" * 64)
    assert refused.returncode == 2 and "refused the token" in refused.stderr and refused.stderr.count("\n") == 1

"""deploy/slurm.sbatch as a text: what it says to who forgot something. Under a real Slurm: test_slurm.py."""

import os
import re
import subprocess
from pathlib import Path

import pytest
import yaml


def test_bash_reads_the_slurm_script(root: Path) -> None:
    assert subprocess.run(["bash", "-n", root / "deploy" / "slurm.sbatch"], check=False).returncode == 0


@pytest.mark.parametrize(
    ("environment", "arguments", "message"),
    [
        ({"FIELDMARK_STORE": "/runs"}, [], "say what to run"),
        ({}, ["jobs/sweep_priorsnet.py"], "FIELDMARK_STORE is not set"),
        ({"FIELDMARK_STORE": "runs"}, ["jobs/sweep_priorsnet.py"], "expected a path from the root"),
        ({"FIELDMARK_STORE": "/runs", "FIELDMARK_GRACE": "90"}, ["jobs/sweep_priorsnet.py"], "above 90"),
        ({"FIELDMARK_STORE": "/runs"}, ["jobs/sweep_priorsnet.py"], "no Ray in"),
    ],
)
def test_the_slurm_script_says_what_is_missing(
    root: Path, tmp_path: Path, environment: dict[str, str], arguments: list[str], message: str
) -> None:
    command = ["bash", str(root / "deploy" / "slurm.sbatch"), *arguments]
    bare = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "SLURM_SUBMIT_DIR": str(tmp_path), **environment}
    done = subprocess.run(command, env=bare, capture_output=True, text=True, check=False)
    assert done.returncode == 2 and message in done.stderr and done.stderr.count("\n") == 1
    assert os.listdir(tmp_path) == []


def test_the_slurm_script_starts_nodes_as_cluster_yaml_does(root: Path) -> None:
    text = (root / "deploy" / "slurm.sbatch").read_text()
    plain = yaml.safe_load((root / "cluster.yaml").read_text())["head_start_ray_commands"][-1].replace(";", " ")
    asked = set(re.findall(r"--[a-z-]+port=\S+|--dashboard-host=\S+|(?:RAY|AUTOSCALER|DASHBOARD)_\w+=\S+", plain))
    asked -= {"RAY_enable_autoscaler_v2=0", "--dashboard-port=8265"}  # no autoscaler here; 8265 is the default
    assert {"RAY_AUTH_MODE=token", "--node-manager-port=6380"} <= asked <= set(text.replace(")", " ").split())
    directives = re.findall(r"^#SBATCH (\S+)", text, re.MULTILINE)
    assert {"--requeue", "--exclusive", "--mem=0", "--signal=B:TERM@300"} <= set(directives)
    assert "grace=${FIELDMARK_GRACE:-300}" in text


# What stands for Slurm, Ray and Python around the script: each call is one line of `calls`. SIGTERM comes from the
# driver itself, or with `early` from the start of Ray, so that its moment is known.
STUB = """#!/bin/bash
name=$(basename "$0")
echo "$name $*" >>"$HOME/calls"
case "$name $1" in
    "python -c") printf %064d 0 ;;
    "python -") cat >/dev/null ;;
    "python "*) exec bash "$@" ;;
    "ray start") [ ! -e "$HOME/early" ] || kill -TERM "$PPID" ;;
    squeue*) cat "$HOME/state" ;;
esac
"""
STOPPED = "kill -TERM $PPID; while :; do sleep 0.05; done"
RUNNING, CANCELLED = "RUNNING", "COMPLETING"


@pytest.mark.parametrize(
    ("driver", "state", "code", "requeues"),
    [
        pytest.param(f"trap 'exit 130' INT; {STOPPED}", RUNNING, 130, 1, id="stops when asked"),
        pytest.param(f"trap '' INT; {STOPPED}", RUNNING, 137, 1, id="does not stop"),
        pytest.param(f"trap 'exit 0' INT; {STOPPED}", RUNNING, 0, 0, id="was done anyway"),
        pytest.param(f"trap 'exit 130' INT; {STOPPED}", CANCELLED, 130, 0, id="is cancelled"),
        pytest.param("exit 3", RUNNING, 3, 0, id="fails by itself"),
        pytest.param("early", RUNNING, 143, 1, id="has not begun"),
    ],
)
def test_the_slurm_job_is_put_back_once_and_only_when_it_was_stopped(
    root: Path, tmp_path: Path, driver: str, state: str, code: int, requeues: int
) -> None:
    programs = tmp_path / ".venv" / "bin"
    programs.mkdir(parents=True)
    for name in ("python", "ray", "scontrol", "squeue"):
        (programs / name).write_text(STUB)
        (programs / name).chmod(0o755)
    (tmp_path / "driver.sh").write_text(driver)
    (tmp_path / "state").write_text(f"{state}\n")
    if driver == "early":
        (tmp_path / "early").touch()
    environment = {
        "PATH": "/usr/bin:/bin",
        "HOME": str(tmp_path),
        "FIELDMARK_STORE": "/runs",
        "FIELDMARK_GRACE": "91" if code == 137 else "150",  # one second for who never stops, a minute for the others
        "FIELDMARK_HEAD": "127.0.0.1",
        "SLURM_SUBMIT_DIR": str(tmp_path),
        "SLURM_JOB_ID": "of-a-test",
        "SLURM_JOB_NUM_NODES": "1",
    }
    # Where the tests run in the background SIGINT is ignored, and what is ignored at its start no shell can trap.
    command = ["env", "--default-signal=INT", "bash", str(root / "deploy" / "slurm.sbatch"), "driver.sh"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=120)
    calls = (tmp_path / "calls").read_text().splitlines()
    assert (done.returncode, calls.count("scontrol requeue of-a-test")) == (code, requeues), done
    assert calls.count("python driver.sh") == (driver != "early")
    assert "ray stop --force" in calls and not list((tmp_path / ".ray").iterdir())  # nothing is left, no token either
    if requeues:
        assert calls[-1].startswith("scontrol requeue")  # which ends the script: all else comes before

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
    assert {"--requeue", "--exclusive", "--signal=B:TERM@300"} <= set(directives)

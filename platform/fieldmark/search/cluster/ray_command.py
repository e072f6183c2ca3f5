"""Calls Ray's own launcher."""

import os
import subprocess
import sys
from pathlib import Path

from fieldmark.errors import UserError
from fieldmark.search.cluster.definition import ClusterFile
from fieldmark.search.cluster.environment import launch_environment

STDERR = 2


def run_ray(cluster: ClusterFile, verb: str, *flags: str) -> int:
    """Runs `ray VERB FLAGS FILE` in the file's folder, to which its paths are relative; returns the exit code.

    What Ray says goes to standard error.

    Raises:
        UserError: where Ray is not installed beside this Python.
    """
    program = Path(sys.executable).parent / "ray"
    if not program.is_file():
        raise UserError(f"{program}: no such program: run `make setup`")
    command = [str(program), verb, *flags, "--log-style", "pretty", cluster.path.name]
    environment = {**os.environ, **launch_environment()}
    return subprocess.run(
        command, cwd=cluster.path.parent, env=environment, stdout=STDERR, stdin=subprocess.DEVNULL, check=False
    ).returncode

"""Prepares one machine of a cluster; cluster.yaml runs `python -m fieldmark.search.cluster.node --store STORE` there.

Shells of its user then know the store, Ray's token mode and the project's programs: `ray submit` runs plain `python`.
`--env NAME=VALUE` adds what else they need, such as the region and the credentials of a bucket.
"""

import argparse
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from fieldmark.errors import UserError
from fieldmark.search.cluster.definition import check_store

LINE = ". ~/.fieldmark/environment.sh  # fieldmark: written by its cluster.yaml"


def prepare(store: str, home: Path, programs: Path, more: Mapping[str, str] = MappingProxyType({})) -> dict[str, str]:
    """Writes the environment of the user's shells; doing it again changes nothing.

    Args:
        store: results store of the cluster.
        home: the user's home.
        programs: folder of the project's programs.
        more: further variables.

    Returns:
        The variables.

    Raises:
        UserError: for a store that is not filled in, or where the token is missing.
    """
    check_store(store)
    token = home / ".ray" / "auth_token"
    if not token.is_file():
        raise UserError(f"{token}: is missing; `fieldmark cluster up` makes it, file_mounts bring it here")
    token.chmod(0o600)
    variables = {"FIELDMARK_STORE": store, "RAY_AUTH_MODE": "token", "RAY_USAGE_STATS_ENABLED": "0", **more}
    lines = [f"export {name}={shlex.quote(value)}" for name, value in variables.items()]
    here = shlex.quote(str(programs))
    lines.append(f'case ":$PATH:" in *:{here}:*) ;; *) export PATH={here}:"$PATH" ;; esac')
    script = home / ".fieldmark" / "environment.sh"
    script.parent.mkdir(exist_ok=True)
    script.touch(0o600)  # it may hold credentials
    script.chmod(0o600)
    script.write_text("\n".join(lines) + "\n")
    _source(home / ".bashrc")
    return variables


def parse_variables(given: Sequence[str]) -> dict[str, str]:
    """Returns the variables of `NAME=VALUE`.

    Raises:
        UserError: for anything else; what was given is not repeated, for it may be a secret.
    """
    found = {}
    for one in given:
        name, sign, value = one.partition("=")
        if not sign or not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
            raise UserError("--env: expected NAME=VALUE, e.g. AWS_REGION=eu-central-1")
        found[name] = value
    return found


def _source(bashrc: Path) -> None:
    text = bashrc.read_text() if bashrc.exists() else ""
    if LINE not in text.splitlines():
        bashrc.write_text(f"{text.rstrip()}\n{LINE}\n".lstrip("\n"))


def tell_tmux(variables: dict[str, str]) -> None:
    """Tells a tmux that runs already: windows that `ray submit --tmux` opens in it read no `.bashrc`."""
    for name, value in variables.items():
        try:
            subprocess.run(["tmux", "set-environment", "-g", name, value], capture_output=True, check=False)
        except OSError:
            return


def main() -> int:
    """Runs as a setup command of a node and returns its exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--store", required=True)
    parser.add_argument("--env", action="append", default=[], metavar="NAME=VALUE")
    asked = parser.parse_args()
    programs = Path(sys.executable).parent
    try:
        variables = prepare(asked.store, Path.home(), programs, parse_variables(asked.env))
    except UserError as error:
        print(f"fieldmark: {error}", file=sys.stderr)
        return 2
    tell_tmux({**variables, "PATH": f"{programs}{os.pathsep}{os.environ.get('PATH', '')}"})
    return 0


if __name__ == "__main__":
    sys.exit(main())

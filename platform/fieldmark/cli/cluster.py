"""`fieldmark cluster`: Ray clusters of machines reached by ssh, brought up, checked and taken down."""

import sys
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from fieldmark.cli.common import JsonFlag, print_json

FILE = Path("cluster.yaml")
FileArgument = Annotated[Path, Parameter(help="The cluster's file; the repository's cluster.yaml is one to fill in.")]
DryRunFlag = Annotated[bool, Parameter(negative=(), help="Say what would be done; do nothing.")]


def env(*, json: JsonFlag = False) -> int:
    """Print the environment of plain `ray up`, `ray submit` and `ray down`; make the token, which `ray up` needs."""
    from fieldmark.search.cluster.environment import as_exports, launch_environment
    from fieldmark.search.cluster.token import ensure_token

    ensure_token()
    environment = launch_environment()
    if json:
        print_json(environment)
    else:
        print(as_exports(environment))
    return 0


def up(
    cluster: FileArgument = FILE,
    /,
    *,
    wait: Annotated[str, Parameter(help="How long workers may take to join: 90s, 30m, 1h.")] = "30m",
    restart: Annotated[bool, Parameter(negative=(), help="Start Ray anew where it runs; cuts off its jobs.")] = False,
    dry_run: DryRunFlag = False,
    json: JsonFlag = False,
) -> int:
    """Bring the cluster up by Ray's launcher, with a token, and wait until every machine has joined.

    Exit code 1 where one has not.
    """
    from fieldmark.config.quantities import parse_duration
    from fieldmark.search.cluster.up import bring_up

    result = bring_up(cluster, wait=parse_duration(wait, "--wait"), restart=restart, dry_run=dry_run, say=_say)
    if json:
        print_json(result.to_json())
    else:
        print(result.text())
    return result.exit_code


def down(cluster: FileArgument = FILE, /, *, dry_run: DryRunFlag = False, json: JsonFlag = False) -> int:
    """Take the cluster down: Ray's own `ray down`, then what it leaves on the hosts; no other cluster's processes.

    Exit code 1 where something is left or a host does not answer; --dry-run lists what runs.
    """
    from fieldmark.search.cluster.down import take_down

    result = take_down(cluster, dry_run=dry_run, say=_say)
    if json:
        print_json(result.to_json())
    else:
        print(result.text())
    return result.exit_code


def check(
    cluster: Annotated[Path | None, Parameter(help="The cluster's file, whose machines should all be there.")] = None,
    /,
    *,
    address: Annotated[str | None, Parameter(help="Ray's address, for a look from one of its nodes.")] = None,
    store: Annotated[str | None, Parameter(help="Results store; default: the file's, else FIELDMARK_STORE.")] = None,
    data: Annotated[str | None, Parameter(help="Data set that every node should read.")] = None,
    json: JsonFlag = False,
) -> int:
    """Look at a running cluster: store, data, versions, clocks, disks, ports, bandwidth; say what to mend.

    Exit code 1 where there is something to mend.
    """
    from fieldmark.search.cluster.check import CheckOptions, check_cluster

    options = CheckOptions(cluster=cluster, address=address, store=store, data=data)
    result = check_cluster(options, _say)
    if json:
        print_json(result.to_json())
    else:
        result.print()
    return result.exit_code


def _say(line: str) -> None:
    print(f"fieldmark: {line}", file=sys.stderr, flush=True)

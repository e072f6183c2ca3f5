"""`fieldmark cluster check`: looks at a running cluster and says what to mend. Nothing in it waits for ever."""

import json
import os
import shlex
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from fieldmark.errors import UserError
from fieldmark.search.cluster.absent import look_at_absent
from fieldmark.search.cluster.definition import ClusterFile
from fieldmark.search.cluster.finding import Finding
from fieldmark.search.cluster.findings import judge
from fieldmark.search.cluster.seen import ClusterSeen, Software
from fieldmark.search.cluster.ssh import Ssh

REMOTE_S = 900.0
"""Longer than all limits of the look together, the data's apart: what does not answer by then never will."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckOptions:
    """What shall be looked at."""

    cluster: Path | None = None
    """A cluster.yaml, whose machines should all be nodes; None: whatever the cluster has."""
    address: str | None = None
    """Of the cluster, for a look from one of its nodes; None: by ssh to the head of the cluster.yaml, or here."""
    store: str | None = None
    """Results store; None: the cluster.yaml's, else FIELDMARK_STORE, else none is looked at."""
    data: str | None = None
    """Data set's spec, e.g. `inat2018:DIR`; None: none is looked at."""


@dataclass(frozen=True, slots=True)
class CheckResult:
    """What was seen, and what to mend."""

    seen: ClusterSeen
    findings: tuple[Finding, ...]

    @property
    def exit_code(self) -> int:
        """0: nothing to mend; 1: findings."""
        return 1 if self.findings else 0

    def to_json(self) -> dict[str, Any]:
        """Returns what was found and seen, for scripts."""
        findings = [finding.to_json() for finding in self.findings]
        return {"clean": not findings, "findings": findings, "seen": self.seen.model_dump(mode="json")}

    def print(self) -> None:
        """Prints tables for people."""
        from fieldmark.search.cluster.report import print_check

        print_check(self.seen, self.findings)


def check_cluster(options: CheckOptions, say: Callable[[str], None]) -> CheckResult:
    """Looks at the cluster.

    Args:
        options: what shall be looked at.
        say: takes a line on what is being done (for standard error).

    Raises:
        UserError: there is no such cluster, or the cluster.yaml cannot be read.
    """
    file = ClusterFile.read(options.cluster) if options.cluster is not None else None
    store = options.store or (file.store if file is not None else os.environ.get("FIELDMARK_STORE", ""))
    if file is not None and options.address is None:
        seen = _from_outside(file, store, options.data or "", say)
    else:
        from fieldmark.search.cluster.look import look

        seen = look(options.address or os.environ.get("RAY_ADDRESS") or "auto", store, options.data or "", say)
    if file is not None:
        there = {node.address for node in seen.nodes}
        missing = [address for address in file.hosts if address not in there]
        seen = seen.model_copy(update={"absent": look_at_absent(file, missing) if missing else ()})
    return CheckResult(seen, judge(seen))


def _from_outside(file: ClusterFile, store: str, data: str, say: Callable[[str], None]) -> ClusterSeen:
    """Has the head look; where it cannot, nothing is seen and every machine counts as not there."""
    say(f"asking the head, {file.user}@{file.reached_at}")
    words = ["fieldmark", "cluster", "check", "--address", file.gcs, "--store", store, "--json"]
    words += ["--data", data] if data else []
    command = f". ~/.fieldmark/environment.sh && {shlex.join(words)}"
    answer = Ssh(file).run(file.head, command, seconds=REMOTE_S, show=True)
    if answer.code in (0, 1) and answer.out.lstrip().startswith("{"):
        try:
            return ClusterSeen.model_validate(json.loads(answer.out)["seen"])
        except (ValueError, KeyError, ValidationError):
            raise UserError(f"{file.path}: the head has another fieldmark; `fieldmark cluster up` brings it") from None
    (head,) = look_at_absent(file, [file.head])
    if head.raylet:
        raise UserError(f"{file.path}: the head's check ended with exit code {answer.code}; it says above why")
    return ClusterSeen(nodes=(), reference=Software(python="", libraries={}, source=""), reference_name="", store=store)

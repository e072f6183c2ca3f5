"""`fieldmark submit`: hand a job to a cluster that has no ssh, through Ray's job server."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from fieldmark.cli.common import JsonFlag, print_json
from fieldmark.search.cluster.upload import in_megabytes

if TYPE_CHECKING:
    from fieldmark.search.cluster.submit import End, Job, Submission

EXIT_INTERRUPTED = 130
_WITH_VALUE = ("--address", "--store", "--upload-limit")


def submit(
    script: Path,
    /,
    *arguments: Annotated[str, Parameter(allow_leading_hyphen=True)],
    address: str | None = None,
    store: str | None = None,
    follow: Annotated[bool, Parameter(negative=("--no-follow",))] = True,
    upload_limit: float = 20.0,
    dry_run: Annotated[bool, Parameter(negative=())] = False,
    json: JsonFlag = False,
) -> int:
    """Run a job on a cluster by Ray's job server, where there is no ssh: Kubernetes, or a tunnel to the dashboard.

    The project's code goes along and is used instead of what the nodes have installed; data does not. The same command
    again goes on where the job stopped. Ctrl-C stops following, not the job. The exit code is the job's.

    Args:
        script: E.g. jobs/sweep_priorsnet.py.
        arguments: Of the script: everything after it.
        address: Ray's dashboard; default: RAY_API_SERVER_ADDRESS, else http://127.0.0.1:8265.
        store: Results store that every node sees; default: FIELDMARK_STORE here, else the nodes'.
        follow: Show what the job prints until it ends, or leave it alone once it runs.
        upload_limit: Megabytes of code that may go along.
        dry_run: List what would be uploaded; upload nothing.
    """
    from fieldmark.search.cluster.submit import connect, hand_over, prepare

    where = store or os.environ.get("FIELDMARK_STORE") or None
    submission = prepare(script, arguments, store=where, limit=upload_limit)
    if dry_run:
        _show_plan(submission, json=json)
        return 0
    client = connect(address)
    _say(f"uploading {_upload(submission)}")
    job = hand_over(client, submission)
    _say(f"job {job.name} runs at {job.address}; Ctrl-C here leaves it running")
    end = _watch(client, job, to=sys.stderr if json else sys.stdout) if follow else None
    _tell(job, end)
    if json:
        print_json(_as_json(submission, job, end))
    return end.exit_code if end is not None else 0


def job_tokens(tokens: Sequence[str]) -> list[str]:
    """Returns a command line in which all that follows the script of `submit` is the script's, whatever its name."""
    if not tokens or tokens[0] != "submit":
        return list(tokens)
    at = 1
    while at < len(tokens) and tokens[at].startswith("-"):
        if tokens[at] == "--":
            return list(tokens)
        at += 2 if tokens[at] in _WITH_VALUE else 1
    return [*tokens[:at], *(["--"] if at < len(tokens) else []), *tokens[at:]]


def _watch(client: Any, job: "Job", to: Any) -> "End":
    from fieldmark.search.cluster.submit import End, follow

    def show(lines: str) -> None:
        to.write(lines)
        to.flush()

    try:
        return follow(client, job, show)
    except KeyboardInterrupt:
        return End("RUNNING", EXIT_INTERRUPTED)


def _tell(job: "Job", end: "End | None") -> None:
    from fieldmark.search.lease_keeper import this_command

    if end is not None and end.status in ("SUCCEEDED", "FAILED", "STOPPED"):
        _say(f"job {job.name}: {end.status}, exit code {end.exit_code}")
        if end.status != "SUCCEEDED":
            _say(f"go on:  {this_command()}")
        return
    _say(f"job {job.name} goes on without this terminal")
    _say(f"look:   {job.command('logs --follow')}")
    _say(f"stop:   {job.command('stop')}  (checkpoints stay)")
    _say(f"go on:  {this_command()}  (once it has ended)")


def _show_plan(submission: "Submission", *, json: bool) -> None:
    if json:
        print_json(_as_json(submission, None, None))
        return
    for file in submission.upload.files:
        print(f"{file.size:>10}  {file.path}")
    print(f"would upload {_upload(submission)} and run: {submission.entrypoint}")


def _upload(submission: "Submission") -> str:
    return f"{len(submission.upload.files)} files, {in_megabytes(submission.upload.size)}, of {submission.upload.root}"


def _as_json(submission: "Submission", job: "Job | None", end: "End | None") -> dict[str, Any]:
    upload = submission.upload
    return {
        "job": job and job.name,
        "address": job and job.address,
        "status": end and end.status,
        "exit_code": end and end.exit_code,
        "entrypoint": submission.entrypoint,
        "environment": submission.environment,
        "bytes": upload.size,
        "files": [{"path": file.path, "bytes": file.size} for file in upload.files],
    }


def _say(text: str) -> None:
    print(text, file=sys.stderr)

"""Hands a job to a cluster that has no ssh, through Ray's job server, and follows what it says."""

import asyncio
import os
import shlex
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fieldmark.errors import UserError
from fieldmark.search.cluster.upload import Upload, UploadFile, collect

if TYPE_CHECKING:
    from ray.job_submission import JobSubmissionClient

DEFAULT_ADDRESS = "http://127.0.0.1:8265"
STOP_SECONDS = "300"
"""How long a job that is asked to stop may take to leave its checkpoints, before Ray ends it."""
EXIT_LOST = 1
_NO_STORE = "set on no node, so say --store: a folder that every node sees, or s3://, gs://, az://"


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """A job, ready to be handed over."""

    entrypoint: str
    upload: Upload
    environment: dict[str, str]


@dataclass(frozen=True, slots=True)
class Job:
    """A job on a cluster."""

    name: str
    address: str

    def command(self, what: str) -> str:
        """Returns the command of Ray's that does something with it, e.g. `logs --follow`, `stop` or `status`."""
        return f"RAY_AUTH_MODE=token ray job {what} --address {self.address} {self.name}"


@dataclass(frozen=True, slots=True)
class End:
    """How a job ended."""

    status: str
    """SUCCEEDED, FAILED or STOPPED; RUNNING or PENDING where it was left alone."""
    exit_code: int


def prepare(script: Path, arguments: tuple[str, ...], *, store: str | None, limit: float) -> Submission:
    """Returns the job that runs a script of the project on a cluster.

    Args:
        script: e.g. `jobs/sweep_priorsnet.py`.
        arguments: of the script.
        store: results store; None: what the nodes' FIELDMARK_STORE or the arguments say.
        limit: of the upload, in megabytes.

    Raises:
        UserError: there is no such script, the limit makes no sense or is too small for the upload, or the store would
            end with the cluster.
    """
    if not 0 <= limit < float("inf"):
        raise UserError(f"--upload-limit {limit:g}: expected a number of megabytes, e.g. 20")
    upload = collect(script, arguments)
    upload.check(limit)
    environment = {
        "PYTHONUNBUFFERED": "1",  # who follows wants to see it now
        "RAY_JOB_STOP_SIGNAL": "SIGINT",  # jobs leave their checkpoints then
        "RAY_JOB_STOP_WAIT_TIME_S": STOP_SECONDS,
    }
    file = UploadFile(script.resolve().relative_to(upload.root).as_posix(), 0)
    entrypoint = f"exec {shlex.join(['python', file.place, *arguments])}"
    named = _argument(arguments, "--store")
    if store is None and named is None:
        entrypoint = f': "${{FIELDMARK_STORE:?{_NO_STORE}}}"; {entrypoint}'
    for place in filter(None, (named, store)):
        _check_shared(place)
    if store is not None:
        environment["FIELDMARK_STORE"] = store
    return Submission(entrypoint=entrypoint, upload=upload, environment=environment)


def connect(address: str | None) -> "JobSubmissionClient":
    """Returns a connection to a cluster's job server, with the token that `RAY_AUTH_TOKEN_PATH` and the like name.

    Args:
        address: `http://host:port` of Ray's dashboard; None: RAY_API_SERVER_ADDRESS, else this machine's port 8265.

    Raises:
        UserError: there is no token, nothing answers there, or the token is another cluster's.
    """
    said = os.environ.get("RAY_API_SERVER_ADDRESS")
    wanted = address or said or DEFAULT_ADDRESS
    named = f"{'RAY_API_SERVER_ADDRESS' if said and not address else '--address'} {wanted}"
    if not wanted.startswith(("http://", "https://")):
        raise UserError(f"{named}: expected http:// and the port of Ray's dashboard, e.g. {DEFAULT_ADDRESS}")
    token = _token_place()
    os.environ["RAY_AUTH_MODE"] = "token"
    os.environ["RAY_API_SERVER_ADDRESS"] = wanted.rstrip("/")  # Ray prefers these variables to an argument
    from ray.exceptions import AuthenticationError
    from ray.job_submission import JobSubmissionClient

    try:
        return JobSubmissionClient()
    except AuthenticationError as error:
        raise UserError(
            f"{token}: {wanted} refused the token in it ({str(error).splitlines()[0]}): it is another cluster's; put "
            "the one there that is in ~/.ray/auth_token on this cluster's head"
        ) from None
    except (ConnectionError, RuntimeError, OSError) as error:
        raise UserError(
            f"{named}: no job server answers ({str(error).splitlines()[0]}); it listens on the head's "
            "loopback, so open a tunnel: ssh -L 8265:127.0.0.1:8265 HEAD, or kubectl port-forward POD 8265"
        ) from None


def hand_over(client: "JobSubmissionClient", submission: Submission) -> Job:
    """Uploads the code and starts the job.

    Raises:
        UserError: the cluster refuses it.
    """
    with tempfile.TemporaryDirectory(prefix="fieldmark-upload-") as folder:
        archive = Path(folder) / "project.zip"
        submission.upload.write(archive)
        runtime = {"working_dir": str(archive), "env_vars": submission.environment}
        try:
            name = client.submit_job(entrypoint=submission.entrypoint, runtime_env=runtime)
        except (RuntimeError, ValueError, OSError) as error:
            raise UserError(f"the cluster refuses the job: {str(error).strip().splitlines()[0]}") from None
    return Job(name, client.get_address())


def follow(client: "JobSubmissionClient", job: Job, show: Callable[[str], Any]) -> End:
    """Shows what the job prints, until it has ended.

    Returns:
        How it ended; where the connection breaks, that it goes on (with exit code 1).

    Raises:
        KeyboardInterrupt: Ctrl-C; the job goes on.
    """
    from aiohttp import ClientError

    async def tail() -> None:
        async for lines in client.tail_job_logs(job.name):
            show(lines)

    try:
        asyncio.run(tail())
        return end_of(client, job)
    except (RuntimeError, OSError, ClientError):
        return End("RUNNING", EXIT_LOST)


def end_of(client: "JobSubmissionClient", job: Job) -> End:
    """Returns how the job has ended, or that it has not."""
    info = client.get_job_info(job.name)
    status = str(info.status.value)
    if not info.status.is_terminal():
        return End(status, EXIT_LOST)
    code = info.driver_exit_code
    return End(status, code if code is not None else int(status != "SUCCEEDED"))


def _argument(arguments: tuple[str, ...], flag: str) -> str | None:
    for at, here in enumerate(arguments):
        if here == flag:
            return arguments[at + 1] if at + 1 < len(arguments) else None
        if here.startswith(f"{flag}="):
            return here.partition("=")[2]
    return None


def _check_shared(store: str) -> None:
    if "://" not in store and not store.startswith("/"):
        raise UserError(
            f"--store {store}: the job runs in a folder that ends with the cluster; expected a path from the root that "
            "every node sees, or s3://, gs://, az://"
        )


def _token_place() -> str:
    """Returns where the token is; Ray looks in these places, in this order."""
    path = os.environ.get("RAY_AUTH_TOKEN_PATH") or "~/.ray/auth_token"
    if os.environ.get("RAY_AUTH_TOKEN"):
        return "RAY_AUTH_TOKEN"
    if not Path(path).expanduser().is_file():
        raise UserError(
            f"{path}: the cluster's token is not there; copy it from the head, mode 0600 (or set RAY_AUTH_TOKEN)"
        )
    return path

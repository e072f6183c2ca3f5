"""What a submitted job takes along, what it refuses, and how its command line is read."""

import json
import subprocess
import sys
import threading
import zipfile
from collections.abc import AsyncIterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from fieldmark.cli.submit import job_tokens, submit
from fieldmark.errors import UserError
from fieldmark.search.cluster.submit import End, Job, connect, follow, prepare
from fieldmark.search.cluster.upload import collect

JOB = "jobs/sweep_priorsnet.py"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project without git, with all that must stay at home."""
    folder = tmp_path / "project"
    for path in (
        "pyproject.toml",
        "constraints.txt",
        JOB,
        "search_spaces/priorsnet.py",
        "platform/fieldmark/__init__.py",
        "platform/fieldmark/data/world.py",
        "platform/fieldmark/__pycache__/x.cpython-311.pyc",
        "platform/fieldmark.egg-info/PKG-INFO",
        "platform/environment/pyvenv.cfg",
        "platform/environment/big.py",
        "data/images.bin",
        "runs/records/record.json",
        "reports/index.html",
        ".venv/lib/x.py",
        "docs/index.md",
        "my_fusion.py",
    ):
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(f"# {path}\n")
    monkeypatch.chdir(folder)
    monkeypatch.delenv("FIELDMARK_STORE", raising=False)
    return folder


CODE = [
    "constraints.txt",
    JOB,
    "platform/fieldmark/__init__.py",
    "platform/fieldmark/data/world.py",
    "pyproject.toml",
    "search_spaces/priorsnet.py",
]


def _paths(script: str, *arguments: str) -> list[str]:
    return [file.path for file in collect(Path(script), arguments).files]


def test_code_goes_along_and_nothing_else(project: Path) -> None:
    assert _paths(JOB) == CODE


def test_with_git_what_it_ignores_stays_and_a_new_file_goes(project: Path) -> None:
    (project / ".gitignore").write_text("*.bin\n__pycache__/\n*.egg-info/\nenvironment/\n")
    (project / "search_spaces" / "weights.bin").write_text("ignored")
    subprocess.run(["git", "init", "--quiet", project], check=True)
    subprocess.run(["git", "-C", project, "add", "platform", "jobs"], check=True)
    assert _paths(JOB) == CODE


def test_a_file_of_the_project_that_the_job_names_goes_along(project: Path) -> None:
    assert _paths(JOB, "--import", "my_fusion.py", "--data", "world") == sorted([*CODE, "my_fusion.py"])
    assert _paths(JOB, "--import=my_fusion.py", "--scores", "/etc/hosts") == sorted([*CODE, "my_fusion.py"])


def test_packages_lie_at_the_top_of_the_archive_and_the_same_files_make_the_same_bytes(project: Path) -> None:
    collect(Path(JOB)).write(project / "first.zip")
    (project / JOB).touch()
    collect(Path(JOB)).write(project / "second.zip")
    names = zipfile.ZipFile(project / "first.zip").namelist()
    assert "fieldmark/data/world.py" in names and not [name for name in names if name.startswith("platform/")]
    assert (project / "first.zip").read_bytes() == (project / "second.zip").read_bytes()


def test_too_much_is_refused_with_the_ten_largest_files(project: Path) -> None:
    for number in range(12):
        (project / "search_spaces" / f"table{number:02}.csv").write_bytes(b"0" * 1_000_000 * (number + 1))
    with pytest.raises(UserError) as caught:
        prepare(Path(JOB), (), store="/runs", limit=20.0)
    text = str(caught.value)
    assert "78.0 MB to upload, expected at most 20 MB (--upload-limit)" in text
    named = [f"search_spaces/table{number:02}.csv ({number + 1}.0 MB)" for number in range(11, 1, -1)]
    assert text.endswith(", ".join(named)) and "table01" not in text and "\n" not in text
    assert prepare(Path(JOB), (), store="/runs", limit=79.0).upload.size > 78_000_000


def test_a_script_that_is_not_there_or_belongs_to_no_project(project: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="there is no such script"):
        collect(Path("jobs/sweep_priorsnett.py"))
    (tmp_path / "alone.py").write_text("")
    with pytest.raises(UserError, match=r"holds a pyproject\.toml"):
        collect(tmp_path / "alone.py")


def test_the_store_goes_to_the_job_or_must_be_the_nodes(project: Path) -> None:
    given = prepare(Path(JOB), ("--data", "world:seed=3"), store="s3://lab/runs", limit=20)
    assert given.entrypoint == f"exec python {JOB} --data world:seed=3"
    assert given.environment["FIELDMARK_STORE"] == "s3://lab/runs"
    named = prepare(Path(JOB), ("--store", "/mnt/runs"), store=None, limit=20)
    assert named.entrypoint == f"exec python {JOB} --store /mnt/runs" and "FIELDMARK_STORE" not in named.environment
    nodes = prepare(Path(JOB), (), store=None, limit=20)
    left = subprocess.run(nodes.entrypoint, shell=True, env={"PATH": "/nowhere"}, capture_output=True, check=False)
    assert left.returncode == 2 and b"--store" in left.stderr


@pytest.mark.parametrize("arguments", [("--store", "runs"), ("--store=runs",)])
def test_a_store_that_would_end_with_the_cluster_is_refused(project: Path, arguments: tuple[str, ...]) -> None:
    with pytest.raises(UserError, match=r"--store runs: .* ends with the cluster"):
        prepare(Path(JOB), arguments, store=None, limit=20)


def test_all_that_follows_the_script_is_the_scripts() -> None:
    line = ["submit", "--store", "/a", "--no-follow", JOB, "--store", "/b", "--json"]
    assert job_tokens(line) == [*line[:4], "--", *line[4:]]
    assert job_tokens(["submit", "--", JOB, "--json"]) == ["submit", "--", JOB, "--json"]
    assert job_tokens(["submit", "--help"]) == ["submit", "--help"]
    assert job_tokens(["table", "S2", "--store", "x"]) == ["table", "S2", "--store", "x"]


def test_a_dry_run_lists_what_would_go(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert submit(Path(JOB), "--data", "world", store="/runs", dry_run=True) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[1] for line in lines[:-1]] == CODE
    assert f"exec python {JOB} --data world" in lines[-1] and "would upload 6 files" in lines[-1]
    assert submit(Path(JOB), store="/runs", dry_run=True, json=True) == 0
    told = json.loads(capsys.readouterr().out)
    assert [file["path"] for file in told["files"]] == CODE and told["job"] is None
    assert told["bytes"] == sum(file["bytes"] for file in told["files"])


def test_the_projects_own_upload_is_small_and_holds_what_it_needs(root: Path) -> None:
    upload = prepare(root / JOB, (), store="/runs", limit=20.0).upload
    paths = {file.path for file in upload.files}
    assert {JOB, "platform/fieldmark/cli/main.py", "search_spaces/priorsnet.py", "constraints.txt"} <= paths
    assert {path.split("/")[0] for path in paths} <= {
        "platform",
        "search_spaces",
        "jobs",
        "pyproject.toml",
        "constraints.txt",
    }
    assert upload.size < 5_000_000


def test_without_a_token_nothing_is_sent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RAY_AUTH_TOKEN", raising=False)
    monkeypatch.setenv("RAY_AUTH_TOKEN_PATH", str(tmp_path / "token"))
    with pytest.raises(UserError, match="the cluster's token is not there"):
        connect(None)


def test_an_address_without_a_cluster_says_how_to_reach_one(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("0" * 64)
    told = _submit(tmp_path, "http://127.0.0.1:9")
    assert told.returncode == 2 and told.stderr.count("\n") == 1
    assert "--address http://127.0.0.1:9: no job server answers" in told.stderr and "ssh -L 8265" in told.stderr
    told = _submit(tmp_path, "10.0.0.1:6379")
    assert told.returncode == 2 and "expected http://" in told.stderr


class _Refuses(BaseHTTPRequestHandler):
    """Ray's answer to the token of another cluster."""

    def do_GET(self) -> None:
        self.send_response(403)
        self.end_headers()
        self.wfile.write(b"Forbidden: Invalid authentication token")

    def log_message(self, *_: object) -> None:
        """Says nothing."""


def test_a_wrong_token_is_named_by_its_file(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("0" * 64)
    with ThreadingHTTPServer(("127.0.0.1", 0), _Refuses) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        told = _submit(tmp_path, f"http://127.0.0.1:{server.server_port}")
        server.shutdown()
    assert told.returncode == 2 and told.stderr.count("\n") == 1
    assert told.stderr.startswith(f"{tmp_path / 'token'}: ") and "refused the token" in told.stderr
    assert "~/.ray/auth_token on this cluster's head" in told.stderr


@pytest.mark.parametrize("limit", [-1.0, float("nan")])
def test_a_limit_that_makes_no_sense_is_refused(project: Path, limit: float) -> None:
    with pytest.raises(UserError, match=r"--upload-limit .*: expected a number of megabytes"):
        prepare(Path(JOB), (), store="/runs", limit=limit)


def _submit(folder: Path, address: str) -> subprocess.CompletedProcess[str]:
    root = Path(__file__).resolve().parents[2]
    program = (
        "import sys; from pathlib import Path\n"
        "from fieldmark.cli.submit import submit; from fieldmark.errors import UserError\n"
        "try: submit(Path(sys.argv[1]), address=sys.argv[2], store='/runs')\n"
        "except UserError as error: print(error, file=sys.stderr); sys.exit(2)"
    )
    command = [sys.executable, "-c", program, str(root / JOB), address]
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(folder), "RAY_AUTH_TOKEN_PATH": str(folder / "token")}
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def test_what_to_type_names_the_job_and_the_address() -> None:
    job = Job("raysubmit_1", "http://127.0.0.1:8265")
    expected = "RAY_AUTH_MODE=token ray job stop --address http://127.0.0.1:8265 raysubmit_1"
    assert job.command("stop") == expected


class _JobServer:
    """A job server that says one line; then the connection breaks, or the job ends."""

    def __init__(self, status: str, code: int | None, breaks: bool = False) -> None:
        self._status, self._code, self._breaks = status, code, breaks

    async def tail_job_logs(self, name: str) -> AsyncIterator[str]:
        yield f"{name} says\n"
        if self._breaks:
            raise RuntimeError("closed unexpectedly")

    def get_job_info(self, name: str) -> Any:
        status = SimpleNamespace(value=self._status, is_terminal=lambda: self._status != "RUNNING")
        return SimpleNamespace(status=status, driver_exit_code=self._code)


@pytest.mark.parametrize(
    ("server", "end"),
    [
        (_JobServer("SUCCEEDED", 0), End("SUCCEEDED", 0)),
        (_JobServer("FAILED", 3), End("FAILED", 3)),
        (_JobServer("FAILED", None), End("FAILED", 1)),
        (_JobServer("STOPPED", None), End("STOPPED", 1)),
        (_JobServer("RUNNING", None, breaks=True), End("RUNNING", 1)),
    ],
)
def test_the_exit_code_is_the_jobs_and_a_lost_connection_is_no_end_of_it(server: Any, end: End) -> None:
    said: list[str] = []
    assert follow(server, Job("raysubmit_1", "http://127.0.0.1:8265"), said.append) == end
    assert said == ["raysubmit_1 says\n"]

"""A cluster.yaml that is not filled in, open, or ambiguous is refused in one line that names the field."""

import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from fieldmark.cli.main import run
from fieldmark.errors import UserError
from fieldmark.search.cluster.definition import ClusterFile
from fieldmark.search.cluster.schema import check_schema

Write = Callable[..., Path]
FILLED = {
    "head_ip: HEAD": "head_ip: 192.0.2.1",
    "[WORKER, WORKER]": "[192.0.2.2, 192.0.2.3]",
    "--store STORE": "--store /mnt/shared/runs",
}


@pytest.fixture
def write(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """Writes the repository's cluster.yaml, filled in, with further replacements."""
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".ssh").mkdir()
    (tmp_path / ".ssh" / "fieldmark_cluster").write_text("key")

    def written(changes: dict[str, str] | None = None) -> Path:
        text = (root / "cluster.yaml").read_text()
        for old, new in {**FILLED, **(changes or {})}.items():
            assert old in text
            text = text.replace(old, new)
        path = tmp_path / "cluster.yaml"
        path.write_text(text)
        return path

    return written


def test_three_lines_fill_it_in(write: Write, tmp_path: Path) -> None:
    cluster = ClusterFile.read(write())
    assert cluster.hosts == ("192.0.2.1", "192.0.2.2", "192.0.2.3")
    assert (cluster.store, cluster.user, cluster.gcs) == ("/mnt/shared/runs", "ubuntu", "192.0.2.1:6379")
    assert cluster.key == tmp_path / ".ssh" / "fieldmark_cluster"


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ("head_ip: 192.0.2.1", "head_ip: HEAD", "provider.head_ip 'HEAD'"),
        ("head_ip: 192.0.2.1", "head_ip: gpu-1", "provider.head_ip 'gpu-1'"),
        ("192.0.2.2, ", "WORKER, ", "provider.worker_ips 'WORKER'"),
        ("192.0.2.2, ", "192.0.2.1, ", "each machine once"),
        ("--store /mnt/shared/runs", "--store STORE", "not filled in"),
        ("--store /mnt/shared/runs", "--store runs", "an absolute path"),
        ("fieldmark.search.cluster.node --store", "fieldmark --store", "the store's line is missing"),
        ("  ~/.ray/auth_token: ~/.ray/auth_token\n", "", "file_mounts.~/.ray/auth_token"),
        ("export RAY_AUTH_MODE=token ", "export ", "RAY_AUTH_MODE=token"),
        ("type: local", "type: aws", "provider.type 'aws'"),
        ("~/.ssh/fieldmark_cluster", "~/.ssh/none", "auth.ssh_private_key"),
        ("ssh_user: ubuntu", "ssh_user:", "auth.ssh_user is missing"),
        ("provider:", "provider: [", "line"),
        ("head_ip:", "head_op:", "provider.head_ip is missing"),
        ("worker_ips:", "worker_ip:", "provider.worker_ips is missing"),
    ],
)
def test_a_mistake_names_its_field(write: Write, old: str, new: str, named: str) -> None:
    path = write()
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    with pytest.raises(UserError) as raised:
        ClusterFile.read(path)
    assert named in str(raised.value) and str(path) in str(raised.value) and "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ("rsync_exclude:", "rsync_exclud:", "'rsync_exclud' was unexpected"),
        ("rsync_exclude:", "idle_timeout_minuts: 5\nrsync_exclude:", "'idle_timeout_minuts' was unexpected"),
        ("  ssh_user:", "  ssh_port: 22\n  ssh_user:", "auth: "),
        ("cluster_name: fieldmark", "cluster_name: [fieldmark]", "cluster_name: "),
    ],
)
def test_what_rays_launcher_would_refuse_later_is_refused_first(
    write: Write, old: str, new: str, named: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write()
    check_schema(path)
    assert capsys.readouterr().out == ""
    path.write_text(path.read_text().replace(old, new))
    with pytest.raises(UserError) as raised:
        check_schema(path)
    said = str(raised.value)
    assert named in said and str(path) in said and "\n" not in said and len(said) < len(str(path)) + 200


def test_long_values_are_cut(write: Write) -> None:
    path = write()
    text = path.read_text().replace("RAY_AUTH_MODE=token ", "")
    path.write_text(text)
    with pytest.raises(UserError, match=r"head_start_ray_commands .{100,130} \.\.\.: expected"):
        ClusterFile.read(path)


def test_the_repositorys_file_itself_is_refused_by_the_command(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for tokens in (["up"], ["up", "--dry-run"], ["down", "--json"]):
        assert run(["cluster", tokens[0], str(root / "cluster.yaml"), *tokens[1:]]) == 2
        captured = capsys.readouterr()
        assert captured.out == "" and len(captured.err.splitlines()) == 1 and "HEAD" in captured.err


def test_a_missing_file_is_one_line(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert run(["cluster", "up", str(tmp_path / "none.yaml")]) == 2
    assert "none.yaml: no such file" in capsys.readouterr().err


def test_rays_own_schema_takes_it(write: Write) -> None:
    from ray.autoscaler._private.util import prepare_config, validate_config

    validate_config(prepare_config(yaml.safe_load(write().read_text())))


def test_it_syncs_what_an_installation_needs(root: Path) -> None:
    mounts = yaml.safe_load((root / "cluster.yaml").read_text())["file_mounts"]
    own = {local for local in mounts.values() if not local.startswith("~")}
    assert all((root / local).exists() for local in own)
    assert own >= {"platform", "search_spaces", "pyproject.toml", "constraints.txt", "Makefile", "README.md"}


def test_no_program_in_the_home_finds_the_project_in_place_of_the_package(root: Path) -> None:
    mounts = yaml.safe_load((root / "cluster.yaml").read_text())["file_mounts"]
    assert all(not remote.startswith(("~/fieldmark/", "~/search_spaces/")) for remote in mounts)


@pytest.mark.parametrize("field", ["head_start_ray_commands", "worker_start_ray_commands"])
def test_a_node_without_the_token_is_not_started(root: Path, tmp_path: Path, field: str) -> None:
    first = yaml.safe_load((root / "cluster.yaml").read_text())[field][0]
    home = {"HOME": str(tmp_path), "PATH": "/bin:/usr/bin"}
    refused = subprocess.run(["bash", "-c", first], env=home, capture_output=True, text=True, check=False)
    assert refused.returncode == 1 and len(refused.stderr.splitlines()) == 1 and "auth_token" in refused.stderr
    (tmp_path / ".ray").mkdir()
    (tmp_path / ".ray" / "auth_token").write_text("token")
    assert subprocess.run(["bash", "-c", first], env=home, check=False).returncode == 0


def test_every_port_of_the_file_is_on_the_page(root: Path) -> None:
    file = yaml.safe_load((root / "cluster.yaml").read_text())
    commands = [*file["head_start_ray_commands"], *file["worker_start_ray_commands"]]
    opened = {port for command in commands for port in re.findall(r"--[a-z-]*port=(\d+)", command)}
    page = (root / "docs" / "how-to" / "three-hosts.md").read_text()
    listed = {port for row in re.findall(r"^\| ([\d to]+) \|", page, re.M) for port in row.split(" to ")}
    assert len(opened) == 9 and opened <= listed

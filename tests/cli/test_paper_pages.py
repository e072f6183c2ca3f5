"""The commands of the pages on reproductions and image sweeps are commands; dry runs are planned as they stand."""

import json
import re
import shlex
from pathlib import Path

import pytest

from fieldmark.cli.main import build_app, run

PAGES = Path(__file__).resolve().parents[2] / "docs/how-to"


def commands(page: str) -> list[list[str]]:
    blocks = re.findall(r"```\n(.*?)```", (PAGES / page).read_text(), re.S)
    return [shlex.split(line, comments=True) for block in blocks for line in block.splitlines()]


ALL = [*commands("reproduce-the-paper.md"), *commands("sweep-fusions.md")]
PLANNED = [line for line in ALL if "--dry-run" in line]


@pytest.mark.parametrize("line", ALL, ids=" ".join)
def test_a_command_of_the_pages_is_understood(line: list[str]) -> None:
    assert line[0] == "fieldmark"
    command, bound, _ = build_app().parse_args(line[1:], exit_on_error=False, print_error=False)
    assert callable(command)
    assert bound is not None


@pytest.mark.parametrize("line", PLANNED, ids=" ".join)
def test_a_dry_run_of_the_pages_plans(
    line: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run([*line[1:], "--json"]) == 0
    assert json.loads(capsys.readouterr().out)
    assert not list(tmp_path.iterdir()), "looking writes nothing"


def test_the_pages_have_commands() -> None:
    assert len(ALL) >= 20
    assert len(PLANNED) == 3

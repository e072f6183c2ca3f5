"""The commands of the page on small stores are commands: sweeps are planned, all others run as they stand there."""

import json
import re
import shlex
from pathlib import Path

import pytest

from fieldmark.cli.main import run
from fieldmark.store import Store
from fieldmark.store.patience import VARIABLE
from fieldmark.testing.store import contents, sample_run

PAGE = (Path(__file__).resolve().parents[2] / "docs/how-to/keep-a-store-small.md").read_text()
COMMANDS = [line for block in re.findall(r"```\n(.*?)```", PAGE, re.S) for line in block.splitlines()]


@pytest.mark.parametrize("line", COMMANDS)
def test_a_command_of_the_page(
    line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FIELDMARK_CACHE", str(tmp_path / "cache"))
    store = Store.open("runs")
    store.commit_run(sample_run(0))
    store.checkpoints(sample_run(0).run_id).save(b"state")
    before = contents(store)
    words = shlex.split(line, comments=True)
    while "=" in words[0]:
        name, _, value = words.pop(0).partition("=")
        assert name == VARIABLE
        monkeypatch.setenv(name, value)
    program, *tokens = words
    assert program == "fieldmark"
    plans = tokens[0] == "sweep"
    assert run([*tokens, "--dry-run", "--json"] if plans else tokens) == 0
    out = capsys.readouterr().out
    if plans:
        assert json.loads(out)["sweep"]
    kept = tokens[0] != "gc" or "--dry-run" in tokens
    assert store.list("checkpoints") == ([f"checkpoints/{sample_run(0).run_id}/state.bin"] if kept else [])
    assert contents(Store.open("runs")) == before


def test_the_page_has_commands() -> None:
    assert len(COMMANDS) == 8


def test_its_numbers_are_the_programs() -> None:
    from fieldmark.data.images.unused import UNUSED_S
    from fieldmark.search.lease_keeper import TTL
    from fieldmark.search.sweep import LOOSE_RECORDS
    from fieldmark.store.garbage import ABANDONED_S
    from fieldmark.store.patience import DEFAULT_S

    assert f"read for {UNUSED_S / 86400:g} days" in PAGE
    assert f"watched for {TTL:g} s" in PAGE
    assert f"more than {LOOSE_RECORDS} loose records" in PAGE
    assert ABANDONED_S == 3600 and "untouched for an hour" in PAGE
    assert f"{DEFAULT_S:g} s by default" in PAGE

"""`fieldmark gc`: what it shows, what it deletes, and what it does not."""

import json
import os
import time
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from fieldmark.cli.gc import gc, schema_text
from fieldmark.errors import UserError
from fieldmark.store import Store
from fieldmark.store.lease import Lease
from fieldmark.store.living import driven
from fieldmark.testing.store import contents, sample_run


@pytest.fixture
def url(tmp_path: Path) -> str:
    """A store with a checkpoint of 3 KB that nobody needs, and one that its run does."""
    store = Store.open(str(tmp_path / "runs"))
    store.commit_run(sample_run(0))
    store.checkpoints(sample_run(0).run_id).save(bytes(3000))
    store.checkpoints("unfinished").save(b"state")
    return store.url


def test_a_dry_run_shows_and_deletes_nothing_and_then_what_was_shown_goes(
    url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    before = contents(Store.open(url))
    gc(store=url, dry_run=True)
    dry = capsys.readouterr().out.splitlines()
    assert dry[1].split(maxsplit=4) == ["checkpoints", "1", "3.0", "KB", "their runs are recorded"]
    assert dry[-1] == "would free 3.0 KB"
    assert len(Store.open(url).list("checkpoints")) == 2
    gc(store=url)
    assert capsys.readouterr().out.splitlines() == [*dry[:-1], "frees 3.0 KB"]
    assert Store.open(url).list("checkpoints") == ["checkpoints/unfinished/state.bin"]
    assert contents(Store.open(url)) == before
    gc(store=url)
    assert capsys.readouterr().out == "nothing to delete\n"


def test_scripts_get_json(url: str, root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    schema = (root / "docs/reference/gc.schema.json").read_text()
    assert schema == schema_text(), "python -m fieldmark.cli.gc prints it"
    row = {"what": "checkpoints", "number": 1, "bytes": 3000, "why": "their runs are recorded"}
    for dry_run in (True, False):
        gc(store=url, dry_run=dry_run, json=True)
        printed = json.loads(capsys.readouterr().out)
        jsonschema.validate(printed, json.loads(schema))
        assert printed == {"deleted": not dry_run, "garbage": [row], "driven": []}
    Lease(Store.open(url), "a-sweep-of-mine", "test").acquire()
    gc(store=url, json=True)
    printed = json.loads(capsys.readouterr().out)
    jsonschema.validate(printed, json.loads(schema))
    assert printed == {"deleted": True, "garbage": [], "driven": ["a-sweep-of-mine"]}


def test_a_sweep_that_begins_while_drivers_are_looked_for_loses_nothing(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def slowly(*args: Any, **settings: Any) -> set[str]:
        living = driven(*args, **settings)
        Lease(Store.open(url), "a-sweep-of-mine", "test").acquire()
        return living

    monkeypatch.setattr("fieldmark.store.living.driven", slowly)
    with pytest.raises(UserError, match="0 of 1 objects were deleted; try again"):
        gc(store=url)
    assert len(Store.open(url).list("checkpoints")) == 2


def test_a_sweep_that_is_driven_is_named_and_left_alone(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    Lease(Store.open(url), "a-sweep-of-mine", "test").acquire()
    gc(store=url)
    out = capsys.readouterr().out
    assert out == "left alone, as they are being driven: a-sweep-of, and what may be theirs\nnothing to delete\n"


def test_packed_images_go_when_they_are_asked_for_and_were_not_read_for_a_month(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    cache = tmp_path / "cache"
    monkeypatch.setenv("FIELDMARK_CACHE", str(cache))
    month = 31 * 86400
    for name, read, written in (
        ("64px-ab", month, month),
        ("64px-cd", 60, month),
        ("whole-ef", month, month),
        ("x", month, month),
    ):
        (cache / name).mkdir(parents=True)
        (cache / name / "000000.pack").write_bytes(bytes(1000))
        os.utime(cache / name / "000000.pack", (time.time() - read, time.time() - written))
    gc(store=url)
    assert "packed images" not in capsys.readouterr().out
    gc(store=url, cache=True)
    assert capsys.readouterr().out.splitlines()[1].startswith("packed images       2  2.0 KB  in ")
    assert sorted(one.name for one in cache.iterdir()) == ["64px-cd", "x"]


def test_where_there_is_no_store_none_is_made(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="there is no such folder"):
        gc(store=str(tmp_path / "nothing"))
    assert not (tmp_path / "nothing").exists()
    (tmp_path / "photographs").mkdir()
    with pytest.raises(UserError, match=r"there is no store \(no FORMAT in it\); name the folder or bucket that was"):
        gc(store=str(tmp_path / "photographs"))
    assert not list((tmp_path / "photographs").iterdir())

"""Fingerprints: of the bytes, not of the place; remembered, and right when the memory is damaged."""

import shutil
from pathlib import Path

import pytest

from fieldmark.data import fingerprint
from fieldmark.data.readers import read


def write(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def test_it_follows_the_bytes_and_not_the_path(tmp_path: Path) -> None:
    first = write(tmp_path / "one.csv", "species,lat,lon\nA,1,2\nB,3,4\n")
    moved = shutil.copy(first, tmp_path / "two.csv")
    assert read(f"table:{first}").fingerprint == read(f"table:{moved}").fingerprint
    changed = write(tmp_path / "three.csv", "species,lat,lon\nA,1,2\nB,3,5\n")
    assert read(f"table:{first}").fingerprint != read(f"table:{changed}").fingerprint


def test_a_file_is_hashed_once_and_again_when_it_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path / "t.csv", "one")
    first = fingerprint.hash_file(path)
    with monkeypatch.context() as patch:
        patch.setattr(fingerprint.hashlib, "file_digest", lambda *_: pytest.fail("hashed again"))
        assert fingerprint.hash_file(path) == first
    write(path, "three")
    assert fingerprint.hash_file(path) != first


@pytest.mark.parametrize("damage", [b"{", b"[1]", b"\xff\xfe", b'{"x": 1}'])
def test_a_damaged_memory_is_made_anew(tmp_path: Path, damage: bytes) -> None:
    path = write(tmp_path / "t.csv", "one")
    first = fingerprint.hash_file(path)
    fingerprint.cache_file().write_bytes(damage)
    assert fingerprint.hash_file(path) == first


def test_an_unwritable_home_is_no_obstacle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path / "t.csv", "one")
    monkeypatch.setenv("XDG_CACHE_HOME", str(path))
    assert len(fingerprint.hash_file(path)) == 64


def test_pictures_count_by_path_and_size() -> None:
    files = {"table": "0"}
    seen = {
        fingerprint.combine(files),
        fingerprint.combine(files, images={}),
        fingerprint.combine(files, images={"a": 1}),
        fingerprint.combine(files, images={"a": 2}),
        fingerprint.combine(files, images={"b": 1}),
        fingerprint.combine(files, future_records=1),
        fingerprint.combine({"table": "1"}),
    }
    assert len(seen) == 7
    assert fingerprint.combine(files, images={"a": 1, "b": 2}) == fingerprint.combine(files, images={"b": 2, "a": 1})

"""A packed image set: the same pixels as from the files, made once, resumed, shared, and never half there."""

import errno
import os
import pickle
import re
import signal
from multiprocessing import get_context
from multiprocessing.context import ForkProcess
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from fieldmark.data.images import pace, pack
from fieldmark.data.images.packed import Pack, PartImages, cache_folder
from fieldmark.data.images.shards import open_shard
from fieldmark.data.images.sources import FilePictures, shrink
from fieldmark.errors import UserError

SIZE = 16
PICTURES = 23
A_SHARD = 4


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pictures of many shapes; those at positions 5 and 6 are bad."""
    folder = tmp_path_factory.mktemp("pictures")
    random = np.random.default_rng(0)
    for number in range(PICTURES):
        height, width = random.integers(8, 60, 2)
        Image.fromarray(random.integers(0, 256, (height, width, 3), np.uint8)).save(folder / f"{number}.jpg")
    (folder / "5.jpg").write_bytes(b"")
    (folder / "6.jpg").write_bytes((folder / "7.jpg").read_bytes()[:300])
    return folder


@pytest.fixture(autouse=True)
def _small_shards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pack, "SHARD_BYTES", A_SHARD * 4 * SIZE**2)


def packed(root: Path, cache: Path, *, pixels: bool = True) -> Pack:
    paths = pa.array([f"{number}.jpg" for number in range(PICTURES)])
    return Pack(FilePictures(str(root), paths, SIZE), SIZE, "key", cache, pixels)


def silent(line: str) -> None:
    del line


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


def stamps(folder: Path) -> dict[str, int]:
    return {path.name: path.stat().st_mtime_ns for path in folder.rglob("*.pack")}


SHARDS = [f"{number:06d}.pack" for number in range(6)]
GOOD = [number for number in range(PICTURES) if number not in (5, 6)]


def assert_whole(root: Path, cache: Path) -> None:
    """All shards are there, and nothing else, with the pixels that the files give."""
    made = packed(root, cache)
    assert made.bad(1, pytest.fail) == {5: "empty file", 6: "truncated"}
    assert files(cache) == SHARDS
    for number in GOOD:
        np.testing.assert_array_equal(made.image(number).numpy(), made.pictures.picture(number).numpy())


@pytest.mark.parametrize("processes", [1, 3])
def test_a_pack_holds_what_the_files_hold(root: Path, tmp_path: Path, processes: int) -> None:
    threads = torch.get_num_threads()
    packed(root, tmp_path).open(processes, silent)
    assert_whole(root, tmp_path)
    assert torch.get_num_threads() == threads


def test_without_a_pack_the_pixels_are_the_same_and_none_are_kept(root: Path, tmp_path: Path) -> None:
    checked, made = packed(root, tmp_path / "a", pixels=False), packed(root, tmp_path / "b")
    assert checked.bad(2, silent) == made.bad(2, silent)
    assert sum(path.stat().st_size for path in (tmp_path / "a").rglob("*.check")) < 2000
    for number in GOOD:
        np.testing.assert_array_equal(checked.image(number).numpy(), made.image(number).numpy())
        assert checked.image(number).stride() == made.image(number).stride()
    assert packed(root, tmp_path / "a", pixels=False).bad(1, pytest.fail) == made.bad(1, silent)


@given(height=st.integers(1, 80), width=st.integers(1, 80), wide=st.sampled_from([1, 5]), tall=st.sampled_from([1, 5]))
def test_sizes(height: int, width: int, wide: int, tall: int) -> None:
    height, width = height * tall, width * wide
    small = shrink(torch.zeros((3, height, width), dtype=torch.uint8), SIZE)
    short, long = sorted(small.shape[1:])
    assert short == min(SIZE, height, width)
    assert long <= 3 * short
    if max(height, width) <= 3 * min(height, width):  # nothing is cut off
        assert abs(long - short * max(height, width) / min(height, width)) < 1
        assert short == long or (height <= width) == (small.shape[1] <= small.shape[2])


def test_a_picture_is_a_tensor_of_its_own(root: Path, tmp_path: Path) -> None:
    made = packed(root, tmp_path)
    made.open(1, silent)
    before = made.image(0).clone()
    made.image(0).zero_()
    np.testing.assert_array_equal(made.image(0).numpy(), before.numpy())


def test_a_view_travels_small_and_is_made_where_it_is_missing(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FIELDMARK_CACHE", str(tmp_path / "here"))
    here = packed(root, tmp_path)
    here.cache = None
    here.open(1, silent)
    parcel = pickle.dumps(PartImages(here, np.array([7, 3])))
    assert len(parcel) < 5000
    monkeypatch.setenv("FIELDMARK_CACHE", str(tmp_path / "there"))
    there = pickle.loads(parcel)
    assert not (tmp_path / "there").exists()
    assert len(there) == 2
    np.testing.assert_array_equal(there.image(0).numpy(), here.image(7).numpy())
    assert files(tmp_path / "there") == SHARDS
    assert "packing: 23 images" in capsys.readouterr().err


def test_a_picture_that_is_bad_elsewhere_is_named(root: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"/5\.jpg: empty file; it could be read when the run was prepared"):
        PartImages(packed(root, tmp_path), np.array([3, 5])).image(1)


def test_where_the_cache_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FIELDMARK_CACHE", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", "/xdg")
    assert cache_folder(None) == Path("/xdg/fieldmark/images")
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert cache_folder(None) == Path.home() / ".cache/fieldmark/images"
    monkeypatch.setenv("FIELDMARK_CACHE", "/fast")
    assert cache_folder(None) == Path("/fast")
    assert cache_folder(Path("given")) == Path("given")


def test_a_mended_file_is_looked_at_again_and_nothing_else(root: Path, tmp_path: Path) -> None:
    copy = tmp_path / "pictures"
    copy.mkdir()
    for number in range(PICTURES):
        (copy / f"{number}.jpg").write_bytes((root / f"{number}.jpg").read_bytes())
    (copy / "0.jpg").rename(copy / "away")
    made = packed(copy, tmp_path / "cache")
    assert made.bad(1, silent) == {0: "missing", 5: "empty file", 6: "truncated"}
    before = stamps(tmp_path)
    (copy / "away").rename(copy / "0.jpg")
    assert made.bad(1, silent) == {5: "empty file", 6: "truncated"}
    assert [name for name, stamp in stamps(tmp_path).items() if stamp != before[name]] == [SHARDS[0]]


def test_what_cannot_be_read_now_may_be_later(root: Path, tmp_path: Path) -> None:
    (tmp_path / "0.jpg").mkdir()
    made = Pack(FilePictures(str(tmp_path), pa.array(["0.jpg"]), SIZE), SIZE, "key", tmp_path / "cache")
    assert made.bad(1, silent) == {0: "unreadable"}
    (tmp_path / "0.jpg").rmdir()
    (tmp_path / "0.jpg").write_bytes((root / "0.jpg").read_bytes())
    assert made.bad(1, silent) == {}


@given(cut=st.integers(0, 10_000))
@settings(max_examples=40)
def test_a_torn_shard_is_made_anew(root: Path, tmp_path_factory: pytest.TempPathFactory, cut: int) -> None:
    cache = tmp_path_factory.mktemp("torn")
    packed(root, cache).open(1, silent)
    torn = next(cache.rglob(SHARDS[1]))
    whole = torn.read_bytes()
    torn.write_bytes(whole[: min(cut, len(whole) - 1)])
    assert open_shard(torn) is None
    packed(root, cache).open(1, silent)
    assert torn.read_bytes() == whole


def test_partial_files_of_the_dead_are_removed_and_of_the_living_are_not(root: Path, tmp_path: Path) -> None:
    folder = packed(root, tmp_path).layout.folder
    folder.mkdir()
    dead, living = folder / ".000000.pack-dead.partial", folder / ".000000.pack-living.partial"
    for partial in (dead, living):
        partial.touch()
    os.utime(dead, (0, 0))
    packed(root, tmp_path).open(1, silent)
    assert living.exists() and not dead.exists()


def start(root: Path, cache: Path, kill_at: int = 0) -> ForkProcess:
    """Starts another maker; it is killed at the n-th moment just before or after a shard gets its name."""

    def run() -> None:
        replace, moments = os.replace, iter(range(1, 1000))

        def fatal(source: Path, target: Path) -> None:
            for step in (lambda: None, lambda: replace(source, target)):
                step()
                if next(moments) == kill_at:
                    os.kill(os.getpid(), signal.SIGKILL)

        os.replace = fatal
        packed(root, cache).open(1, silent)

    process = get_context("fork").Process(target=run)
    process.start()
    return process


@pytest.mark.parametrize("moment", range(1, 2 * len(SHARDS) + 1))
def test_killed_at_any_moment_the_next_maker_goes_on(root: Path, tmp_path: Path, moment: int) -> None:
    killed = start(root, tmp_path, moment)
    killed.join()
    assert killed.exitcode == -signal.SIGKILL
    finished = stamps(tmp_path)
    assert len(finished) == moment // 2
    packed(root, tmp_path).open(2, silent)
    assert finished.items() <= stamps(tmp_path).items()  # not redone
    for partial in tmp_path.rglob("*.partial"):
        partial.unlink()
    assert_whole(root, tmp_path)


@pytest.mark.parametrize("kill_at", [0, 3, 8])
def test_several_makers_end_with_one_pack(root: Path, tmp_path: Path, kill_at: int) -> None:
    makers = [start(root, tmp_path, kill_at), start(root, tmp_path), start(root, tmp_path)]
    packed(root, tmp_path).open(2, silent)
    for maker in makers:
        maker.join()
    assert [maker.exitcode for maker in makers[1:]] == [0, 0]
    for partial in tmp_path.rglob("*.partial"):
        partial.unlink()
    assert_whole(root, tmp_path)


def test_too_little_space_is_said_before_anything_is_written(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pack.shutil, "disk_usage", lambda folder: SimpleNamespace(free=5000))
    with pytest.raises(
        UserError, match=r"packing 23 pictures needs about [\d,]{5,7} bytes, and 5,000 are free"
    ) as told:
        packed(root, tmp_path).open(1, silent)
    assert "\n" not in str(told.value)
    assert files(tmp_path) == []
    assert packed(root, tmp_path, pixels=False).bad(1, silent)  # which needs none


def test_a_disk_that_fills_up_meanwhile_is_one_line(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(source: Path, target: Path) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", full)
        with pytest.raises(UserError, match=r"cannot keep pictures there \(No space left on device\); see --cache"):
            packed(root, tmp_path).open(2, silent)
    assert files(tmp_path) == []
    packed(root, tmp_path).open(1, silent)
    assert_whole(root, tmp_path)


def test_a_cache_that_is_a_file_is_one_line(root: Path, tmp_path: Path) -> None:
    (tmp_path / "cache").touch()
    with pytest.raises(UserError, match=r"cannot keep pictures there"):
        packed(root, tmp_path / "cache").open(1, silent)


def test_an_interruption_does_not_wait_for_whole_shards(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pack, "SHARD_BYTES", 10**9)
    monkeypatch.setattr(pace, "EVERY_S", 0.0)
    lines: list[str] = []

    def interrupt(line: str) -> None:
        lines.append(line)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        packed(root, tmp_path).open(1, interrupt)
    assert len(lines) == 1
    assert files(tmp_path) == []


def test_progress_says_how_fast_and_how_long(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pace, "EVERY_S", 0.0)
    lines: list[str] = []
    packed(root, tmp_path).open(1, lines.append)
    assert len(lines) == PICTURES + 1
    for number, line in enumerate(lines[:-1]):
        assert re.fullmatch(rf"packing: {number + 1} of 23 images, [\d,]+ images/s, about \d+ s left", line)
    assert re.fullmatch(r"packing: 23 images in \d+ s, [\d,]+ images/s", lines[-1])

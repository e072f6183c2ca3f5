"""Bad input: one clear line, exit code 2, nothing written, nothing lost (DESIGN section 9)."""

import gzip
from pathlib import Path

import numpy as np
import pytest

from fieldmark.cli.main import run

HEADER = "species,lat,lon,date,split\n"


def _good_rows(n: int = 60) -> str:
    parts = ("train", "train", "val", "test")
    return "".join(f"species {i % 3},{10 + i % 7},{20 + i % 5},2020-0{1 + i % 9}-11,{parts[i % 4]}\n" for i in range(n))


def _metres() -> str:
    return HEADER + "".join(f"species {i % 3},{4_500_000 + i},{330_000 + i},2020-05-11,train\n" for i in range(40))


def _no_places() -> str:
    return HEADER + "".join(f"species {i % 3},,,2020-05-11,{('train', 'test')[i % 2]}\n" for i in range(40))


TABLES: dict[str, tuple[bytes, str]] = {
    "wrong columns": (b"name,x,y\na,1,2\n", "species"),
    "empty file": (b"", "empty"),
    "header only": (HEADER.encode(), "no record"),
    "binary noise": (bytes(np.random.default_rng(0).integers(0, 256, 4096, dtype=np.uint8)), "records.csv"),
    "noise that claims to be gzip": (b"\x1f\x8b" + bytes(range(256)) * 8, "records.csv"),
    "metres in the degree columns": (_metres().encode(), "degrees"),
    "all coordinates missing": (_no_places().encode(), "place"),
}


def _fails_with_one_line(tokens: list[str], named: str, capsys: pytest.CaptureFixture[str]) -> None:
    code = run(tokens)
    captured = capsys.readouterr()
    assert (code, captured.out) == (2, "")
    lines = captured.err.strip().splitlines()
    assert len(lines) == 1, captured.err
    assert named in lines[0] and "Traceback" not in lines[0]


def _sweep(data: str, store: Path, *flags: str) -> list[str]:
    return ["sweep", "priorsnet", "--data", data, "--store", str(store), "--executor", "local", *flags]


@pytest.mark.parametrize("kind", TABLES)
def test_a_bad_table_stops_before_anything_is_written(
    kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    content, named = TABLES[kind]
    file = tmp_path / "records.csv"
    file.write_bytes(content)
    _fails_with_one_line(_sweep(f"table:{file}", tmp_path / "runs"), named, capsys)
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize(
    ("data", "named"),
    [
        ("table:no-such-file.csv", "no-such-file.csv"),
        ("tabel:file.csv", "tabel"),
        ("world:speces=4", "speces"),
        ("world:species=-4", "species"),
        ("inat2018:no-such-folder", "no-such-folder"),
    ],
)
def test_data_that_is_not_there(data: str, named: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _fails_with_one_line(_sweep(data, tmp_path / "runs"), named, capsys)
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize(
    ("flags", "named"),
    [
        (["--trials", "-1"], "trials"),
        (["--seeds", "0"], "seeds"),
        (["--trials", "many"], "many"),
        (["--scheduler", "hyperbnd"], "hyperbnd"),
        (["--loss", "aproximate"], "aproximate"),
        (["--budget", "soon"], "budget"),
        (["--sampler", "psychic"], "psychic"),
        (["--protocol", "oficial"], "oficial"),
    ],
)
def test_bad_flags(flags: list[str], named: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _fails_with_one_line(_sweep("world", tmp_path / "runs", *flags), named, capsys)
    assert not (tmp_path / "runs").exists()


def _good_table(folder: Path) -> Path:
    file = folder / "good.csv.gz"
    file.write_bytes(gzip.compress((HEADER + _good_rows()).encode()))
    return file


def test_an_unwritable_store(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    occupied = tmp_path / "a-file"
    occupied.write_text("precious")
    _fails_with_one_line(_sweep(f"table:{_good_table(tmp_path)}", occupied / "runs"), "a-file", capsys)
    assert occupied.read_text() == "precious"


def test_image_scores_of_the_wrong_shape(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    scores = tmp_path / "scores.npy"
    np.save(scores, np.full((7, 2), 0.5, np.float32))
    tokens = _sweep(f"table:{_good_table(tmp_path)}", tmp_path / "runs", "--image-scores", str(scores))
    _fails_with_one_line(tokens, "scores.npy", capsys)
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize("damage", ["segments", "records"])
def test_a_damaged_store_is_named_and_kept(damage: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store = tmp_path / "runs"
    data = f"table:{_good_table(tmp_path)}"
    flags = ["--trials", "0", "--seeds", "1", "--scale", "smoke"]
    assert run(_sweep(data, store, *flags)) == 0
    if damage == "segments":
        assert run(["store", "compact", "--store", str(store)]) == 0
    victim = next(
        path
        for path in sorted((store / damage).rglob("*"))
        if path.suffix in (".parquet", ".json") and path.name != "curve.parquet"
    )
    broken = victim.read_bytes()[:-9]
    victim.write_bytes(broken)
    before = sorted(path for path in store.rglob("*") if path.is_file())
    capsys.readouterr()
    _fails_with_one_line(
        ["table", "S2", "--store", str(store)] if damage == "segments" else ["runs", "--store", str(store)],
        victim.name,
        capsys,
    )
    _fails_with_one_line(_sweep(data, store, *flags), victim.name, capsys)
    assert victim.read_bytes() == broken
    assert sorted(path for path in store.rglob("*") if path.is_file()) == before


def test_a_refused_flag_is_said_without_a_frame(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(_sweep("world", tmp_path / "runs", "--trials", "-1")) == 2
    assert capsys.readouterr().err.startswith("fieldmark: --trials -1: expected a whole number of at least 0")


def test_a_merge_from_nowhere_leaves_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _fails_with_one_line(["store", "merge", str(tmp_path / "nope"), str(tmp_path / "new")], "nope", capsys)
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(
    ("tokens", "named"),
    [
        (["data", "describe", "world", "--map", "{tmp}/map"], ".png"),
        (["data", "describe", "world", "--map", "{tmp}/none/map.png"], "folder"),
        (["runs", "--status", "done", "--store", "{tmp}"], "completed"),
        (["runs", "--store", "{tmp}/file"], "is a file"),
        (["sweep", "priorsnet", "--dry-run", "--store", "{tmp}/file"], "is a file"),
    ],
)
def test_words_and_places_that_cannot_be(
    tokens: list[str], named: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")
    _fails_with_one_line([token.format(tmp=tmp_path) for token in tokens], named, capsys)

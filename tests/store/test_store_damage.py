"""Damage is named in one line, and nothing is lost or deleted because of it."""

import json
from pathlib import Path

import pytest

from fieldmark.errors import UserError
from fieldmark.store import Store
from fieldmark.testing.store import sample_evaluation, sample_run

DAMAGE = {
    "truncated": lambda data: data[: len(data) // 2],
    "empty": lambda data: b"",
    "zeroed": lambda data: bytes(len(data)),
    "zeroed in the middle": lambda data: data[:40] + bytes(40) + data[80:],
    "noise": lambda data: b"\x93\xff" * 100,
}


@pytest.fixture
def store(tmp_path):
    """Returns a store with a packed run, evaluation, and a loose run."""
    store = Store.open(str(tmp_path / "runs"))
    store.commit_run(sample_run(0))
    store.commit_evaluation(sample_evaluation(sample_run(0)))
    store.compact()
    store.commit_run(sample_run(1))
    return store


def damaged(store, pattern, how):
    (path,) = Path(store.url).glob(pattern)
    path.write_bytes(DAMAGE[how](path.read_bytes()))
    return path


@pytest.mark.parametrize("how", DAMAGE)
def test_a_damaged_segment_is_named_by_every_reader_and_nothing_is_written(store, how):
    path = damaged(store, "segments/runs-*.parquet", how)
    before = sorted(Path(store.url).rglob("*"))
    reader = Store.open(store.url)
    for read in (
        reader.runs,
        lambda: reader.run(sample_run(0).run_id),
        lambda: reader.has_run(sample_run(2).run_id),
        lambda: reader.commit_run(sample_run(2)),
        reader.compact,
        lambda: Store.open("memory://").merge(reader),
    ):
        with pytest.raises(UserError) as error:
            read()
        assert str(path) in str(error.value) and "\n" not in str(error.value)
    assert [line for line in reader.problems() if str(path) in line] == reader.problems() != []
    assert sorted(Path(store.url).rglob("*")) == before
    assert reader.runs(["seed"], strict=False)["seed"].to_pylist() == [1]


@pytest.mark.parametrize("how", DAMAGE)
def test_a_damaged_record_is_named_and_the_others_are_read_when_asked(store, how):
    path = damaged(store, "records/*/record.json", how)
    reader = Store.open(store.url)
    for read in (
        reader.runs,
        lambda: reader.run(sample_run(1).run_id),
        lambda: reader.commit_run(sample_run(1)),
        lambda: Store.open("memory://").merge(reader),
    ):
        with pytest.raises(UserError) as error:
            read()
        assert str(path) in str(error.value) and "\n" not in str(error.value)
    assert len(reader.problems()) == 1 and str(path) in reader.problems()[0]
    assert reader.runs(["seed"], strict=False)["seed"].to_pylist() == [0]
    assert reader.compact() == 0 and path.exists()


def test_a_mended_file_is_read_again(store):
    (path,) = Path(store.url).glob("records/*/record.json")
    sound = path.read_bytes()
    path.write_bytes(b"")
    reader = Store.open(store.url)
    assert len(reader.problems()) == 1
    path.write_bytes(sound)
    assert reader.problems() == [] and reader.runs().num_rows == 2


def test_a_damaged_segment_that_is_mended_is_read_again(store):
    (path,) = Path(store.url).glob("segments/runs-*.parquet")
    sound = path.read_bytes()
    path.write_bytes(sound[:100])
    reader = Store.open(store.url)
    assert len(reader.problems()) == 1
    path.write_bytes(sound)
    assert reader.problems() == [] and reader.runs().num_rows == 2


def test_a_record_under_another_id_is_damage(store):
    (path,) = Path(store.url).glob("records/*/record.json")
    store.put(f"records/{'0' * 32}/record.json", path.read_bytes())
    with pytest.raises(UserError, match=r"0/record.json: damaged record"):
        store.runs()


@pytest.mark.parametrize("where", ["file/below", "/proc/none/store", "ftp://host/store"])
def test_a_store_that_cannot_be_is_one_line(tmp_path, where):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError) as error:
        Store.open(str(tmp_path / where) if "://" not in where else where)
    assert "\n" not in str(error.value)


def test_a_store_that_is_not_there_is_not_made_by_looking(tmp_path):
    with pytest.raises(UserError, match="there is no"):
        Store.open(str(tmp_path / "runs"), create=False)
    assert list(tmp_path.iterdir()) == []


def test_a_store_of_a_newer_release_is_refused_and_of_this_one_opens(tmp_path):
    store = Store.open(str(tmp_path))
    store.probe()
    store.put("FORMAT", json.dumps({"format": 2}).encode())
    with pytest.raises(UserError, match="its format is 2"):
        Store.open(str(tmp_path))


def test_retracting_a_run_that_is_not_there_is_an_error(store):
    with pytest.raises(UserError, match="no run nonsense"):
        store.retract("nonsense", "why")


def test_merging_a_store_into_itself_is_an_error(store):
    with pytest.raises(UserError, match="both source and target"):
        store.merge(Store.open(store.url))


@pytest.mark.parametrize("how", ["truncated", "noise"])
def test_damaged_predictions_are_named(store, how):
    import pyarrow as pa

    evaluation = sample_evaluation(sample_run(1))
    store.commit_evaluation(evaluation, predictions=pa.table({"hit1": [1.0] * 50}))
    assert store.problems() == []
    path = damaged(store, "predictions/*.parquet", how)
    assert len(store.problems()) == 1 and str(path) in store.problems()[0]

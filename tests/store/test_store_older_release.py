"""A store written before the image classifiers still opens: what it lacks is null or zero, and it can be added to."""

import json

import pyarrow as pa
import pytest

from fieldmark.store import Store
from fieldmark.store.flat import RUNS, flat_row
from fieldmark.store.objects import Objects
from fieldmark.store.segments import write_segment
from fieldmark.testing.store import sample_run

NEW_COLUMNS = ("multiply_adds", "config.backbone", "config.fusion", "config.resolution")


def older_json(seed):
    """A run's record as the release before wrote it."""
    found = json.loads(sample_run(seed).model_dump_json())
    del found["multiply_adds"]
    return json.dumps(found)


@pytest.fixture
def older_store(tmp_path):
    """One packed record, one loose one, without the columns that came later."""
    store = Store.open(str(tmp_path / "runs"))
    text = older_json(0)
    row = flat_row(sample_run(0), text)
    table = pa.Table.from_pylist([row], schema=RUNS.schema).drop_columns(list(NEW_COLUMNS))
    write_segment(Objects(store.url), RUNS, table)
    loose = sample_run(1).run_id
    store.put(f"records/{loose}/record.json", older_json(1).encode())
    return Store.open(store.url, create=False)


def test_it_opens_and_what_it_lacks_is_null_or_zero(older_store):
    rows = older_store.runs(["seed", *NEW_COLUMNS]).sort_by("seed").to_pylist()
    assert [row["seed"] for row in rows] == [0, 1]
    assert rows[0]["multiply_adds"] is None and rows[1]["multiply_adds"] == 0
    assert rows[0]["config.backbone"] is None
    assert [older_store.run(sample_run(seed).run_id).multiply_adds for seed in (0, 1)] == [0, 0]
    assert older_store.problems() == []


def test_new_records_beside_the_old_ones_are_packed_and_found(older_store):
    older_store.commit_run(sample_run(2).model_copy(update={"multiply_adds": 7}))
    older_store.compact()
    found = older_store.runs(["seed", "multiply_adds"]).sort_by("seed").to_pylist()
    assert [row["multiply_adds"] for row in found] == [None, 0, 7]


def test_weights_are_kept_once_and_come_along_in_a_merge(tmp_path):
    one, other = Store.open("memory://"), Store.open("memory://")
    assert one.weights("r") is None
    assert one.put_weights("r", b"first")
    assert not one.put_weights("r", b"second")
    other.merge(one)
    assert other.weights("r") == b"first"


def test_the_published_schema_is_what_the_records_are(root):
    from fieldmark.store.schema import runs_schema_text

    assert (root / "docs/reference/runs.schema.json").read_text() == runs_schema_text()

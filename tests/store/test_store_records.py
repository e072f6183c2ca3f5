"""Recording, reading back, and what stands in the flat tables."""

import json
import math
import os
from concurrent.futures import ThreadPoolExecutor

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from fieldmark.config import GridConfig, NearestNeighboursConfig, PriorsNetConfig, RunSpec, Scale
from fieldmark.errors import UserError
from fieldmark.store import Cost, DatasetCard, Provenance, RunRecord, Store, Trial
from fieldmark.testing.store import contents, sample_evaluation, sample_run


@pytest.fixture
def store(tmp_path):
    return Store.open(str(tmp_path / "runs"))


def run_of(config, seed=0, **values):
    spec = RunSpec(config=config, dataset="world", fingerprint="f", protocol="official:0", seed=seed)
    return RunRecord(run_id=spec.run_id, spec=spec, scale=Scale(name="smoke", k=8), status="completed", **values)


def packed_and_loose(store):
    yield store
    store.compact()
    yield store
    yield Store.open(store.url)


def test_the_flat_columns_say_what_the_record_says(store):
    run = run_of(
        PriorsNetConfig(batch=512, lr=1e-3),
        seed=3,
        metrics={"top1": 0.5, "mrr": 0.25},
        trial=Trial(sweep="s", number=4, group="g", role="search", params={"batch": 512}),
        cost=Cost(seconds=2.5, cpu_seconds=5),
        provenance=Provenance(host="h", started=10.0, ended=12.5),
        parameters=7,
        epochs=30,
    )
    store.commit_run(run)
    expected = {
        "run_id": run.run_id,
        "method": "priorsnet",
        "config_id": run.spec.config.config_id,
        "config.batch": 512,
        "config.lr": 1e-3,
        "config.sampler": "CB",
        "config.positive_weight": None,
        "config.k": None,
        "dataset": "world",
        "fingerprint": "f",
        "protocol": "official:0",
        "scale": "smoke",
        "scale_k": 8,
        "category_size": 50,
        "seed": 3,
        "status": "completed",
        "sweep": "s",
        "number": 4,
        "group": "g",
        "role": "search",
        "parameters": 7,
        "epochs": 30,
        "seconds": 2.5,
        "cpu_seconds": 5,
        "started": 10,
        "ended": 12.5,
        "host": "h",
        "top1": 0.5,
        "top3": None,
        "mrr": 0.25,
    }
    for reader in packed_and_loose(store):
        (row,) = reader.runs().to_pylist()
        assert {name: row[name] for name in expected} == expected
        assert json.loads(row["config"]) == run.spec.config.model_dump(mode="json")
        assert "record" not in row
        assert reader.run(run.run_id) == run
        assert reader.run_records() == [run]


def test_methods_share_a_table_and_conditions_reach_their_fields(store):
    for config in (PriorsNetConfig(), GridConfig(), NearestNeighboursConfig(k=5)):
        store.commit_run(run_of(config))
    for reader in packed_and_loose(store):
        neighbours = reader.runs(["method"], pc.field("config.k") == 5)
        assert neighbours["method"].to_pylist() == ["nearest_neighbours"]
        assert reader.runs(["run_id"], pc.field("scale") == "paper").num_rows == 0
        assert reader.runs(["config.lon_cells"], pc.field("method") == "grid").column_names == ["config.lon_cells"]


def test_a_column_that_does_not_exist_is_named(store):
    with pytest.raises(UserError, match="no column learning_rate in runs"):
        store.runs(["learning_rate"])


def test_an_infinite_log_loss_is_kept(store):
    run = run_of(GridConfig(), metrics={"top1": 0.5, "log_loss": math.inf})
    store.commit_run(run)
    for reader in packed_and_loose(store):
        assert reader.runs(["log_loss"])["log_loss"].to_pylist() == [math.inf]
        assert reader.run(run.run_id).metrics["log_loss"] == math.inf
        json.loads(reader.runs(["record"])["record"][0].as_py(), parse_constant=pytest.fail)  # strict JSON


def test_the_segment_and_the_artifacts_are_plain_parquet(store, tmp_path):
    run = sample_run(0)
    store.commit_run(run, curve=pa.table({"epoch": [1, 2]}))
    store.commit_evaluation(sample_evaluation(run), predictions=pa.table({"image_id": ["a"]}))
    store.compact()
    segments = sorted((tmp_path / "runs" / "segments").glob("*.parquet"))
    assert [path.name.partition("-")[0] for path in segments] == ["evaluations", "runs"]
    assert pq.read_table(segments[1])["run_id"].to_pylist() == [run.run_id]
    assert list((tmp_path / "runs").glob("records/*")) == []
    assert store.curve(run.run_id)["epoch"].to_pylist() == [1, 2]
    assert store.predictions(sample_evaluation(run).evaluation_id)["image_id"].to_pylist() == ["a"]


def test_records_that_differ_in_rounding_only_are_no_conflict(store):
    store.commit_run(sample_run(0, top1=0.5))
    store.commit_run(sample_run(0, top1=0.5 + 1e-9))
    assert store.conflicts() == []


def test_a_conflict_is_found_in_a_packed_store_and_in_a_merge_and_shown_once(store):
    store.commit_run(sample_run(0, top1=0.5))
    store.compact()
    other = Store.open("memory://")
    other.commit_run(sample_run(0, top1=0.75))
    for _ in range(2):
        assert store.merge(other).conflicts == [sample_run(0).run_id]
        store.commit_run(sample_run(0, top1=0.75))
    (conflict,) = store.conflicts()
    assert (conflict.id, conflict.metrics) == (sample_run(0).run_id, {"top1": 0.75})
    assert store.run(conflict.id).metrics == {"top1": 0.5}


def test_a_record_that_came_late_to_a_packed_id_is_not_lost_and_not_counted_twice(store):
    """Two writers: the second looked before the first committed, and writes after the first was packed."""
    late = Store.open(store.url)
    store.commit_run(sample_run(0, top1=0.5))
    store.compact()
    key = f"records/{sample_run(0).run_id}/record.json"
    late.put_once(key, sample_run(0, top1=0.75).model_dump_json().encode())
    assert store.runs(["top1"])["top1"].to_pylist() == [0.5]
    assert store.run(sample_run(0).run_id).metrics["top1"] == 0.5
    assert store.compact() == 0
    assert store.runs(["top1"])["top1"].to_pylist() == [0.5]
    assert [conflict.metrics["top1"] for conflict in store.conflicts()] == [0.75]


def test_two_that_pack_at_once_leave_each_record_once(store):
    for seed in range(3):
        store.commit_run(sample_run(seed))
    slow, other = Store.open(store.url), Store.open(store.url)
    slow.refresh()  # has seen three
    store.commit_run(sample_run(3))
    loose = {path: store.get(path) for path in store.list("records")}
    other.compact()
    for key, data in loose.items():  # the slow one still sees them all, without the segment
        store.put(key, data)
    for key in store.list("segments"):
        segment = store.get(key)
        store.objects.delete(key)
    slow.compact()
    store.put(key, segment)
    assert sorted(Store.open(store.url).runs(["seed"])["seed"].to_pylist()) == [0, 1, 2, 3]


def test_a_reader_sees_what_others_write_pack_and_retract(store):
    reader = Store.open(store.url)
    assert reader.runs().num_rows == 0
    store.commit_run(sample_run(0))
    assert reader.runs().num_rows == 1
    store.compact()
    assert reader.runs().num_rows == 1
    assert reader.has_run(sample_run(0).run_id)
    store.retract(sample_run(0).run_id, "no")
    assert reader.runs().num_rows == 0
    assert reader.has_run(sample_run(0).run_id)


def test_writers_at_once_record_each_run_once(store):
    def commit(seed):
        return Store.open(store.url).commit_run(sample_run(seed % 5))

    with ThreadPoolExecutor(8) as pool:
        recorded = list(pool.map(commit, range(40)))
    assert sum(recorded) == 5
    assert store.runs().num_rows == 5


def test_merging_brings_curves_plans_stages_cards_logs_and_retractions_but_no_checkpoint(store):
    import numpy as np

    other = Store.open("memory://")
    other.commit_run(sample_run(0), curve=pa.table({"epoch": [1]}))
    other.commit_run(sample_run(1))
    other.retract(sample_run(1).run_id, "no")
    other.put_plan("s", {"trials": 1})
    other.put("sweeps/s/lease/000001.json", b"{}")
    other.put_stage("k", {"a": np.arange(3)}, {"from": "x"})
    other.append_log("r", "line\n")
    other.checkpoints("r").save(b"state")
    card = DatasetCard(
        name="n",
        spec="world",
        fingerprint="f",
        protocol="coordinate:0",
        categories=1,
        counts={},
        largest_category=1,
        category_size=1,
        has_images=False,
    )
    other.put_card(card)
    store.merge(other)
    assert contents(store) == contents(other)
    assert store.curve(sample_run(0).run_id).num_rows == 1
    assert (store.plan("s"), store.sweeps()) == ({"trials": 1}, ["s"])
    assert store.stage("k")["a"].tolist() == [0, 1, 2] and store.stage_meta("k") == {"from": "x"}
    assert store.cards() == [card] and store.log("r") == "line\n"
    assert set(store.retractions()) == {sample_run(1).run_id}
    assert store.checkpoints("r").load() is None and store.list("sweeps/s/lease") == []


def test_a_plan_is_never_edited_a_new_one_is_a_revision(store):
    assert store.plan("s") is None
    assert store.put_plan("s", {"trials": 4}) == 1
    assert store.put_plan("s", {"trials": 4}) == 1
    assert store.put_plan("s", {"trials": 8}) == 2
    assert store.plan("s") == {"trials": 8}
    assert len(store.list("sweeps/s")) == 2


def test_of_two_makers_of_a_stage_the_first_counts_and_arrays_are_never_mixed(store):
    import numpy as np

    assert store.stage("k") is None
    assert store.put_stage("k", {"a": np.zeros(2), "b": np.zeros(2)}, {})
    assert not store.put_stage("k", {"a": np.ones(2), "b": np.ones(2)}, {})
    assert {name: array.tolist() for name, array in store.stage("k").items()} == {"a": [0, 0], "b": [0, 0]}


def test_arrays_of_a_folder_are_mapped_and_may_be_written_without_touching_it(tmp_path):
    import numpy as np

    store = Store.open(str(tmp_path / "runs"))
    written = {
        "a": np.arange(6, dtype=np.float32).reshape(2, 3),
        "none": np.empty((0, 3)),
        "text": np.array(["x", "yz"]),
    }
    store.put_stage("k", written, {})
    found = store.stage("k")
    assert all(type(array) is np.ndarray and isinstance(array.base, np.memmap) for array in found.values())
    for name, array in written.items():
        np.testing.assert_array_equal(found[name], array)
    found["a"][:] = 9
    assert store.stage("k")["a"].tolist() == [[0, 1, 2], [3, 4, 5]]


@pytest.mark.parametrize("damage", [b"", b"garbage", None])
def test_a_damaged_array_is_named(damage, tmp_path):
    import numpy as np

    store = Store.open(str(tmp_path / "runs"))
    store.put_stage("k", {"a": np.arange(6000.0)}, {})
    (file,) = (tmp_path / "runs" / "stages" / "k").glob("a-*.npy")
    file.write_bytes(file.read_bytes()[:1000] if damage is None else damage)
    with pytest.raises(UserError, match="damaged stage"):
        store.stage("k")


def test_what_a_killed_writer_left_is_no_record(store, tmp_path):
    """obstore's unfinished files carry a suffix that listings leave out."""
    folder = tmp_path / "runs" / "records" / sample_run(0).run_id
    folder.mkdir(parents=True)
    (folder / "record.json#1").write_text('{"run_id"')
    assert store.runs().num_rows == 0 and store.problems() == []
    assert store.commit_run(sample_run(0))
    assert os.listdir(tmp_path / "runs" / "records") == [sample_run(0).run_id]

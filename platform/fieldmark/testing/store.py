"""What every store must do, wherever it lies: `check_store` is called by our tests and by whoever adds a storage."""

from collections.abc import Callable

import pyarrow as pa

from fieldmark.config import ClassFrequencyConfig, RunSpec, Scale
from fieldmark.store import EvaluationRecord, RunRecord, Store

MakeStore = Callable[[], Store]
"""Returns a new, empty store each time."""


def sample_run(seed: int, *, top1: float = 0.5) -> RunRecord:
    """Returns a small sound record; runs of one seed have one id."""
    spec = RunSpec(config=ClassFrequencyConfig(), dataset="sample", fingerprint="f0", protocol="official", seed=seed)
    return RunRecord(
        run_id=spec.run_id, spec=spec, scale=Scale(name="paper"), status="completed", metrics={"top1": top1}
    )


def sample_evaluation(*runs: RunRecord, top1: float = 0.5) -> EvaluationRecord:
    """Returns a small sound evaluation of these runs."""
    return EvaluationRecord(
        run_ids=tuple(run.run_id for run in runs),
        spec=runs[0].spec,
        scale=runs[0].scale,
        split="test",
        score="prior_raw",
        n=10,
        metrics={"top1": top1},
    )


def contents(store: Store) -> dict[str, dict[str, str]]:
    """Returns id to record of everything that is stored and not retracted: what two equal stores share."""
    runs = store.runs(["run_id", "record"]).to_pylist()
    evaluations = store.evaluations(["evaluation_id", "record"]).to_pylist()
    return {
        "runs": {row["run_id"]: row["record"] for row in runs},
        "evaluations": {row["evaluation_id"]: row["record"] for row in evaluations},
    }


def check_store(make_store: MakeStore) -> None:
    """Raises AssertionError where a store does not keep the contract."""
    check_objects(make_store())
    check_recorded_once(make_store())
    check_union(make_store())
    check_retraction(make_store())
    check_merge(make_store)


def check_objects(store: Store) -> None:
    """The first to put an object once wins; listings are complete and sorted."""
    assert store.put_once("some/key", b"first")
    assert not store.put_once("some/key", b"second"), "put-if-absent replaced an object"
    assert store.get("some/key") == b"first"
    store.put("some/key", b"third")
    store.put("some/deeper/key", b"")
    assert store.get("some/key") == b"third"
    assert store.list("some") == ["some/deeper/key", "some/key"]
    assert store.get("nothing") is None
    assert store.list("nothing") == []


def check_recorded_once(store: Store) -> None:
    """A second record of an id changes nothing, and is shown where it disagrees."""
    run, curve = sample_run(0), pa.table({"epoch": [1, 2], "loss": [0.5, 0.25]})
    assert not store.has_run(run.run_id)
    assert store.commit_run(run, curve=curve)
    assert not store.commit_run(run), "an id was recorded twice"
    assert store.conflicts() == []
    assert not store.commit_run(sample_run(0, top1=0.75))
    assert [conflict.metrics["top1"] for conflict in store.conflicts()] == [0.75]
    assert store.run(run.run_id) == run
    stored = store.curve(run.run_id)
    assert stored is not None
    assert stored.equals(curve)


def check_union(store: Store) -> None:
    """Packing changes where records lie, never which there are."""
    runs = [sample_run(seed) for seed in range(4)]
    for run in runs[:2]:
        store.commit_run(run)
    store.commit_evaluation(sample_evaluation(*runs[:2]))
    before = contents(store)
    assert store.compact() == sum(map(len, before.values()))
    assert contents(store) == before, "packing changed the union"
    assert not store.commit_run(runs[0]), "a packed record was recorded again"
    for run in runs[2:]:
        assert store.commit_run(run)
    assert store.runs(["run_id"]).num_rows == len(runs)
    assert store.run(runs[0].run_id) == runs[0]


def check_retraction(store: Store) -> None:
    """A retracted run is hidden with every evaluation that contains it, loose or packed, and is not lost."""
    kept, retracted = sample_run(0), sample_run(1)
    for run in (kept, retracted):
        store.commit_run(run)
    evaluated = ((kept,), (retracted,), (kept, retracted))
    for runs in evaluated:
        store.commit_evaluation(sample_evaluation(*runs))
    store.retract(retracted.run_id, "wrong labels")
    for _ in range(2):
        assert store.runs(["run_id"])["run_id"].to_pylist() == [kept.run_id]
        assert store.evaluations(["runs"])["runs"].to_pylist() == [1]
        assert set(store.runs(retracted=True)["run_id"].to_pylist()) == {kept.run_id, retracted.run_id}
        assert store.evaluations(retracted=True).num_rows == len(evaluated)
        store.compact()
    assert store.retractions() == {retracted.run_id: "wrong labels"}


def check_merge(make_store: MakeStore) -> None:
    """Merging takes the union, once and in any order."""

    def filled(*seeds: int, packed: bool) -> Store:
        store = make_store()
        for seed in seeds:
            store.commit_run(sample_run(seed), curve=pa.table({"epoch": [seed]}))
            store.commit_evaluation(sample_evaluation(sample_run(seed)))
        if packed:
            store.compact()
        return store

    one, other = filled(0, 1, 2, packed=True), filled(2, 3, packed=False)
    reports = [one.merge(other), filled(2, 3, packed=False).merge(filled(0, 1, 2, packed=True))]
    assert [report.runs for report in reports] == [1, 2]
    other.merge(one)
    assert contents(one) == contents(other), "merging depends on the order"
    again = one.merge(other)
    assert (again.runs, again.evaluations, again.files) == (0, 0, 0), "merging again added something"
    curve = one.curve(sample_run(3).run_id)
    assert curve is not None
    assert curve["epoch"].to_pylist() == [3]

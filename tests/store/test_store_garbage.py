"""What nobody needs goes; what anybody needs, or may be at, stays, wherever the deletion is cut off."""

import json
import os
import time

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fieldmark.errors import UserError
from fieldmark.store import Store
from fieldmark.store.garbage import LOOK_EVERY, Collector
from fieldmark.store.lease import Lease
from fieldmark.store.living import driven, lease_marks
from fieldmark.testing.store import contents, sample_evaluation, sample_run

ARRAYS = {"scores": np.arange(6.0)}
CURVE = pa.table({"loss": [0.5, 0.25]})
RUN = sample_run(0)


def later():
    """When what is written now was not touched for long."""
    return time.time() + 7200


def found(store, living=(), *, now=later, **what):
    collector = Collector(store, living, lease_marks(store.objects), now=now)
    return {one.what: sorted(entry.key for entry in one.entries) for one in collector.find(**what)}


def collect(store, *, stop_after=None, now=later, **what):
    marks = lease_marks(store.objects)
    collector = Collector(store, driven(store.objects), marks, now=now)
    for count, _ in enumerate(collector.delete(collector.find(**what)), 1):
        if count == stop_after:
            return


@pytest.fixture
def store(tmp_path):
    return Store.open(str(tmp_path / "store"))


def held(store, name, what="sweep"):
    lease = Lease(store, name, "test", what=what)
    lease.acquire()
    return lease


def move_elsewhere(store, name):
    key = f"sweeps/{name}/lease/000001.json"
    store.put(key, json.dumps(json.loads(store.get(key)) | {"host": "far", "place": "far away"}).encode())


def test_checkpoints_of_recorded_runs_go_and_those_of_unfinished_ones_stay(store):
    store.commit_run(RUN)
    for run_id in (RUN.run_id, "unfinished"):
        store.checkpoints(run_id).save(b"state")
    collect(store)
    assert store.list("checkpoints") == ["checkpoints/unfinished/state.bin"]


def test_old_plans_and_epochs_go_and_the_next_ones_have_higher_numbers(store):
    for trials in range(3):
        store.put_plan("s1", {"trials": trials})
        held(store, "s1").release()
    held(store, "r1", "run").release()
    assert found(store) == {
        "plans": ["sweeps/s1/plan-0001.json", "sweeps/s1/plan-0002.json"],
        "leases": [f"sweeps/s1/lease/00000{n}.{what}" for n in (1, 2) for what in ("json", "released")],
    }
    collect(store)
    assert store.plan("s1") == {"trials": 2}
    assert store.put_plan("s1", {"trials": 2}) == 3
    assert store.put_plan("s1", {"trials": 9}) == 4
    assert store.plan("s1") == {"trials": 9}
    assert held(store, "s1").epoch == 4
    assert held(store, "r1", "run").epoch == 2


def test_of_a_sweep_that_is_driven_nothing_goes(store):
    mine = RUN.model_copy(update={"trial": RUN.trial.model_copy(update={"sweep": "s1"})})
    store.commit_run(mine)
    store.checkpoints(RUN.run_id).save(b"state")
    for trials in range(2):
        store.put_plan("s1", {"trials": trials})
        held(store, "s1")
        if not trials:
            Lease(store, "s1", "killed")
            store.put("sweeps/s1/lease/000001.released", b"")
    store.put("ray/x/y", b"")
    store.put_stage("unneeded", ARRAYS, {})
    assert driven(store.objects) == {"s1"}
    assert found(store, driven(store.objects), stages=True, retracted=True) == {}
    assert set(found(store, stages=True)) == {"checkpoints", "plans", "leases", "Ray Train", "stages"}


def test_a_run_that_may_be_a_reproductions_stays_while_anything_is_driven(store):
    store.commit_run(RUN)  # its record names no sweep
    store.checkpoints(RUN.run_id).save(b"state")
    assert found(store, {"reproduction"}) == {}


def test_a_driver_that_begins_while_another_is_watched_loses_nothing(store):
    """A lease of a host that is gone makes one watch for 30 s, in which a sweep may begin and finish a run."""
    held(store, "gone")
    move_elsewhere(store, "gone")
    store.put_stage("unneeded", ARRAYS, {})
    now = [0.0]

    def sleep(seconds):
        now[0] += seconds
        if now[0] == 15:
            held(store, "s1")
            store.put("ray/new/state.json", b"")
            store.put("stages/begun/scores.npy", b"x")

    marks = lease_marks(store.objects)
    living = driven(store.objects, clock=lambda: now[0], sleep=sleep)
    assert living == set()
    before = store.list("")
    collector = Collector(store, living, marks, now=later)
    with pytest.raises(UserError, match="began or ended meanwhile, and 0 of 4 objects were deleted; try again"):
        list(collector.delete(collector.find(stages=True)))
    assert store.list("") == before


@pytest.mark.parametrize("ends", [False, True])
def test_a_driver_that_begins_or_ends_amid_the_deletion_stops_it_soon(store, ends):
    lease = held(store, "s1") if ends else None
    runs = [sample_run(seed) for seed in range(3 * LOOK_EVERY)]
    for run in runs:
        store.commit_run(run.model_copy(update={"trial": run.trial.model_copy(update={"sweep": "s0"})}))
        store.checkpoints(run.run_id).save(b"state")
    collector = Collector(store, driven(store.objects), lease_marks(store.objects))
    deletion = collector.delete(collector.find())
    for _ in range(LOOK_EVERY + 1):
        next(deletion)
    lease.release() if lease else held(store, "s1")
    with pytest.raises(UserError, match=f"and {2 * LOOK_EVERY} of {3 * LOOK_EVERY} objects were deleted"):
        list(deletion)
    assert len(store.list("checkpoints")) == LOOK_EVERY


def test_a_stage_that_a_new_driver_makes_again_amid_its_deletion_is_whole(store):
    store.put_stage("scores", ARRAYS | {"labels": np.arange(3)}, {})
    collector = Collector(store, set(), lease_marks(store.objects))
    deletion = collector.delete(collector.find(stages=True))
    assert next(deletion).key == "stages/scores/manifest.json"
    held(store, "s1")
    assert store.stage("scores") is None
    store.put_stage("scores", ARRAYS, {})
    with pytest.raises(UserError, match="1 of 3 objects"):
        next(deletion)
    assert store.stage("scores")["scores"].tolist() == ARRAYS["scores"].tolist()


def test_that_old_leases_go_is_no_sign_of_a_driver(store):
    for _ in range(LOOK_EVERY):
        held(store, "s1").release()
    collect(store)
    assert store.list("sweeps") == [f"sweeps/s1/lease/0000{LOOK_EVERY}.{what}" for what in ("json", "released")]


def test_drivers_on_other_hosts_are_watched_together_and_who_moves_lives(store):
    leases = {name: held(store, name) for name in ("silent", "moving", "released")}
    for name in leases:
        move_elsewhere(store, name)
    now, said = [0.0], []

    def sleep(seconds):
        now[0] += seconds
        if now[0] == 15:
            leases["moving"].renew()
            leases["released"].release()

    assert driven(store.objects, clock=lambda: now[0], sleep=sleep, say=said.append) == {"moving", "released"}
    assert now[0] == 30
    assert said == ["watching 3 drivers on other hosts for 30 s"]


def test_what_killed_writers_left_goes_after_an_hour_and_nothing_younger(store, tmp_path):
    folder = tmp_path / "store" / "curves"
    folder.mkdir()
    for name, age in (("a.parquet#1", 7200), ("b.parquet#12", 60), ("c#d.parquet", 7200)):
        (folder / name).write_bytes(b"half")
        os.utime(folder / name, (time.time() - age,) * 2)
    assert found(store, now=time.time) == {"temporary files": ["curves/a.parquet#1"]}
    collect(store, now=time.time)
    assert sorted(file.name for file in folder.iterdir()) == ["b.parquet#12", "c#d.parquet"]


def test_leftovers_of_ray_of_checks_and_of_makers_go_after_an_hour(store, tmp_path):
    old = ["probe", "probe-0123-node", "ray/abc/run/x.json", "stages/torn/scores-0.npy"]
    half_old = ["ray/under-way/begun.json", "stages/being-made/scores-0.npy"]
    young = ["probe-4567-node", "ray/under-way/latest.json", "ray/young/x.json", "stages/being-made/labels-0.npy"]
    for key in (*old, *half_old, *young):
        store.put(key, b"")
    for key in (*old, *half_old):
        os.utime(tmp_path / "store" / key, (time.time() - 7200,) * 2)
    assert sorted(key for keys in found(store, now=time.time, stages=True).values() for key in keys) == old
    collect(store, now=time.time, stages=True)
    assert store.list("") == sorted(["FORMAT", *half_old, *young])


def test_stages_go_when_asked_for_and_no_run_or_plan_names_them(store):
    image_run, start = sample_run(1), sample_run(2)
    spec = RUN.spec.model_copy(update={"stages": {"image_scores": "recorded", "image_model": image_run.run_id}})
    for run in (RUN.model_copy(update={"spec": spec, "run_id": spec.run_id}), image_run, start):
        store.commit_run(run)
    store.put_plan("s1", {"facts": [{"stages": {"image_scores": "planned"}}]})
    store.put_stage("recorded", ARRAYS, {})
    store.put_stage("planned", ARRAYS, {})
    store.put_stage("features", ARRAYS, {"image_run": image_run.run_id})
    store.put_stage("features of nobody", ARRAYS, {"image_run": start.run_id})
    store.put_stage("settings", {}, {"configs": []})
    store.put_stage("unnamed", ARRAYS, {})
    store.put("stages/torn/scores-0.npy", b"x")
    store.put("stages/recorded/scores-of-another-maker.npy", b"x")
    assert "stages" not in found(store)
    collect(store, stages=True)
    left = {key.split("/")[1] for key in store.list("stages")}
    assert left == {"recorded", "planned", "features", "settings"}
    assert store.stage("recorded")["scores"].tolist() == ARRAYS["scores"].tolist()
    assert len(store.list("stages/recorded")) == 2


def test_weights_of_retracted_runs_go_when_asked_for_unless_others_start_from_them(store):
    start, alone, kept = (sample_run(seed) for seed in (1, 2, 3))
    spec = RUN.spec.model_copy(update={"stages": {"image_model": start.run_id}})
    for run in (start, alone, kept, RUN.model_copy(update={"spec": spec, "run_id": spec.run_id})):
        store.commit_run(run)
        store.put_weights(run.run_id, b"weights")
        store.commit_evaluation(sample_evaluation(run))
        store.put_probabilities(sample_evaluation(run).evaluation_id, np.zeros((1, 2)))
    for run in (start, alone):
        store.retract(run.run_id, "wrong")
    assert found(store) == {}
    assert found(store, retracted=True) == {
        "retracted": sorted(
            [f"weights/{alone.run_id}.safetensors"]
            + [f"probabilities/{sample_evaluation(run).evaluation_id}.npy" for run in (start, alone)]
        )
    }
    collect(store, retracted=True)
    assert store.weights(start.run_id) == store.weights(kept.run_id) == b"weights"
    assert store.retractions().keys() == {start.run_id, alone.run_id}, "the tombstones and records stay"
    assert store.run(alone.run_id) == alone


def readable(store):
    """Returns all that a table, a page or a resumed sweep reads; unfinished states alone of runs without a record."""
    recorded = {row["run_id"] for row in store.runs(["run_id"], retracted=True).to_pylist()}
    hidden = set(store.retractions())
    scores = [row["evaluation_id"] for row in store.evaluations(["evaluation_id"]).to_pylist()]
    keys = [
        *(
            key
            for folder in ("curves", "predictions", "logs", "extensions", "retractions", "conflicts", "datasets")
            for key in store.list(folder)
        ),
        *(key for key in store.list("checkpoints") if key.split("/")[1] not in recorded),
        *(key for key in store.list("sweeps") if "/proposals/" in key),
    ]
    return {
        "records": contents(store),
        "retracted": store.runs(["run_id", "record"], retracted=True).sort_by("run_id").to_pylist(),
        "objects": {key: store.get(key) for key in keys},
        "plans": {sweep: store.plan(sweep) for sweep in store.sweeps()},
        "weights": {run_id: store.weights(run_id) for run_id in recorded - hidden},
        "probabilities": {one: store.probabilities(one) is None for one in scores},
        "stages": {key: store.stage(key) is None for key in ("stage-0", "stage-1") if named(store, key)},
        "problems": store.problems(),
    }


def named(store, key):
    stages = [run.spec.stages.values() for run in store.run_records()]
    return any(key in one for one in stages) or any(key in json.dumps(store.plan(one)) for one in store.sweeps())


def a_run(seed, stage):
    run = sample_run(seed)
    spec = run.spec.model_copy(update={"stages": {} if stage is None else {"scores": f"stage-{stage}"}})
    return run.model_copy(update={"spec": spec, "run_id": spec.run_id})


SEED = st.integers(0, 3)
STAGE = st.none() | st.integers(0, 1)
STEPS = st.one_of(
    st.tuples(st.just("commit"), SEED, STAGE),
    st.tuples(st.just("retract"), SEED, STAGE),
    st.tuples(st.just("save"), SEED, STAGE),
    st.tuples(st.just("stage"), st.integers(0, 2), st.booleans()),
    st.tuples(st.just("plan"), st.integers(0, 1), STAGE),
    st.tuples(st.just("drive"), st.integers(0, 1), st.booleans()),
    st.tuples(st.just("pack"), st.none(), st.none()),
    st.tuples(st.just("litter"), st.sampled_from(["ray/a/b", "probe", "probe-1"]), st.none()),
)


def do(store, step):
    """Does what drivers, trials and kills do to a store."""
    kind, one, other = step
    if kind == "pack":
        store.compact()
    elif kind == "commit":
        run = a_run(one, other)
        store.commit_run(run, curve=CURVE)
        store.commit_evaluation(sample_evaluation(run), predictions=CURVE)
        store.put_weights(run.run_id, b"weights")
        store.put_probabilities(sample_evaluation(run).evaluation_id, np.zeros((1, 2)))
    elif kind == "retract" and store.has_run(a_run(one, other).run_id):
        store.retract(a_run(one, other).run_id, "wrong")
    elif kind == "save":
        store.checkpoints(a_run(one, other).run_id).save(b"state")
    elif kind == "stage":
        store.put(f"stages/stage-{one}/torn.npy", b"") if other else store.put_stage(f"stage-{one}", ARRAYS, {})
    elif kind == "plan":
        store.put_plan(f"s{one}", {"stages": {} if other is None else {"scores": f"stage-{other}"}})
    elif kind == "drive":
        lease = Lease(store, f"s{one}", "test")
        lease.acquire(takeover=True)
        if other:
            lease.release()
    elif kind == "litter":
        store.put(one, b"")


@settings(max_examples=25, deadline=None)
@given(st.lists(STEPS, max_size=16), st.integers(1, 12), st.booleans(), st.booleans())
def test_any_store_says_the_same_before_and_after_and_wherever_it_was_cut_off(steps, stop_after, stages, retracted):
    store = Store.open("memory://")
    for step in steps:
        do(store, step)
    before = readable(store)
    collect(store, stop_after=stop_after, stages=stages, retracted=retracted)
    assert readable(Store.open(store.url)) == before
    collect(store, stages=stages, retracted=retracted)
    assert readable(Store.open(store.url)) == before
    assert found(store, driven(store.objects), stages=stages, retracted=retracted) == {}, "once is enough"
    for step in steps:  # whoever goes on, goes on from the same
        do(store, step)
    again = Store.open("memory://")
    for step in [*steps, *steps]:
        do(again, step)
    assert contents(store) == contents(again)

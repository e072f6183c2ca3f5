"""What the kill tests run in a process of its own: one operation on one store, fit to be run again."""

import sys
import time

import numpy as np
import pyarrow as pa

from fieldmark.errors import StoreConflict
from fieldmark.store import DatasetCard, Store
from fieldmark.store.garbage import Collector
from fieldmark.store.lease import Lease
from fieldmark.store.living import driven, lease_marks
from fieldmark.store.retention import Retention
from fieldmark.testing.store import sample_evaluation, sample_run

RUNS = [sample_run(seed) for seed in range(3)]
CURVE = pa.table({"epoch": [1, 2], "loss": [0.5, 0.25]})
PREDICTIONS = pa.table({"image_id": ["a"], "hit1": [1.0]})
ARRAYS = {"scores": np.arange(6.0).reshape(2, 3), "features": np.ones(2)}
CARD = DatasetCard(
    name="sample",
    spec="world",
    fingerprint="f0",
    protocol="official:0",
    categories=3,
    counts={"train": 1},
    largest_category=1,
    category_size=1,
    has_images=False,
)


def prepare(store, other):
    """Fills the two stores, in the process that will not be killed."""
    for run in RUNS:
        store.commit_run(run, curve=CURVE)
        store.commit_evaluation(sample_evaluation(run), predictions=PREDICTIONS)
        other.commit_run(run)
    other.commit_run(sample_run(7), curve=CURVE)
    other.commit_evaluation(sample_evaluation(sample_run(7)))
    other.put_stage("key", ARRAYS, {})


def commit(store, other):
    """A run, its evaluation, and a second record that disagrees."""
    run = sample_run(9)
    store.commit_run(run, curve=CURVE)
    store.commit_evaluation(sample_evaluation(run), predictions=PREDICTIONS)
    store.commit_run(sample_run(9, top1=0.75))


def pack(store, other):
    """Compaction."""
    store.compact()


def merge(store, other):
    """Another store's records and files."""
    store.merge(other)


def retract(store, other):
    """A tombstone."""
    store.retract(RUNS[0].run_id, "why not")


def keep(store, other):
    """Stage, checkpoint, weights, log, plan, card."""
    store.put_stage("key", ARRAYS, {"inputs": "x"})
    checkpoints = store.checkpoints("r")
    checkpoints.save(b"state")
    checkpoints.clear()
    store.put_probabilities("e", np.full((2, 4), 0.25))
    store.put_weights("r", b"weights")
    store.put_categories("f0", ["a", "b"])
    store.put_extension("r", "import fieldmark\n")
    store.put_plan("sweep", {"trials": 4})
    store.put_card(CARD)
    if not store.log("r"):
        store.append_log("r", "line\n")


def drive(store, other):
    """A whole lease."""
    lease = Lease(store, "sweep", "test")
    lease.acquire()
    lease.renew()
    lease.release()


def retain(store, other):
    """A sweep's checkpoints, brought within a budget."""
    for run_id in ("old", "older"):
        store.checkpoints(run_id).save(bytes(1000))
    Retention(store, 10**6, sweep="sweep", say=str).look(["old", "older"])
    Retention(store, 1, sweep="sweep", say=str).look([])


def collect(store, other):
    """What no record needs, beside what is needed."""
    for trials in (1, 2):
        store.put_plan("sweep", {"trials": trials, "stages": {"image_scores": "needed"}})
    store.put_stage("needed", ARRAYS, {})
    store.put_stage("unneeded", ARRAYS, {})
    store.put("stages/unfinished/x.npy", b"x")
    store.checkpoints(RUNS[0].run_id).save(b"recorded")
    store.put("probe", b"")
    for _ in range(2):
        lease = Lease(store, "sweep", "test")
        lease.acquire()
        lease.release()
    marks = lease_marks(store.objects)
    collector = Collector(store, driven(store.objects), marks, now=lambda: time.time() + 7200)
    for _ in collector.delete(collector.find(stages=True, retracted=True)):
        pass


OPERATIONS = {
    operation.__name__: operation for operation in (commit, pack, merge, retract, keep, retain, collect, drive)
}

if __name__ == "__main__":
    url, other_url, name = sys.argv[1:]
    try:
        OPERATIONS[name](Store.open(url), Store.open(other_url))
    except StoreConflict as conflict:
        sys.exit(str(conflict))

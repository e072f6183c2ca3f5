"""Killed between any two writes, the same operation done again ends with everything recorded once and readable."""

import os
import re
import resource
import runpy
import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

import fieldmark.store
from fieldmark.store import Store
from fieldmark.store.faults import FAULT, FAULT_POINTS, FAULT_STATE, fault_point
from fieldmark.testing.store import contents, sample_run

PROGRAM = Path(__file__).with_name("store_fault_program.py")
program = SimpleNamespace(**runpy.run_path(str(PROGRAM)))

HITS = {
    "commit": [
        "open.format",
        "commit_run.curve",
        "commit_run.record",
        "commit_evaluation.predictions",
        "commit_evaluation.record",
        "conflict.written",
    ],
    "pack": ["compact.segment:1", "compact.segment:2", *(f"compact.deleted:{nth}" for nth in (1, 2, 3, 4, 6))],
    "merge": ["merge.copied:1", "merge.copied:3", "merge.segment:1", "merge.segment:2"],
    "retract": ["retract.written"],
    "keep": [
        "stage.array:1",
        "stage.array:2",
        "stage.manifest",
        "checkpoint.saved",
        "checkpoint.cleared",
        "plan.written",
        "card.written",
        "log.written",
        "probabilities.written",
        "weights.written",
        "categories.written",
        "extension.written",
    ],
    "retain": ["retention.begun", "checkpoint.cleared:1", "checkpoint.cleared:2"],
    "collect": [*(f"gc.deleted:{nth}" for nth in (1, 2, 5, 8))],
    "drive": ["lease.epoch", "lease.heartbeat", "lease.released"],
}
CASES = [(operation, point) for operation, points in HITS.items() for point in points]


def run(operation, tmp_path, fault=""):
    environment = os.environ | {FAULT: fault, FAULT_STATE: str(tmp_path / "hits")}
    command = [sys.executable, str(PROGRAM), str(tmp_path / "store"), str(tmp_path / "other"), operation]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    return done.returncode, done.stderr


def everything(store):
    """Returns all that a reader can see."""
    return {
        "records": contents(store),
        "curves": {key: store.get(key) is not None for key in [*store.list("curves"), *store.list("predictions")]},
        "conflicts": [(conflict.id, conflict.metrics) for conflict in store.conflicts()],
        "retractions": store.retractions(),
        "problems": store.problems(),
        "stage": {name: array.tolist() for name, array in (store.stage("key") or {}).items()},
        "plan": store.plan("sweep"),
        "cards": store.cards(),
        "log": store.log("r"),
        "probabilities": [] if store.probabilities("e") is None else store.probabilities("e").tolist(),
        "weights": store.weights("r"),
        "categories": store.categories("f0"),
        "extension": store.extension("r"),
        "checkpoint": store.checkpoints("r").load(),
        "unfinished": sorted(store.list("checkpoints")),
        "needed stage": {name: array.tolist() for name, array in (store.stage("needed") or {}).items()},
    }


@pytest.fixture(scope="module")
def undisturbed():
    """What each operation ends with when nothing happens to it."""
    ends = {}
    for name, operation in program.OPERATIONS.items():
        store, other = Store.open("memory://"), Store.open("memory://")
        program.prepare(store, other)
        operation(store, other)
        ends[name] = everything(store)
    return ends


@pytest.mark.parametrize(("operation", "point"), CASES)
def test_killed_at_a_point_the_same_operation_goes_on_to_the_same_end(operation, point, tmp_path, undisturbed):
    store = Store.open(str(tmp_path / "store"))
    program.prepare(store, Store.open(str(tmp_path / "other")))
    if point == "open.format":
        (tmp_path / "store" / "FORMAT").unlink()
    assert run(operation, tmp_path, fault=point)[0] == -signal.SIGKILL
    before = everything(Store.open(str(tmp_path / "store")))
    assert before["problems"] == []
    assert set(contents(store)["runs"]) >= {run.run_id for run in program.RUNS if operation != "retract"}
    # The state file has counted the hit, so that the fault fires once; the fault stays asked for.
    program.OPERATIONS[operation](Store.open(str(tmp_path / "store")), Store.open(str(tmp_path / "other")))
    after = everything(Store.open(str(tmp_path / "store")))
    assert after == undisturbed[operation]


def test_every_point_in_the_code_is_listed_and_hit_by_a_case():
    source = "".join(path.read_text() for path in Path(fieldmark.store.__file__).parent.rglob("*.py"))
    called = set(re.findall(r'fault_point\("([a-z_.]+)"\)', source))
    spelled = {f"{operation}.{what}" for operation in ("commit_run", "commit_evaluation") for what in ("record",)}
    spelled |= {"commit_run.curve", "commit_evaluation.predictions"}
    assert called | spelled == set(FAULT_POINTS)
    assert {point.partition(":")[0] for _, point in CASES} == set(FAULT_POINTS)


def test_a_point_that_is_not_asked_for_does_nothing(monkeypatch, tmp_path):
    monkeypatch.setenv(FAULT, "compact.segment:2")
    monkeypatch.setenv(FAULT_STATE, str(tmp_path / "hits"))
    fault_point("commit_run.record")
    fault_point("compact.segment")
    assert (tmp_path / "hits").stat().st_size == 1


def test_a_run_that_was_killed_before_its_commit_is_not_there(tmp_path):
    program.prepare(Store.open(str(tmp_path / "store")), Store.open(str(tmp_path / "other")))
    run("commit", tmp_path, fault="commit_run.curve")
    assert not Store.open(str(tmp_path / "store")).has_run(sample_run(9).run_id)


def test_a_full_disk_is_one_line_and_the_same_commit_goes_on_when_there_is_room(tmp_path):
    """Files may grow to 2 KB only, which fails as a full disk does: the JSON fits, the curve does not."""
    import numpy as np
    import pyarrow as pa

    from fieldmark.errors import UserError

    store = Store.open(str(tmp_path / "store"))
    curve = pa.table({"loss": np.random.default_rng(0).random(10_000)})
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2000, before[1]))
    try:
        with pytest.raises(UserError) as full:
            store.commit_run(sample_run(0), curve=curve)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)
    assert f"curves/{sample_run(0).run_id}.parquet: cannot write" in str(full.value) and "\n" not in str(full.value)
    assert store.runs().num_rows == 0 and store.problems() == []
    assert store.commit_run(sample_run(0), curve=curve)
    assert store.curve(sample_run(0).run_id).equals(curve)

"""One run is recorded whole and once, wherever it is cut off; training itself is a stand-in here."""

from dataclasses import dataclass, field

import numpy as np
import pytest
import torch

from fieldmark.config import ClassifierConfig, RunSpec, Scale
from fieldmark.data.experiment import Part
from fieldmark.data.images.experiment import ImageExperiment
from fieldmark.data.observations import PlaceTime, Split
from fieldmark.errors import UserError
from fieldmark.search.interruption import CutOff
from fieldmark.search.objective import Objective
from fieldmark.search.tasks import Task
from fieldmark.search.training.run import FAULT_POINTS, Circumstances, do_run, stored_state
from fieldmark.store import Store
from fieldmark.store.faults import FAULT, FAULT_STATE
from fieldmark.testing.store import contents
from fieldmark.training.classifier.execution import Execution
from fieldmark.training.classifier.workers import Workers
from fieldmark.training.evaluation import evaluate_scores

CONFIG = ClassifierConfig(backbone="test_resnet", resolution=32, epochs=3)


class Killed(BaseException):
    """SIGKILL, as far as the store can tell."""


@dataclass
class Fitted:
    """What the stand-in hands back: the curve's last value is its one weight."""

    value: float
    parameters: int = 7
    model: torch.nn.Module = field(init=False)

    def __post_init__(self):
        self.model = torch.nn.Linear(1, 1)
        self.model.weight.data.fill_(self.value)

    def evaluate(self, data, workers):
        scores = np.array([[0.7, 0.3], [0.2, 0.8]]) * self.value
        parts = ((Split.TUNE, "tune"), (Split.TEST, "test"))
        return [evaluate_scores(data.parts[split], name, "joint", scores) for split, name in parts]


def fit(config, data, seed, *, report, checkpoints, start, **_):
    """Halves a value an epoch."""
    state = checkpoints.load() or {"epoch": 0, "value": 64.0 if start is None else float(start["weight"])}
    value = state["value"]
    for epoch in range(state["epoch"], config.epochs):
        value /= 2
        assert report(epoch + 1, {"loss": value, "images_per_second": 1.0})
        checkpoints.save({"epoch": epoch + 1, "value": value})
    return Fitted(value)


@pytest.fixture(autouse=True)
def _stand_in(monkeypatch):
    monkeypatch.setattr("fieldmark.training.classifier.fit.fit_classifier", fit)


@pytest.fixture
def data():
    where = PlaceTime(
        latitude_N=np.zeros(2),
        longitude_N=np.zeros(2),
        date_N=np.array(["2020-01-01"] * 2, dtype="datetime64[D]"),
        observer_N=np.full(2, -1, np.int32),
    )
    part = Part(image_id=np.array(["a", "b"]), category_N=np.array([0, 1], np.int32), place_time=where)
    return ImageExperiment(categories=("x", "y"), parts=dict.fromkeys(Split, part), images={})


def task(seed=0):
    spec = RunSpec(config=CONFIG, dataset="d", fingerprint="f", protocol="official:0", seed=seed)
    objective = Objective(score="joint", metric="top1")
    return Task(spec=spec, scale=Scale(name="smoke"), trial={}, objective=objective)


def circumstances(**changes):
    return Circumstances(workers=Workers(), execution=Execution(), **changes)


def what_is_there(store):
    """Everything but clocks."""
    run_id = task().run_id
    curve = store.curve(run_id)
    return {
        "evaluations": sorted(contents(store)["evaluations"]),
        "metrics": store.run(run_id).metrics,
        "epochs": store.run(run_id).epochs,
        "losses": curve["loss"].to_pylist(),
        "weights": {name: value.tolist() for name, value in stored_state(store, run_id).items()}["weight"],
        "checkpoint": store.checkpoints(run_id).load(),
    }


def test_a_run_leaves_record_evaluations_curve_weights_and_log(data):
    store = Store.open("memory://")
    do_run(task(), data, store, circumstances(), start=None)
    record = store.run(task().run_id)
    assert (record.status, record.epochs, record.parameters) == ("completed", 3, 7)
    assert record.multiply_adds > 0 and record.metrics["top1"] == 1
    assert {(one.split, one.score) for one in store.evaluation_records()} == {("tune", "joint"), ("test", "joint")}
    assert what_is_there(store)["losses"] == [32, 16, 8]
    assert "epoch=3" in store.log(record.run_id)
    do_run(task(), data, store, circumstances(), start=None)
    assert store.conflicts() == []


STORE_POINTS = (
    "checkpoint.saved:1",
    "checkpoint.saved:3",
    "commit_evaluation.predictions:1",
    "commit_evaluation.record:1",
    "commit_evaluation.record:2",
    "weights.written",
    "log.written",
    "commit_run.curve",
    "commit_run.record",
)


@pytest.mark.parametrize("point", [*FAULT_POINTS, "train.epoch:2", *STORE_POINTS])
def test_killed_at_any_point_the_same_run_goes_on_to_the_same_end(point, data, tmp_path, monkeypatch):
    undisturbed, store = Store.open("memory://"), Store.open("memory://")
    do_run(task(), data, undisturbed, circumstances(), start=None)

    def kill(*_):
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr("os.kill", kill)
        patch.setenv(FAULT, point)
        patch.setenv(FAULT_STATE, str(tmp_path / "hits"))
        with pytest.raises(Killed):
            do_run(task(), data, store, circumstances(), start=None)
    do_run(task(), data, store, circumstances(), start=None)
    assert what_is_there(store) == what_is_there(undisturbed)
    assert store.conflicts() == [] and store.problems() == []


def test_asked_to_stop_it_leaves_a_checkpoint_and_no_record(data):
    store = Store.open("memory://")
    with pytest.raises(CutOff):
        do_run(task(), data, store, circumstances(keep_going=lambda: False), start=None)
    assert not store.has_run(task().run_id) and store.checkpoints(task().run_id).load() is not None
    do_run(task(), data, store, circumstances(), start=None)
    assert what_is_there(store)["losses"] == [32, 16, 8]


def test_a_run_starts_from_anothers_weights_where_they_were_kept(data):
    store = Store.open("memory://")
    do_run(task(0), data, store, circumstances(), start=None)
    do_run(task(1), data, store, circumstances(keep_weights=False), start=task(0).run_id)
    assert store.curve(task(1).run_id)["loss"].to_pylist() == [4, 2, 1]
    with pytest.raises(UserError, match="weights were not kept"):
        do_run(task(2), data, store, circumstances(), start=task(1).run_id)


def test_only_the_first_worker_records(data, monkeypatch):
    store = Store.open("memory://")
    monkeypatch.setattr(Workers, "gather", lambda self, value: None)
    monkeypatch.setattr(Workers, "on_first", lambda self, call: None)
    how = Circumstances(workers=Workers(rank=1, size=2), execution=Execution())
    do_run(task(), data, store, how, start=None)
    assert not store.has_run(task().run_id) and store.evaluation_records() == []

"""A run on frozen features is recorded whole and once, wherever it is cut off; the stage is complete or absent."""

from dataclasses import dataclass, field

import numpy as np
import pytest
import torch
from safetensors.torch import save

from fieldmark.config import IMAGE_MODEL, ClassifierConfig, RunSpec, Scale
from fieldmark.config.canonical import on_features
from fieldmark.data.experiment import Part
from fieldmark.data.images.experiment import ImageExperiment
from fieldmark.data.observations import PlaceTime, Split
from fieldmark.errors import UserError
from fieldmark.search.interruption import CutOff
from fieldmark.search.objective import Objective
from fieldmark.search.tasks import Task
from fieldmark.search.training.feature_stage import stage_key
from fieldmark.search.training.frozen_run import do_frozen_run
from fieldmark.search.training.run import Circumstances
from fieldmark.store import RunRecord, Store
from fieldmark.store.faults import FAULT, FAULT_STATE
from fieldmark.training.classifier.execution import Execution
from fieldmark.training.classifier.workers import Workers

SIDE, COUNT = 32, 24
FIELDS = {"backbone": "test_resnet", "resolution": SIDE, "precision": "float32", "mixup": 0.0}
SMALL = {"location_width": 8, "location_blocks": 1, "fusion_settings": {"d": 8, "h": 4}}
CONFIG = on_features(ClassifierConfig(**FIELDS, **SMALL, batch=8, bn_batch=8, mixup_group=8, epochs=2, lr=0.01), 2)


class Killed(BaseException):
    """SIGKILL, as far as the store can tell."""


@dataclass
class Noise:
    image_N3RR: torch.Tensor = field(
        default_factory=lambda: torch.randint(
            0, 256, (COUNT, 3, SIDE, SIDE), dtype=torch.uint8, generator=torch.Generator().manual_seed(0)
        )
    )

    def __len__(self):
        return len(self.image_N3RR)

    def image(self, position):
        return self.image_N3RR[position]


@pytest.fixture(scope="module")
def data():
    where = PlaceTime(
        latitude_N=np.linspace(-60, 60, COUNT),
        longitude_N=np.linspace(-100, 100, COUNT),
        date_N=np.datetime64("2020-01-01") + np.arange(COUNT),
        observer_N=np.full(COUNT, -1, np.int32),
    )
    category = (np.arange(COUNT) % 3).astype(np.int32)
    part = Part(image_id=np.arange(COUNT).astype(str), category_N=category, place_time=where)
    parts, images = (dict.fromkeys((Split.TRAIN, Split.TUNE, Split.TEST), one) for one in (part, Noise()))
    return ImageExperiment(categories=("x", "y", "z"), parts=parts, images=images, exact=True)


@pytest.fixture(scope="module")
def weights():
    from fieldmark.models.build import build_classifier

    torch.manual_seed(0)
    return save(build_classifier(ClassifierConfig(**FIELDS, fusion="image_only"), 3).state_dict())


@pytest.fixture
def store(weights):
    return opened(weights)


def image_run():
    config = ClassifierConfig(**FIELDS, fusion="image_only")
    return RunSpec(config=config, dataset="d", fingerprint="f", protocol="official:0", seed=5)


def opened(weights):
    """A store with the image-only run."""
    found, spec = Store.open("memory://"), image_run()
    found.commit_run(RunRecord(run_id=spec.run_id, spec=spec, scale=Scale(name="smoke"), status="completed"))
    found.put_weights(spec.run_id, weights)
    return found


def task(config=CONFIG, seed=0):
    stages = {IMAGE_MODEL: image_run().run_id}
    spec = RunSpec(config=config, dataset="d", fingerprint="f", protocol="official:0", stages=stages, seed=seed)
    return Task(spec=spec, scale=Scale(name="smoke"), trial={}, objective=Objective(score="joint", metric="top1"))


def circumstances(**changes):
    return Circumstances(workers=Workers(), execution=Execution(), **changes)


def what_is_there(store):
    """Everything but clocks."""
    run_id = task().run_id
    return {
        "evaluations": sorted((one.split, one.metrics["log_loss"]) for one in store.evaluation_records()),
        "metrics": store.run(run_id).metrics,
        "losses": store.curve(run_id)["loss"].to_pylist(),
        "weights": store.weights(run_id),
        "stage": {name: rows.tolist() for name, rows in store.stage(stage_key(task())).items()},
        "checkpoint": store.checkpoints(run_id).load(),
    }


def test_a_run_leaves_a_stage_and_a_record_that_is_marked(data, store):
    do_frozen_run(task(), data, store, circumstances())
    record, meta = store.run(task().run_id), store.stage_meta(stage_key(task()))
    assert (record.status, record.epochs, record.spec.config.method) == ("completed", 2, "frozen")
    assert record.multiply_adds > 0 and record.spec.stages == {IMAGE_MODEL: image_run().run_id}
    assert meta["seconds"] > 0 and meta["pictures"] == 4 * COUNT and meta["image_run"] == image_run().run_id
    test = next(one for one in store.evaluation_records() if one.split == "test")
    assert test.score == "joint" and {"frozen_train_top1", "frozen_test_top1"} <= set(test.details)
    assert test.details.pop("feature_seconds") > 0
    assert test.details == meta["details"]
    assert set(store.runs(["run_id"])["run_id"].to_pylist()) == {record.run_id, image_run().run_id}


def test_the_features_are_made_once_and_are_no_part_of_a_runs_cost(data, store, monkeypatch):
    said = []
    do_frozen_run(task(), data, store, circumstances(say=said.append))
    assert len(said) == 1 and f"{4 * COUNT} pictures" in said[0]
    monkeypatch.setattr("fieldmark.training.frozen.features.compute_features", None)
    other = CONFIG.model_copy(update={"fusion": "concat_net", "fusion_settings": {}})
    do_frozen_run(task(other, seed=1), data, store, circumstances(say=said.append))
    assert len(said) == 1 and len(store.list("stages")) == 5
    do_frozen_run(task(), data, store, circumstances())
    assert store.conflicts() == []


def test_of_two_makers_at_once_both_train_on_what_the_first_stored(data, store, weights, monkeypatch):
    from fieldmark.training.frozen import features as module

    undisturbed, compute = opened(weights), module.compute_features
    do_frozen_run(task(), data, undisturbed, circumstances())

    def beaten(*arguments, **named):
        arrays, meta = (getattr(undisturbed, name)(stage_key(task())) for name in ("stage", "stage_meta"))
        store.put_stage(stage_key(task()), arrays, meta)
        found = compute(*arguments, **named)
        found.views[0][:] += 1  # another machine, as if
        return found

    monkeypatch.setattr(module, "compute_features", beaten)
    do_frozen_run(task(), data, store, circumstances())
    assert what_is_there(store) == what_is_there(undisturbed)


POINTS = (
    "stage.array:1",
    "stage.array:4",
    "stage.manifest",
    "train.epoch",
    "train.fitted",
    "train.evaluated",
    "commit_evaluation.record:1",
    "weights.written",
    "log.written",
    "commit_run.record",
)


@pytest.mark.parametrize("point", POINTS)
def test_killed_at_any_point_the_same_run_goes_on_to_the_same_end(point, data, store, weights, tmp_path, monkeypatch):
    undisturbed = opened(weights)
    do_frozen_run(task(), data, undisturbed, circumstances())

    def kill(*_):
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr("os.kill", kill)
        patch.setenv(FAULT, point)
        patch.setenv(FAULT_STATE, str(tmp_path / "hits"))
        with pytest.raises(Killed):
            do_frozen_run(task(), data, store, circumstances())
    do_frozen_run(task(), data, store, circumstances())
    assert what_is_there(store) == what_is_there(undisturbed)
    assert store.conflicts() == [] and store.problems() == []


def test_asked_to_stop_while_it_makes_features_or_trains_it_leaves_no_record(data, store):
    answers = iter([True, True, False])
    with pytest.raises(CutOff):
        do_frozen_run(task(), data, store, circumstances(keep_going=lambda: next(answers)))
    assert store.stage(stage_key(task())) is None
    made = []
    with pytest.raises(CutOff):
        do_frozen_run(task(), data, store, circumstances(keep_going=lambda: len(made) < 8 and not made.append(0)))
    assert store.stage(stage_key(task())) is not None and store.checkpoints(task().run_id).load() is not None
    assert not store.has_run(task().run_id)
    do_frozen_run(task(), data, store, circumstances())
    assert store.run(task().run_id).epochs == 2


def test_weights_that_were_not_kept_are_named(data):
    empty = Store.open("memory://")
    with pytest.raises(UserError, match="weights were not kept"):
        do_frozen_run(task(), data, empty, circumstances())

"""Image units on a tiny world: trained, evaluated, cut off and taken up again, and nothing done twice."""

import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from fieldmark.data.images.packed import cache_folder
from fieldmark.search.drive import drive
from fieldmark.search.executors.local import LocalExecutor
from fieldmark.search.image_task import ImageTask
from fieldmark.search.interruption import CutOff
from fieldmark.search.tasks import Outcome
from fieldmark.search.training.image_bench import ImageBench, is_done
from fieldmark.search.training.job import loader_processes
from fieldmark.search.training.kept import Kept
from fieldmark.store import Store, layout
from fieldmark.store.objects import Objects
from fieldmark.testing.image_units import WORLD, image_unit

ALONE = image_unit()


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return str(tmp_path_factory.mktemp("packs"))


@pytest.fixture
def store():
    return Store.open("memory://")


@pytest.fixture(scope="module")
def trained(cache):
    """A store with the image-only run."""
    store = Store.open("memory://")
    assert ImageBench(store, cache=cache).do(ALONE).kind == "recorded"
    return store


def do_all(store, units, cache):
    """Does units one after another in this process, as a sweep does; returns how they ended."""
    executor = LocalExecutor(lambda store: ImageBench(store, cache=cache), store)
    for unit in units:
        executor.start(unit)
    return [outcome for _ in units for outcome in executor.poll(0)]


def test_a_model_and_a_fusion_that_starts_from_it_are_done_once(store, cache):
    fusion = image_unit("dynamic_mlp_c", start=ALONE.run_id)
    units = [ALONE, fusion]
    assert [one.kind for one in do_all(store, units, cache)] == ["recorded", "recorded"]
    assert all(is_done(unit, store) for unit in units)
    assert {(one.run_ids[0], one.split, one.score) for one in store.evaluation_records()} == {
        *((ALONE.run_id, split, "image") for split in ("tune", "test")),
        *((fusion.run_id, split, "joint") for split in ("tune", "test")),
    }
    ended = [store.run(unit.run_id).provenance.ended for unit in units]
    assert [one.kind for one in do_all(store, units, cache)] == ["recorded", "recorded"]
    assert [store.run(unit.run_id).provenance.ended for unit in units] == ended, "nothing is done again"
    spec = ALONE.task.spec
    assert [card.spec for card in store.cards()] == [WORLD]
    assert len(store.categories(spec.fingerprint)) == 6


def test_views_are_evaluated_beside_a_run_that_is_recorded(trained, cache):
    unit = ALONE.model_copy(update={"views": ("center:40",), "probabilities": ("", "center:40")})
    assert not is_done(unit, trained)
    before = trained.run(unit.run_id).provenance.ended
    assert ImageBench(trained, cache=cache).do(unit).kind == "recorded"
    assert is_done(unit, trained)
    assert trained.run(unit.run_id).provenance.ended == before, "the run is not trained again"
    records = [one for one in trained.evaluation_records(views=True) if one.run_ids == (unit.run_id,)]
    assert {(one.split, one.view) for one in records} >= {("tune", "center:40"), ("test", "center:40")}
    assert not is_done(unit.model_copy(update={"views": ("ten",)}), trained)
    assert len(records) == 4 and all(trained.probabilities(one.evaluation_id) is not None for one in records)


def test_a_fusion_on_frozen_features_is_done(trained, cache):
    unit = image_unit("dynamic_mlp_c", start=ALONE.run_id, frozen=True, views=("center:40",))
    outcome = ImageBench(trained, cache=cache).do(unit)
    assert (outcome.kind, outcome.message) == ("recorded", "")
    assert is_done(unit, trained) and trained.run(unit.run_id).spec.config.method == "frozen"


def test_epochs_are_told_as_they_end(store, cache):
    epochs = []
    ImageBench(store, cache=cache).do(ALONE, on_epoch=epochs.append)
    assert epochs == [1, 2]


def test_an_exception_is_a_failed_attempt_and_the_unit_stays_to_be_done(store, cache, monkeypatch):
    def broken(*_, **__):
        raise FloatingPointError("the loss is nan")

    with monkeypatch.context() as patch:
        patch.setattr("fieldmark.training.classifier.fit.fit_classifier", broken)
        (outcome,) = do_all(store, [ALONE], cache)
    assert (outcome.kind, outcome.message) == ("failed", "FloatingPointError: the loss is nan")
    (attempt,) = store.runs(["run_id", "status"]).to_pylist()
    assert attempt["status"] == "failed" and attempt["run_id"] != ALONE.run_id
    assert "Traceback" in store.log(attempt["run_id"])
    assert not is_done(ALONE, store)
    assert do_all(store, [ALONE], cache)[0].kind == "recorded"


def test_a_start_that_is_not_there_and_data_that_changed_are_said_in_a_line(store, cache):
    bench = ImageBench(store, cache=cache)
    outcome = bench.do(image_unit("dynamic_mlp_c", start=ALONE.run_id))
    assert outcome.kind == "failed" and "weights" in outcome.message and "\n" not in outcome.message
    other = ALONE.model_copy(update={"data": f"{WORLD},seed=1"})
    outcome = bench.do(other)
    assert outcome.kind == "failed" and outcome.message.startswith(f"--data {WORLD},seed=1: its records are not those")


@pytest.mark.parametrize("steps", [1, 4])
def test_a_unit_that_is_cut_off_goes_on_bit_for_bit(steps, trained, store, cache):
    bench, asked = ImageBench(store, cache=cache), iter(range(steps))
    with pytest.raises(CutOff):
        bench.do(ALONE, keep_going=lambda: next(asked, None) is not None)
    assert not store.has_run(ALONE.run_id) and store.checkpoints(ALONE.run_id).load() is not None
    assert bench.do(ALONE).kind == "recorded"
    assert store.weights(ALONE.run_id) == trained.weights(ALONE.run_id)
    assert store.run(ALONE.run_id).metrics == trained.run(ALONE.run_id).metrics
    assert store.checkpoints(ALONE.run_id).load() is None


def test_two_benches_that_make_the_same_pack_at_once_see_the_same_pictures(store, tmp_path):
    benches = [ImageBench(store, cache=str(tmp_path / "packs")) for _ in range(3)]
    together = threading.Barrier(len(benches))

    def prepared(bench):
        together.wait()
        return bench.data.experiment(ALONE)

    with ThreadPoolExecutor(len(benches)) as pool:
        found = list(pool.map(prepared, benches))
    for split, images in found[0].images.items():
        for position in range(len(images)):
            assert all((one.images[split].image(position) == images.image(position)).all() for one in found)
    files = [file for file in cache_folder(tmp_path / "packs").rglob("*") if file.is_file()]
    assert [file.suffix for file in files] == [".pack"], "one pack, and nothing half-written"


def test_whether_a_unit_is_done_is_known_without_torch(tmp_path, root):
    program = (
        "import sys; from fieldmark.search.training.image_bench import is_done; from fieldmark.store import Store;"
        "from fieldmark.search.image_task import ImageTask; unit = ImageTask.model_validate_json(sys.argv[1]);"
        "print(is_done(unit, Store.open(sys.argv[2])), 'torch' in sys.modules)"
    )
    unit = ALONE.model_copy(update={"views": ("center:40",)})
    command = [sys.executable, "-c", program, unit.model_dump_json(), str(tmp_path / "runs")]
    said = subprocess.run(command, capture_output=True, text=True, check=True, cwd=root).stdout
    assert said.split() == ["False", "False"]


class Row:
    """The smallest scheduler: units in order."""

    def __init__(self, units: list[ImageTask]) -> None:
        self.left, self.running, self.told = list(units), [], []

    def next(self):
        if not self.left:
            return None
        self.running.append(self.left.pop(0))
        return self.running[-1]

    def tell(self, outcome: Outcome) -> None:
        self.running = [unit for unit in self.running if unit.run_id != outcome.run_id]
        self.told.append(outcome)


def test_any_scheduler_can_be_driven(trained, cache):
    row = Row([ALONE, image_unit(seed=1)])
    drive(row, LocalExecutor(lambda store: ImageBench(store, cache=cache), trained), lambda *_: None)
    assert [outcome.kind for outcome in row.told] == ["recorded", "recorded"]


def test_what_is_kept_between_units_is_bounded():
    made, kept = [], Kept(2)

    def get(key):
        return kept.get(key, lambda: made.append(key) or key)

    assert [get(key) for key in "abacab"] == list("abacab")
    assert made == list("abcb"), "of three the one that was asked for last but two is made again"


def test_a_run_that_its_sweep_stops_early_is_done_and_not_evaluated(store, cache):
    unit = image_unit(epochs=3, views=("center:40",))
    trial = unit.task.trial.model_copy(update={"sweep": "a" * 32})
    unit = unit.model_copy(update={"task": unit.task.model_copy(update={"trial": trial, "early_stopping": True})})
    for n in range(5):  # five runs that were far better at the first rung
        store.put_once(f"sweeps/{trial.sweep}/rungs/003/run{n}.json", b'{"goodness": 9.0, "goes_on": true}')
    assert ImageBench(store, cache=cache).do(unit).kind == "recorded"
    assert is_done(unit, store) and not store.has_run(unit.run_id)
    assert store.evaluation_records(views=True) == []
    assert ImageBench(store, cache=cache).do(unit).kind == "recorded"
    assert len(store.runs(["run_id"])) == 1


@pytest.fixture
def asked(monkeypatch):
    """What the storage is asked: (verb, key), and for what did not exist ("missed", key)."""
    found = []

    def told(name):
        method = getattr(Objects, name)

        def asking(self, key):
            answer = method(self, key)
            found.append((name, key))
            if name == "exists" and not answer:
                found.append(("missed", key))
            return answer

        monkeypatch.setattr(Objects, name, asking)

    for name in ("exists", "get", "keys"):
        told(name)
    return found


def test_of_a_done_unit_nothing_is_asked_that_never_exists(trained, cache, asked):
    unit = ALONE.model_copy(update={"views": ("center:40",), "probabilities": ("", "center:40")})
    assert ImageBench(trained, cache=cache).do(unit).kind == "recorded"
    again = Store.open(trained.url)
    asked.clear()
    assert is_done(unit, again)
    assert not [key for verb, key in asked if verb == "missed" or key == layout.SEGMENTS]
    assert len(asked) == 1 + 2 * 2 * 2, "the run, and an evaluation and its probabilities a part and view"


def test_a_unit_without_early_stopping_is_not_asked_for_as_stopped(store, asked):
    assert not is_done(ALONE, store)
    assert len([key for verb, key in asked if verb == "missed"]) == 1


def test_features_are_read_once_for_all_units_on_a_model(trained, cache, asked):
    bench, seeds = ImageBench(trained, cache=cache), (3, 4, 5)
    for seed in seeds:
        assert bench.do(image_unit("dynamic_mlp_c", start=ALONE.run_id, frozen=True, seed=seed)).kind == "recorded"
    read = [key for verb, key in asked if verb == "get" and key.startswith("stages/") and key.endswith(".npy")]
    assert read and len(read) == len(set(read))
    units = [image_unit("dynamic_mlp_c", start=ALONE.run_id, frozen=True, seed=seed) for seed in seeds]
    seconds = [
        one.details["feature_seconds"]
        for unit in units
        for one in trained.evaluation_records()
        if one.run_ids == (unit.run_id,) and one.split == "test"
    ]
    assert seconds[0] > 0 and seconds[1:] == [0, 0], "what reading took stands beside the run that read them"


def test_what_is_kept_may_be_bounded_by_its_weight():
    made, kept = [], Kept(10, weigh=len)

    def get(key):
        return kept.get(key, lambda: made.append(key) or key)

    assert [get(key) for key in ("aaaa", "bbbb", "aaaa", "c" * 30, "c" * 30, "aaaa")]
    assert made == ["aaaa", "bbbb", "c" * 30, "aaaa"], "what is too heavy is kept alone, and let go before the next"


@pytest.mark.parametrize(
    ("given", "device", "threads", "expected"),
    [
        (None, "cpu", 4, 0),
        (None, "cuda", 4, 3),
        (None, "cuda:0", 1, 1),
        (2, "cuda", 8, 2),
        (0, "cuda", 8, 0),
        (1, "cpu", 1, 1),
    ],
)
def test_pictures_are_prepared_beside_a_gpu(given, device, threads, expected):
    assert loader_processes(given, device, threads) == expected


def test_a_bench_trains_and_evaluates_as_it_was_told(trained, cache, monkeypatch):
    told = {}

    def run(task, data, store, how, *, start):
        told["execution"] = how.execution

    def view(store, run_id, view, pictures, **named):
        told["budget"] = named["probabilities_budget"]

    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    monkeypatch.setattr("fieldmark.search.training.run.do_run", run)
    monkeypatch.setattr("fieldmark.evaluation.record.evaluate_view", view)
    monkeypatch.setattr("fieldmark.search.training.image_bench.own_cores", lambda: 3)
    bench = ImageBench(trained, cache=cache, threads=3, probabilities_budget=7)
    assert bench.do(image_unit(seed=9)).kind == "recorded"
    assert (told["execution"].device, told["execution"].loader_processes) == ("cuda", 2)
    assert bench.do(ALONE.model_copy(update={"views": ("center:36",)})).kind == "recorded"
    assert told["budget"] == 7
    ImageBench(trained, cache=cache, threads=3, loader_processes=0).do(image_unit(seed=9))
    assert told["execution"].loader_processes == 0

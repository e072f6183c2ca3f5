"""Figures of trained classifiers: what is written beside them is right, and the pictures are drawn."""

import csv
import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.figure import Figure
from matplotlib.text import Text
from PIL import Image

from fieldmark.config import BayesConfig, ClassifierConfig, PriorsNetConfig, RunSpec, Scale
from fieldmark.errors import UserError
from fieldmark.figures import category_accuracy, training_curve
from fieldmark.figures.category_reading import read_accuracies
from fieldmark.figures.trained_runs import labels, read_runs, spread
from fieldmark.store import EvaluationRecord, RunRecord, Store

SCALE = Scale(name="smoke", k=8)


def _spec(config: ClassifierConfig | BayesConfig | PriorsNetConfig, seed: int = 0, data: str = "f" * 32) -> RunSpec:
    return RunSpec(config=config, dataset="cars $ & birds", fingerprint=data, protocol="official:0", seed=seed)


def _record(store: Store, fusion: str, seed: int, right_C: Sequence[int], n: int = 10, **config: object) -> str:
    """Records a run that names so many of each category's n test pictures rightly."""
    settings = ClassifierConfig.model_validate(
        {"fusion": fusion, "backbone": "test_resnet", "resolution": 32, **config}
    )
    spec = _spec(settings, seed)
    hits = [float(place < right) for right in right_C for place in range(n)]
    truth = [category for category in range(len(right_C)) for _ in range(n)]
    predictions = pa.table({"true_category": pa.array(truth, pa.int32()), "hit1": pa.array(hits, pa.float32())})
    for split in ("tune", "test"):
        evaluation = EvaluationRecord.model_validate(
            {"run_ids": (spec.run_id,), "spec": spec, "scale": SCALE, "split": split, "n": len(hits),
             "score": "image" if fusion == "image_only" else "joint", "metrics": {"top1": float(np.mean(hits))}}
        )  # fmt: skip
        store.commit_evaluation(evaluation, predictions=predictions if split == "test" else None)
    curve = pa.table({"epoch": [1, 2, 3], "loss": [3.0, 2.0, 1.5], "top1": [0.2, None, 0.4]})
    store.commit_run(RunRecord(run_id=spec.run_id, spec=spec, scale=SCALE, status="completed"), curve=curve)
    return spec.run_id


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open() as file:
        return list(csv.DictReader(file))


def _is_a_picture(path: Path) -> bool:
    with Image.open(path) as picture:
        return picture.width > 1000 and len(picture.convert("RGB").getcolors(1 << 24) or []) > 100


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[Figure]:
    """Every figure that is saved, in turn."""
    figures: list[Figure] = []
    plain = Figure.savefig

    def keep(figure: Figure, *given: object, **more: object) -> None:
        figures.append(figure)
        plain(figure, *given, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(Figure, "savefig", keep)
    return figures


def _texts(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.findobj(Text) if isinstance(text, Text)]


@pytest.fixture
def store() -> Store:
    made = Store.open("memory://")
    made.put_categories("f" * 32, ["ant_1", "bee $x$", "cat"])
    return made


def test_the_curves_figures_stand_beside_the_picture(store: Store, tmp_path: Path) -> None:
    both = _record(store, "dynamic_mlp_c", 0, [3, 5, 10]), _record(store, "image_only", 0, [2, 4, 9])
    for what, top1 in (("image+place+date", 0.8), ("image", 0.7), ("place+date", 0.1)):
        spec = _spec(BayesConfig.model_validate({"information": what, "resolution": 32}))
        bound = EvaluationRecord.model_validate(
            {"run_ids": (spec.run_id,), "spec": spec, "scale": SCALE, "split": "test", "score": "joint", "n": 30,
             "metrics": {"top1": top1}}
        )  # fmt: skip
        store.commit_evaluation(bound)
    training_curve.draw(store, both, tmp_path / "deep" / "curve.png")
    rows = _rows(tmp_path / "deep" / "curve.csv")
    assert [row["label"] for row in rows] == ["dynamic_mlp_c"] * 3 + ["image_only"] * 3
    assert [float(row["loss"]) for row in rows[:3]] == [3.0, 2.0, 1.5]
    assert float(rows[0]["test_top1"]) == 0.6 and float(rows[5]["test_top1"]) == 0.5
    assert rows[0]["tune_top1"] == "0.2" and rows[1]["tune_top1"] == "nan"
    assert {name: rows[0][name] for name in rows[0] if name.startswith("bound")} == {
        "bound image+place+date": "0.8",
        "bound image": "0.7",
    }
    assert _is_a_picture(tmp_path / "deep" / "curve.png")


def test_what_is_of_test_says_so_and_stands_beside_the_epochs(
    store: Store, tmp_path: Path, drawn: list[Figure]
) -> None:
    run_id = _record(store, "image_only", 0, [2, 4, 9])
    spec = _spec(BayesConfig(information="image", resolution=32))
    bound = EvaluationRecord.model_validate(
        {"run_ids": (spec.run_id,), "spec": spec, "scale": SCALE, "split": "test", "score": "joint", "n": 30,
         "metrics": {"top1": 0.7}}
    )  # fmt: skip
    store.commit_evaluation(bound)
    training_curve.draw(store, [run_id], tmp_path / "curve.png")
    texts = _texts(drawn[0])
    assert {"image_only, tune  40.0", "image_only, test  50.0", "Bayes bound on test, image  70.0"} < set(texts)
    assert any("other records" in text for text in texts)
    beside = [line for line in drawn[0].axes[0].lines if np.asarray(line.get_ydata())[0] in (50.0, 70.0)]
    assert len(beside) == 2
    assert all(np.min(line.get_xdata()) > 3 for line in beside), "the last epoch is 3"


@pytest.mark.parametrize(("epochs", "ticks"), [([1], [1]), ([1, 2], [1, 2]), ([7], [7])])
def test_epochs_are_whole(
    store: Store, tmp_path: Path, drawn: list[Figure], epochs: list[int], ticks: list[int]
) -> None:
    spec = _spec(ClassifierConfig())
    curve = pa.table({"epoch": epochs, "loss": [2.0] * len(epochs), "top1": [0.5] * len(epochs)})
    store.commit_run(RunRecord(run_id=spec.run_id, spec=spec, scale=SCALE, status="completed"), curve=curve)
    training_curve.draw(store, [spec.run_id], tmp_path / "curve.png")
    assert [label.get_text() for label in drawn[0].axes[1].get_xticklabels()] == [str(tick) for tick in ticks]


def test_long_trainings_have_few_ticks_and_none_among_the_test_figures(
    store: Store, tmp_path: Path, drawn: list[Figure]
) -> None:
    spec = _spec(ClassifierConfig())
    curve = pa.table({"epoch": list(range(1, 201)), "loss": [2.0] * 200})
    store.commit_run(RunRecord(run_id=spec.run_id, spec=spec, scale=SCALE, status="completed"), curve=curve)
    training_curve.draw(store, [spec.run_id], tmp_path / "curve.png")
    ticks = drawn[0].axes[1].get_xticks()
    assert 4 < len(ticks) < 12 and max(ticks) <= 200 and all(tick == int(tick) for tick in ticks)


def test_the_gain_is_the_second_run_less_the_first_and_no_dot_hides_another(
    store: Store, tmp_path: Path, drawn: list[Figure]
) -> None:
    runs = [_record(store, "image_only", 0, [9, 2, 5]), _record(store, "dynamic_mlp_c", 0, [8, 7, 5])]
    category_accuracy.draw(store, runs, tmp_path / "category.png")
    texts = _texts(drawn[0])
    assert {"gain", "n", "+50", "−10", "0"} <= set(texts)
    assert any("gain: second run less first" in text for text in texts)
    dots = [line for axes in drawn[0].axes for line in axes.lines if line.get_marker() == "o"]
    sizes = {float(np.asarray(line.get_ydata())[0]): [] for line in dots}
    for line in dots:
        sizes[float(np.asarray(line.get_ydata())[0])].append(line.get_markersize())
    assert [len(set(of_line)) for _, of_line in sorted(sizes.items())] == [1, 2, 1], "5 and 5 of 10: a ring"
    category_accuracy.draw(store, runs[:1], tmp_path / "category.png")
    assert "n" in _texts(drawn[1]) and "gain" not in _texts(drawn[1])


def test_letters_that_no_font_has_are_no_warning(store: Store, tmp_path: Path) -> None:
    store.put_categories("e" * 32, ["🦋 butterfly", "蝶", "cat"])
    store.objects.put("categories/" + "f" * 32 + ".json", store.objects.get("categories/" + "e" * 32 + ".json") or b"")
    run_id = _record(store, "image_only", 0, [2, 4, 9])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        category_accuracy.draw(store, [run_id], tmp_path / "category.png")
    assert {row["category"] for row in _rows(tmp_path / "category.csv")} == {"🦋 butterfly", "蝶", "cat"}


def test_the_same_results_give_the_same_picture(store: Store, tmp_path: Path) -> None:
    run_id = _record(store, "image_only", 0, [2, 4, 9])
    for draw in (training_curve.draw, category_accuracy.draw):
        draw(store, [run_id], tmp_path / "one.png")
        draw(store, [run_id], tmp_path / "two.png")
        assert (tmp_path / "one.png").read_bytes() == (tmp_path / "two.png").read_bytes()


def test_a_run_without_tune_or_test_still_has_a_loss(store: Store, tmp_path: Path) -> None:
    spec = _spec(ClassifierConfig())
    record = RunRecord(run_id=spec.run_id, spec=spec, scale=SCALE, status="completed")
    store.commit_run(record, curve=pa.table({"epoch": [1], "loss": [2.0]}))
    training_curve.draw(store, [spec.run_id], tmp_path / "curve.png")
    (row,) = _rows(tmp_path / "curve.csv")
    assert (row["loss"], row["tune_top1"], row["test_top1"]) == ("2.0", "", "")
    with pytest.raises(UserError, match="no predictions"):
        category_accuracy.draw(store, [spec.run_id], tmp_path / "category.png")


def test_categories_are_sorted_by_the_first_run_and_counted(store: Store, tmp_path: Path) -> None:
    first, second = _record(store, "image_only", 0, [9, 2, 5]), _record(store, "dynamic_mlp_c", 0, [10, 7, 4])
    category_accuracy.draw(store, [first, second], tmp_path / "category.png")
    rows = _rows(tmp_path / "category.csv")
    assert [(row["category"], row["n"], row["image_only"], row["dynamic_mlp_c"]) for row in rows] == [
        ("bee $x$", "10", "0.2", "0.7"),
        ("cat", "10", "0.5", "0.4"),
        ("ant_1", "10", "0.9", "1.0"),
    ]
    assert _is_a_picture(tmp_path / "category.png")


def test_another_seed_of_the_first_run_is_the_control(store: Store, tmp_path: Path) -> None:
    first, other = _record(store, "image_only", 0, [9, 2, 5]), _record(store, "dynamic_mlp_c", 0, [10, 7, 4])
    assert read_accuracies(store, [first, other]).control_C is None
    _record(store, "image_only", 4, [1, 1, 1], lr=0.5)  # another setting
    control = _record(store, "image_only", 3, [5, 6, 7])
    found = read_accuracies(store, [first, other])
    assert found.control_seed == 3 and found.control_C is not None
    assert found.control_C.tolist() == [0.6, 0.7, 0.5]
    assert read_accuracies(store, [first]).control_C is None, "one run has no order to be unfair to another"
    assert read_accuracies(store, [first, control]).control_C is None, "what is shown already is no control"
    category_accuracy.draw(store, [first, other], tmp_path / "category.png")
    assert "control, seed 3" in _rows(tmp_path / "category.csv")[0]


@pytest.mark.parametrize("categories", [1, 70, 300])
def test_any_number_of_categories_is_drawn(store: Store, tmp_path: Path, categories: int) -> None:
    right_C = np.random.default_rng(0).integers(0, 11, categories).tolist()
    store.put_categories("unknown", [])
    runs = [_record(store, fusion, 0, right_C, weight_decay=0.5) for fusion in ("image_only", "concat_net")]
    store.objects.delete("categories/" + "f" * 32 + ".json")
    category_accuracy.draw(store, runs, tmp_path / "category.png")
    rows = _rows(tmp_path / "category.csv")
    assert len(rows) == categories and rows[0]["category"].startswith("category ")
    assert _is_a_picture(tmp_path / "category.png")


def test_categories_without_a_test_record_are_left_out(store: Store) -> None:
    run_id = _record(store, "image_only", 0, [9, 2])
    found = read_accuracies(store, [run_id])
    assert found.names_C == ("bee $x$", "ant_1")
    low, high = found.interval(0)
    assert low == pytest.approx(0.0567, abs=1e-3) and high == pytest.approx(0.5098, abs=1e-3)  # Wilson's, 2 of 10


def test_runs_that_must_not_be_compared_are_refused(store: Store) -> None:
    run_id = _record(store, "image_only", 0, [1, 2, 3])
    elsewhere = _spec(ClassifierConfig(), data="e" * 32)
    prior = _spec(PriorsNetConfig())
    for spec in (elsewhere, prior):
        store.commit_run(RunRecord(run_id=spec.run_id, spec=spec, scale=SCALE, status="completed"))
    with pytest.raises(UserError, match="different data sets"):
        read_runs(store, [run_id, elsewhere.run_id])
    with pytest.raises(UserError, match="no image classifier"):
        read_runs(store, [prior.run_id])
    with pytest.raises(UserError, match="no curve"):
        training_curve.draw(store, [elsewhere.run_id], Path("nowhere.png"))


def test_a_fusion_has_one_colour_in_every_figure(store: Store) -> None:
    alone, fused = _record(store, "image_only", 0, [1]), _record(store, "dynamic_mlp_c", 0, [1])
    curve, categories = read_runs(store, [fused, alone]), read_runs(store, [alone, fused])
    assert [run.colour for run in curve] == [run.colour for run in reversed(categories)]
    assert curve[0].colour != curve[1].colour


def test_labels_say_what_differs(store: Store) -> None:
    ids = [
        _record(store, "image_only", seed, [1], **more) for seed, more in ((0, {}), (1, {}), (0, {"resolution": 64}))
    ]
    assert labels([store.run(run_id) for run_id in ids]) == [
        "image_only, 32 px, seed 0",
        "image_only, 32 px, seed 1",
        "image_only, 64 px, seed 0",
    ]
    assert labels([store.run(ids[0])]) == ["image_only"]


@given(st.lists(st.floats(-100, 100), min_size=1, max_size=8), st.floats(0.01, 20))
def test_labels_are_spread_in_order_and_stay_near(wanted: list[float], gap: float) -> None:
    placed = spread(wanted, gap)
    order = np.argsort(wanted, kind="stable")
    assert (np.diff(placed[order]) >= gap * (1 - 1e-9) - 1e-9).all()
    assert placed.mean() == pytest.approx(np.mean(wanted), abs=1e-6), "none is pushed further than its neighbours need"
    if len(wanted) == 1 or np.diff(np.sort(wanted)).min() > gap:
        assert np.allclose(placed, wanted)

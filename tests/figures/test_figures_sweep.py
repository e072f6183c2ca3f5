"""The sweep's figures show what is stored, choose on tune, and keep apart what must not be compared."""

import math
import statistics
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fieldmark.config import BayesConfig, ImageStageConfig, MethodConfig, RunSpec
from fieldmark.figures.plot_base import log_ticks
from fieldmark.figures.score_rows import MOST_SEARCHED, score_lines
from fieldmark.figures.seed_spread import pooled_spread
from fieldmark.figures.sweep import draw_sweep, read_sweep, reliability_figure, scores_figure, search_figure
from fieldmark.figures.sweep_scores import SweepScores
from fieldmark.store import EvaluationRecord, RunRecord, Trial
from fieldmark.testing.synthetic_sweep import Synthetic, synthetic_sweep


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Synthetic:
    return synthetic_sweep(str(tmp_path_factory.mktemp("store") / "runs"), test_records=200)


@pytest.fixture(scope="module")
def scores(made: Synthetic) -> SweepScores:
    found = read_sweep(made.store, made.sweep)
    assert found is not None
    return found


def test_best_is_chosen_on_tune_and_never_among_what_stands_apart(scores: SweepScores) -> None:
    apart = next(one for one in scores.settings if not one.permitted)
    worst_on_test = {key: tuple(value / 10 for value in values) for key, values in scores.best.test.items()}
    poor = replace(scores.best, test=worst_on_test)
    others = tuple(one for one in scores.settings if one is not scores.best)
    unbeatable = replace(apart, goal=0.999)
    changed = replace(scores, settings=(poor, unbeatable, *(one for one in others if one is not apart)))
    assert changed.best is poor


def test_confirmed_winner_is_judged_by_fresh_seeds_alone(scores: SweepScores) -> None:
    assert scores.best.role == "search"
    assert scores.best.confirmed
    assert len(scores.best.values("product_raw")) == 3  # not four: the seed that won is left out


def test_stopped_runs_are_seen_by_the_search_and_by_no_table(made: Synthetic, scores: SweepScores) -> None:
    stopped = {run.number for run in scores.tried if run.status == "stopped"}
    assert stopped
    recorded = made.store.runs(["config_id", "number", "status"]).to_pylist()
    cut_off = {run["config_id"] for run in recorded if run["status"] == "stopped"}
    assert cut_off.isdisjoint(one.config_id for one in scores.settings)


def test_search_does_not_count_the_superset(scores: SweepScores) -> None:
    published = [one for one in scores.tried if one.role == "published"]
    assert len(published) == 9  # three settings by three seeds; the starred row's three are not among them
    assert {(one.batch, round(one.lr, 6)) for one in published} == {(1024, 5e-4), (2048, 1e-3), (4096, 2e-3)}


def test_every_seed_is_drawn_where_it_scored(scores: SweepScores) -> None:
    drawn = sorted(x for trace in scores_figure(scores).data for x in trace.x if len(trace.x) > 1)
    wanted = sorted(
        100 * value for one in scores.settings if one.role not in ("stage", "bound")
        for value in one.values(scores.score) if len(one.values(scores.score)) > 1
    )  # fmt: skip
    assert drawn == pytest.approx(wanted)


def test_reference_lines_stand_at_image_only_and_the_bound(scores: SweepScores) -> None:
    places = [shape.x0 for shape in scores_figure(scores).layout.shapes]
    assert places == pytest.approx([100 * scores.image_only(), 100 * scores.bound()])


def test_rows_of_the_paper_that_are_one_setting_share_a_line(scores: SweepScores) -> None:
    published = [line.text for line in score_lines(scores) if line.group == "published" and line.setting]
    assert [text.partition("(")[2] for text in published] == [
        "S2 rows 1, 4, 7)",
        "S2 rows 2, 5, 8)",
        "S2 rows 3, 6, 9)",
    ]
    assert published[0].startswith("batch 1024, lr 5e-4")  # the paper's units, though it ran with batch 64


def test_long_search_is_cut_to_the_best_and_says_so(scores: SweepScores) -> None:
    template = next(one for one in scores.settings if one.role == "search")
    many = tuple(
        replace(template, config_id=f"{k}", label=f"setting {k}", goal=k / 100) for k in range(MOST_SEARCHED + 5)
    )
    lines = score_lines(replace(scores, settings=many))
    assert [line.text for line in lines if line.setting] == [f"setting {k}" for k in range(5, MOST_SEARCHED + 5)]
    assert "5 more not drawn" in lines[0].text


def test_label_on_a_logarithmic_axis_stands_over_its_line(scores: SweepScores) -> None:
    figure = reliability_figure(scores)
    assert figure.layout.xaxis.type == "log"
    assert 10 ** figure.layout.annotations[0].x == pytest.approx(figure.layout.shapes[0].x0)
    assert figure.layout.shapes[0].x0 == pytest.approx(math.log(scores.card.categories))


def test_no_search_no_plot(scores: SweepScores) -> None:
    assert search_figure(replace(scores, tried=scores.tried[:1])) is None


def test_prior_alone_follows_the_log_loss(tmp_path: Path) -> None:
    made = synthetic_sweep(str(tmp_path / "runs"), images=False, trials=2, test_records=50)
    scores = read_sweep(made.store, made.sweep)
    assert (scores.goal.score, scores.goal.metric) == ("prior_calibrated", "log_loss")
    permitted = [one for one in scores.of_role("published", "search") if one.permitted]
    assert scores.best.goal == min(one.goal for one in permitted if one.goal is not None)
    assert scores.image_only() is None


def test_a_later_sweep_shows_runs_that_an_earlier_one_recorded(made: Synthetic) -> None:
    later = made.plan.model_copy(update={"search_seed": 7})
    made.store.put_plan(later.sweep_id, later.model_dump(mode="json"))
    scores = read_sweep(made.store, later.sweep_id)
    assert [len(one.values("product_raw")) for one in scores.of_role("published")] == [3, 3, 3, 3]
    assert len(scores.of_role("baseline")) == 3
    assert scores.image_only() is not None
    assert scores.bound() is not None
    assert not scores.of_role("search")  # another sweep's proposals are not its own


def test_a_sweep_on_other_image_scores_shows_none_of_these_runs(made: Synthetic) -> None:
    other = made.plan.model_copy(update={"stages": {"image_scores": "b" * 32}})
    made.store.put_plan(other.sweep_id, other.model_dump(mode="json"))
    scores = read_sweep(made.store, other.sweep_id)
    assert scores is None or not scores.of_role("published", "search", "baseline")


def record_alone(
    made: Synthetic, config: MethodConfig, top1: float, role: str, sweep: str = "", stage: str = ""
) -> None:
    """Records a bound or an image-only run, as trainings (which belong to no sweep) and other sweeps do."""
    card, scale = made.plan.facts.card, made.plan.facts.scale
    spec = RunSpec(
        config=config,
        dataset=card.name,
        fingerprint=card.fingerprint,
        protocol=card.protocol,
        stages={"image_scores": stage} if stage else {},
    )
    trial = Trial.model_validate({"sweep": sweep, "role": role})
    made.store.commit_run(RunRecord(run_id=spec.run_id, spec=spec, scale=scale, status="completed", trial=trial))
    made.store.commit_evaluation(
        EvaluationRecord(
            run_ids=(spec.run_id,),
            spec=spec,
            scale=scale,
            split="test",
            score="joint" if role == "bound" else "image",
            n=200,
            metrics={"top1": top1, "log_loss": 0.5},
            role=trial.role,
            sweep=sweep,
        )
    )


def test_a_sweep_that_records_some_bounds_is_lent_the_others(tmp_path: Path) -> None:
    made = synthetic_sweep(str(tmp_path / "runs"), trials=1, test_records=50)
    later = made.plan.model_copy(update={"search_seed": 7})
    made.store.put_plan(later.sweep_id, later.model_dump(mode="json"))
    record_alone(made, BayesConfig(information="date"), 0.3, "bound", sweep=later.sweep_id)
    scores, first = read_sweep(made.store, later.sweep_id), read_sweep(made.store, made.sweep)
    assert scores.bound() == first.bound() == pytest.approx(0.815, abs=0.05)
    told = sorted(one.information for one in scores.of_role("bound"))
    assert told == sorted(one.information for one in first.of_role("bound")) == ["date", "image", "image+place+date"]


def test_bounds_of_a_training_at_another_resolution_are_not_lent(tmp_path: Path) -> None:
    made = synthetic_sweep(str(tmp_path / "runs"), trials=1, test_records=50)
    before = read_sweep(made.store, made.sweep)
    for resolution in (16, 32, 64, 224):
        for information in ("image", "image+place+date"):
            config = BayesConfig.model_validate({"information": information, "resolution": resolution})
            record_alone(made, config, 0.99, "bound")
    assert read_sweep(made.store, made.sweep) == before


def test_a_sweep_that_has_just_begun_is_at_its_own_scale(tmp_path: Path) -> None:
    made = synthetic_sweep(str(tmp_path / "runs"), trials=1, test_records=50)
    begun = made.plan.model_copy(update={"stages": {"image_scores": "b" * 32}})
    facts = begun.facts.model_copy(update={"scale": begun.facts.scale.model_copy(update={"k": 3})})
    begun = begun.model_copy(update={"facts": facts})
    made.store.put_plan(begun.sweep_id, begun.model_dump(mode="json"))
    scores = read_sweep(made.store, begun.sweep_id)  # bounds alone, which another sweep or a training recorded
    assert scores.of_role("bound")
    assert scores.scale == facts.scale


def test_the_image_alone_of_other_image_scores_is_not_lent(tmp_path: Path) -> None:
    made = synthetic_sweep(str(tmp_path / "runs"), trials=1, test_records=50)
    before = read_sweep(made.store, made.sweep)
    given = ImageStageConfig(backbone="given")
    for number in range(4):
        record_alone(made, given.model_copy(update={"epochs": 1 + number}), 0.9, "stage", "other", stage=f"{number}")
    assert read_sweep(made.store, made.sweep) == before
    later = made.plan.model_copy(update={"search_seed": 7})
    made.store.put_plan(later.sweep_id, later.model_dump(mode="json"))
    assert read_sweep(made.store, later.sweep_id).image_only() == before.image_only()


def test_picture_is_the_same_for_the_same_results(made: Synthetic, tmp_path: Path) -> None:
    first = draw_sweep(made.store, made.sweep, tmp_path / "first.png").read_bytes()
    second = draw_sweep(made.store, made.sweep, tmp_path / "deeper" / "second.png").read_bytes()
    assert first.startswith(b"\x89PNG")
    assert first == second


values = st.floats(-10, 10)


@given(st.lists(st.lists(values, min_size=1, max_size=5), max_size=6), st.lists(values, min_size=6, max_size=6))
def test_pooled_spread_ignores_what_settings_differ_by(groups: list[list[float]], shifts: list[float]) -> None:
    moved = [[value + shift for value in group] for group, shift in zip(groups, shifts, strict=False)]
    spread, other = pooled_spread(groups), pooled_spread(moved)
    assert (spread is None) == all(len(group) == 1 for group in groups)
    if spread is not None:
        assert other.std == pytest.approx(spread.std, abs=1e-9)
        assert other.freedom == spread.freedom == sum(len(group) - 1 for group in groups)


def test_pooled_spread_of_one_group_is_its_standard_deviation() -> None:
    group = [0.71, 0.74, 0.73]
    spread = pooled_spread([group, [0.2]])
    assert spread.std == pytest.approx(statistics.stdev(group))
    assert spread.half_width(3) == pytest.approx(4.302652729911275 * statistics.stdev(group) / math.sqrt(3))


@given(st.lists(st.floats(1e-6, 1e6), min_size=1, max_size=4))
def test_logarithmic_ticks_surround_the_values(numbers: list[float]) -> None:
    ticks = log_ticks(numbers)
    assert ticks == sorted(set(ticks))
    assert ticks[0] <= min(numbers) <= max(numbers) <= ticks[-1]

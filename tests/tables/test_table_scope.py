"""Which sweep, scale and image stage a table keeps to, and which chosen settings it shows."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from fieldmark.config import BayesConfig, ClassFrequencyConfig, ImageStageConfig, NearestNeighboursConfig, Scale
from fieldmark.errors import UserError
from fieldmark.store.store import Store
from fieldmark.tables.compare import comparison_table
from fieldmark.tables.model import OTHER_SCORES, ComparisonRow, ComparisonTable
from fieldmark.tables.render.terminal import render_terminal
from fieldmark.tables.settings import settings_table
from fieldmark.tables.settings_layout import settings_grid

OTHER = {"image_scores": "stage-2"}
Write = Callable[..., Any]


def of_kind(table: ComparisonTable, kind: str) -> list[ComparisonRow]:
    return [row for row in table.rows if row.kind == kind]


def top1s(table: ComparisonTable, kind: str) -> list[float]:
    return [round(row.metrics["top1"].mean, 3) for row in of_kind(table, kind)]


def said(table: ComparisonTable, row: ComparisonRow) -> str:
    return " ".join(table.footnotes[number - 1] for number in row.footnotes)


def tuned(writer: Any, dropout: float) -> Any:
    return writer.configuration(1).model_copy(update={"dropout": dropout})


def test_a_sweep_is_joined_with_its_own_data_whatever_ran_later(store: Store, write: Write) -> None:
    first = write("world")
    first.permitted(seeds=1)
    first.plan("aaaa1")
    second = write("world", fingerprint="d" * 32)
    second.run(second.configuration(1), 0.2, sweep="bbbb2", started=99)
    second.plan("bbbb2")
    assert comparison_table(store, "S2", sweep="aaaa").fingerprint == "a" * 32
    assert comparison_table(store, "S2", sweep="bbbb2").fingerprint == "d" * 32
    assert settings_table(store, "aaaa").fingerprint == "a" * 32


def test_a_sweep_that_is_not_meant_is_one_line(store: Store, write: Write) -> None:
    writer = write("world")
    for name in ("aaaa1", "aaaa2"):
        writer.plan(name)
    with pytest.raises(UserError, match="several sweeps begin so: aaaa1, aaaa2"):
        comparison_table(store, "S2", sweep="aaaa")
    with pytest.raises(UserError, match="no sweep 'cccc'"):
        comparison_table(store, "S2", sweep="cccc")
    with pytest.raises(UserError, match="is about world"):
        comparison_table(store, "S2", sweep="aaaa1", dataset="butterflies")
    with pytest.raises(UserError, match="ran at scale smoke"):
        comparison_table(store, "S2", sweep="aaaa1", scale="paper")


def test_chosen_settings_are_those_of_the_sweep(finished: Any) -> None:
    finished.run(tuned(finished, 0.1), 0.71, seed=1000, role="confirmation")
    finished.run(tuned(finished, 0.2), 0.73, seed=1000, role="confirmation", sweep="sweep-2")
    finished.plan("sweep-1")
    finished.plan("sweep-2")
    assert top1s(comparison_table(finished.store, "S2", sweep="sweep-1"), "search") == [0.71]
    assert top1s(comparison_table(finished.store, "S2", sweep="sweep-2"), "search") == [0.73]
    fresh = [row for row in settings_table(finished.store, "sweep-2").rows if row.role == "confirmation"]
    assert [round(row.metrics["top1"].mean, 3) for row in fresh] == [0.73]


def test_an_earlier_choice_of_a_sweep_is_superseded_and_sampled_and_exact_are_one(finished: Any) -> None:
    exact = tuned(finished, 0.2)
    finished.run(tuned(finished, 0.1), 0.74, seed=1000, role="confirmation", started=5)
    finished.run(exact.model_copy(update={"loss": "sampled"}), 0.70, seed=1000, role="confirmation", started=10)
    finished.run(exact, 0.71, seed=1000, role="confirmation", started=11)
    table = comparison_table(finished.store, "S2")
    assert top1s(table, "search") == [0.71, 0.70, 0.74]
    assert ["Superseded" in said(table, row) for row in of_kind(table, "search")] == [False, False, True]
    sentences = settings_table(finished.store).closing[:-1]
    assert [("71.00" in line, "70.00" in line) for line in sentences] == [(True, False), (False, True)]
    assert "exact loss" in sentences[0]
    assert "sampled loss" in sentences[1]


def test_settings_of_another_scale_do_not_stand_under_the_same_words(finished: Any) -> None:
    paper = Scale(name="paper", k=1, category_size=50)
    finished.run(tuned(finished, 0.3), 0.66, role="search", scale=paper, sweep="sweep-2", started=-1)
    finished.run(tuned(finished, 0.4), 0.66, seed=1000, role="confirmation", scale=paper, sweep="sweep-2", started=-1)
    assert not any(0.65 < row.metrics["top1"].mean < 0.67 for row in settings_table(finished.store).rows)
    assert top1s(comparison_table(finished.store, "S2"), "search") == []


def test_rows_references_and_baselines_share_one_image_stage(finished: Any) -> None:
    finished.run(ImageStageConfig(), 0.50, score="image", role="stage", stages=OTHER, started=1)
    finished.run(ClassFrequencyConfig(), 0.51, role="baseline", stages=OTHER, started=2)
    finished.run(finished.configuration(2), 0.60, stages=OTHER, started=3)
    finished.plan("sweep-1")
    latest = comparison_table(finished.store, "S2")
    assert (top1s(latest, "reference"), top1s(latest, "baseline")) == ([0.50], [0.51])
    assert latest.rows[1].metrics["top1"].mean == pytest.approx(0.60)
    assert latest.rows[0].top1 is None
    planned = comparison_table(finished.store, "S2", sweep="sweep-1")
    assert 0.51 not in top1s(planned, "baseline")
    assert planned.rows[1].metrics["top1"].mean > 0.69
    assert "another image stage exist; they are left out" in said(planned, planned.rows[1])


def test_no_sentence_chooses_by_test(finished: Any) -> None:
    finished.run(tuned(finished, 0.1), 0.71, seed=1000, role="confirmation", sweep="sweep-1")
    finished.run(tuned(finished, 0.2), 0.73, seed=1000, role="confirmation", sweep="sweep-2")
    closing = " ".join(settings_table(finished.store).closing)
    assert "71.00 %" in closing
    assert "73.00 %" in closing


@pytest.mark.parametrize(("role", "number"), [("search", 2), ("confirmation", 2), ("published", 10)])
def test_every_run_counts_in_the_family_of_the_bound(finished: Any, role: str, number: int) -> None:
    config = tuned(finished, 0.3) if role != "published" else finished.configuration(number)
    finished.run(config, 0.95, seed=1000, role=role)
    closing = " ".join(comparison_table(finished.store, "S2").closing)
    assert "1 of the 12 runs of PriorsNet and the baselines under this score exceed it" in closing


def test_a_baseline_over_the_bound_is_named_and_luck_is_not(finished: Any) -> None:
    finished.run(NearestNeighboursConfig(k=5), 0.75125, role="baseline")
    assert "none of the 12 runs" in " ".join(comparison_table(finished.store, "S2").closing)
    finished.run(NearestNeighboursConfig(k=7), np.ones(800), role="baseline")
    assert "1 of the 13 runs" in " ".join(comparison_table(finished.store, "S2").closing)


def test_the_corrected_score_of_the_chosen_setting_has_a_marked_row(finished: Any) -> None:
    chosen = tuned(finished, 0.1)
    for score, accuracy in (("product_raw", 0.71), ("product_corrected", 0.72)):
        finished.run(chosen, accuracy, seed=1000, role="confirmation", score=score)
    table = comparison_table(finished.store, "S2")
    (row,) = of_kind(table, "corrected")
    assert row.keys["method"] == "chosen on tune, corrected score"
    assert row.metrics["top1"].mean == pytest.approx(0.72)
    assert "log lambda is taken off" in said(table, row)


def test_without_confirmation_the_corrected_row_is_chosen_on_tune_not_on_test(world: Any) -> None:
    for number, tune, test in ((1, 0.6, 0.8), (2, 0.7, 0.5)):
        for score in ("product_raw", "product_corrected"):
            world.run(world.configuration(number), test, score=score, tune_top1=tune)
    (row,) = of_kind(comparison_table(world.store, "S2"), "corrected")
    assert row.keys["method"] == "row 2, corrected score"


def test_data_without_images_say_that_priors_are_ranked(store: Store, write: Write) -> None:
    writer = write("world", has_images=False, stages={})
    writer.permitted(seeds=1, score="prior_raw")
    sentence = "No image scores: this ranks priors, not priors times image scores."
    assert sentence in comparison_table(store, "S2").header
    assert sentence in settings_table(store).header


def test_data_with_images_do_not_say_so(finished: Any) -> None:
    assert not any("No image scores" in line for line in comparison_table(finished.store, "S2").header)
    assert not any("No image scores" in line for line in settings_table(finished.store).header)


@pytest.mark.parametrize("image", [None, 0.70])
def test_other_image_scores_give_no_verdict(store: Store, write: Write, image: float | None) -> None:
    writer = write("mini")
    writer.permitted(seeds=2, accuracy=lambda number, seed: 0.8028 + 0.0002 * seed, predictions=False)
    if image is not None:
        writer.run(ImageStageConfig(), image, score="image", role="stage", predictions=False)
    table = comparison_table(store, "S2")
    assert {row.verdict for row in table.rows[:9]} == {OTHER_SCORES}
    assert all(row.difference_published is None for row in table.rows)
    assert any("start from other image scores" in line for line in table.header)


def test_log_loss_has_paired_intervals_and_wording_is_corrected_by_holm(store: Store, write: Write) -> None:
    writer = write("world", has_images=False, stages={})
    writer.run(writer.configuration(1), 0.6, score="prior_raw", probability=0.5)
    writer.run(ClassFrequencyConfig(), 0.4, score="prior_raw", role="baseline", probability=0.25)
    table = settings_table(store)
    row = next(row for row in table.rows if row.method == "priorsnet")
    assert row.loss_to_class_frequency is not None
    assert row.loss_to_class_frequency.value == pytest.approx(-np.log(2), abs=1e-6)
    assert row.loss_to_nearest_neighbours is None
    assert table.minimum_detectable_difference is not None
    assert "Holm p < 0.001" in table.closing[0]


@pytest.mark.parametrize("width", [120, 80])
def test_the_settings_table_is_legible_in_a_terminal(store: Store, write: Write, width: int) -> None:
    writer = write("world", has_images=False, stages={})
    writer.permitted(seeds=3, score="prior_calibrated", accuracy=lambda row, seed: 0.2 + 0.02 * seed)
    writer.permitted(seeds=3, score="prior_raw", accuracy=lambda row, seed: 0.2 + 0.02 * seed)
    for score in ("prior_calibrated", "prior_raw"):
        writer.run(ClassFrequencyConfig(), 0.2, score=score, role="baseline")
        writer.run(NearestNeighboursConfig(k=60, season=0.015), 0.3, score=score, role="baseline")
    lines = render_terminal(settings_grid(settings_table(store)), width).splitlines()
    assert max(map(len, lines)) <= width
    assert any(line.startswith("batch 1024, lr 5e-4, IB ") for line in lines)
    assert not any("…" in line for line in lines)
    assert any(line.endswith("Notes") for line in lines)
    assert {"neighbours,", "season", "frequency"} <= {word for line in lines for word in line.split()}


def test_the_bound_of_prior_scores_is_that_of_place_and_date(store: Store, write: Write) -> None:
    writer = write("world", stages={})
    writer.run(BayesConfig(information="place+date"), 0.5, score="joint", role="bound")
    writer.run(writer.configuration(1), 0.3, score="prior_raw")
    closing = " ".join(comparison_table(store, "S2", score="prior_raw").closing)
    assert "50.00 %" in closing
    assert "none of the 1 runs" in closing

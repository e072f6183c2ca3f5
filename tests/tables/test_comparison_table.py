"""Table S2 from a store: what is joined, what is said, and what must never be said."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from fieldmark.config import ClassFrequencyConfig, ImageStageConfig, PriorsNetConfig, Scale, at_scale
from fieldmark.errors import UserError
from fieldmark.store.store import Store
from fieldmark.tables.compare import comparison_table
from fieldmark.tables.model import OTHER_DATA, ComparisonRow, ComparisonTable

IMAGES = 800
SMOKE = Scale(name="smoke", k=32, category_size=50)
Writer = Any
Write = Callable[..., Any]


def row(table: ComparisonTable, number: int) -> ComparisonRow:
    return next(one for one in table.rows if one.row == number)


def kind(table: ComparisonTable, wanted: str) -> list[ComparisonRow]:
    return [one for one in table.rows if one.kind == wanted]


def texts(table: ComparisonTable, one: ComparisonRow) -> str:
    return " ".join(table.footnotes[number - 1] for number in one.footnotes)


def test_an_empty_store_shows_the_published_rows_and_the_command() -> None:
    table = comparison_table(Store.open("memory://"), "S2")
    assert [one.published for one in table.rows[:2]] == [80.246, 80.275]
    assert {one.verdict for one in table.rows} == {"not measured yet", "not permitted", "published only"}
    assert not table.complete
    assert table.command is not None
    assert table.command.startswith("fieldmark sweep priorsnet")


def test_seeds_are_averaged_and_identical_rows_share_their_runs(finished: Writer) -> None:
    table = comparison_table(finished.store, "S2")
    measured = row(table, 1).top1
    assert measured is not None
    assert (measured.n, measured.mean) == (3, pytest.approx(0.702, abs=0.001))
    assert row(table, 1).config_id == row(table, 4).config_id == row(table, 7).config_id
    assert "Rows 1, 4 and 7 are one setting here" in texts(table, row(table, 4))
    assert table.complete
    assert table.completeness == "9 of 9 runs (3 settings x 3 seeds)"


def test_other_data_never_gets_a_verdict_on_reproduction(finished: Writer) -> None:
    table = comparison_table(finished.store, "S2")
    assert {row(table, number).verdict for number in range(1, 10)} == {OTHER_DATA}
    assert all(one.difference_published is None for one in table.rows)
    assert any("not compared with them" in line for line in table.header)


def test_the_published_data_at_paper_scale_get_a_verdict(store: Store, write: Write) -> None:
    writer = write("mini")
    writer.permitted(accuracy=lambda number, seed: 0.8028 + 0.0002 * seed, predictions=False)
    writer.run(ImageStageConfig(), 0.765, score="image", role="stage", predictions=False)
    table = comparison_table(store, "S2")
    assert {row(table, number).verdict for number in range(1, 10)} == {"reproduced"}
    assert row(table, 1).difference_published == pytest.approx(0.8030 - 0.80246, abs=1e-6)


def test_smoke_scale_never_tests_a_published_number(store: Store, write: Write) -> None:
    writer = write("mini", counts={"train": 2000, "tune": 500, "test": 100_000}, spec="world")
    writer.permitted(predictions=False, accuracy=lambda number, seed: 0.80)
    table = comparison_table(store, "S2", scale="smoke")
    assert row(table, 1).verdict == OTHER_DATA
    assert any("never a test of a published number" in line for line in table.header)


def test_another_protocol_or_split_of_the_same_data_is_other_data(store: Store, write: Write) -> None:
    writer = write("mini", protocol="spatial_block:0")
    writer.permitted(predictions=False, accuracy=lambda number, seed: 0.803)
    assert row(comparison_table(store, "S2"), 1).verdict == OTHER_DATA


def test_another_data_set_of_the_same_name_is_not_averaged_in(finished: Writer, write: Write) -> None:
    other = write("world", fingerprint="d" * 32)
    other.run(other.configuration(1), 0.2, seed=7)
    measured = row(comparison_table(finished.store, "S2", dataset="aaaaaaaa"), 1).top1
    assert measured is not None
    assert measured.n == 3


def test_stopped_runs_do_not_enter(world: Writer) -> None:
    world.run(world.configuration(1), 0.7)
    world.run(world.configuration(1), 0.1, seed=1, status="stopped")
    measured = row(comparison_table(world.store, "S2"), 1).top1
    assert measured is not None
    assert (measured.n, measured.std) == (1, None)


def test_retracted_runs_do_not_enter(finished: Writer) -> None:
    lost = finished.run(finished.configuration(1), 0.1, seed=99)
    finished.store.retract(lost, "wrong")
    measured = row(comparison_table(finished.store, "S2"), 1).top1
    assert measured is not None
    assert measured.n == 3


def test_runs_on_another_image_stage_are_not_averaged(finished: Writer) -> None:
    finished.run(finished.configuration(1), 0.9, seed=0, stages={"image_scores": "stage-2"}, started=-1)
    table = comparison_table(finished.store, "S2")
    measured = row(table, 1).top1
    assert measured is not None
    assert measured.mean < 0.71
    assert "another image stage exist; they are left out" in texts(table, row(table, 1))


def test_the_sampled_loss_is_its_own_setting_and_marked(world: Writer) -> None:
    for seed in range(2):
        world.run(world.configuration(2, loss="sampled"), 0.6, seed=seed)
    table = comparison_table(world.store, "S2")
    assert "sampled loss" in texts(table, row(table, 2))
    assert "--loss sampled" in str(table.command)
    world.run(world.configuration(2), 0.7)
    table = comparison_table(world.store, "S2")
    measured = row(table, 2).top1
    assert measured is not None
    assert (measured.n, measured.mean) == (1, pytest.approx(0.7))


def test_a_setting_learned_without_dates_is_found_and_marked(world: Writer) -> None:
    world.run(world.configuration(3, date=False), 0.6)
    table = comparison_table(world.store, "S2")
    assert "learned from place alone" in texts(table, row(table, 3))


def test_the_starred_row_stands_apart(finished: Writer) -> None:
    finished.run(finished.configuration(10), 0.72)
    table = comparison_table(finished.store, "S2")
    starred = row(table, 10)
    assert (starred.kind, starred.verdict) == ("apart", "not permitted")
    assert starred.top1 is not None
    assert starred.config is not None
    assert starred.config["train_on"] == "superset"
    assert table.completeness.startswith("9 of 9")


def test_references_stand_beside_the_rows(finished: Writer) -> None:
    table = comparison_table(finished.store, "S2")
    (image,) = kind(table, "reference")
    (bound,) = kind(table, "bound")
    assert image.published == 76.102
    assert image.top1 is not None
    assert image.top1.mean == pytest.approx(0.55)
    assert bound.keys["information"] == "image+place+date"
    assert [one.keys["method"] for one in kind(table, "baseline")] == ["nearest neighbours", "class frequency"]


def test_the_gain_over_image_only_and_its_share_of_the_bound(finished: Writer) -> None:
    one = row(comparison_table(finished.store, "S2"), 1)
    assert one.difference is not None
    assert one.difference.value == pytest.approx(0.152, abs=0.002)
    assert one.difference.low < 0.152 < one.difference.high
    assert one.share_of_bound == pytest.approx(0.152 / 0.2, abs=0.01)
    assert one.turned_right is not None
    assert one.turned_wrong is not None
    assert (one.turned_right - one.turned_wrong) / IMAGES == pytest.approx(one.difference.value)


def test_a_run_that_beats_the_bound_beyond_luck_is_named(finished: Writer) -> None:
    clean = comparison_table(finished.store, "S2")
    assert any(
        "none of the 11 runs of PriorsNet and the baselines under this score exceeds it." in line
        for line in clean.closing
    )
    finished.run(finished.configuration(1), 0.90, seed=50)
    table = comparison_table(finished.store, "S2")
    assert any(
        "1 of the 12 runs of PriorsNet and the baselines under this score exceed it" in line for line in table.closing
    )


def test_the_searched_setting_is_shown_on_fresh_seeds_only(finished: Writer) -> None:
    best = finished.configuration(1).model_copy(update={"dropout": 0.1})
    finished.run(best, 0.74, role="search")
    for seed in (1000, 1001):
        finished.run(best, 0.71, seed=seed, role="confirmation")
    (found,) = kind(comparison_table(finished.store, "S2"), "search")
    assert found.top1 is not None
    assert (found.top1.n, found.top1.mean) == (2, pytest.approx(0.71))
    assert found.keys["batch"] == 1024  # in the paper's units


def test_what_is_missing_is_named_with_the_command(world: Writer) -> None:
    for number in (1, 2):
        for seed in range(3):
            world.run(world.configuration(number), 0.7, seed=seed)
    world.run(world.configuration(3), 0.7)
    table = comparison_table(world.store, "S2")
    assert not table.complete
    assert table.completeness == "7 of 9 runs (3 settings x 3 seeds); missing: rows 3, 6, 9 (2 of 3 seeds)"
    assert str(table.command).startswith("fieldmark sweep priorsnet --data world --seeds 3")


def test_the_table_prints_its_minimum_detectable_difference_and_the_sentence_of_rule_11(finished: Writer) -> None:
    table = comparison_table(finished.store, "S2")
    assert table.minimum_detectable_difference is not None
    assert any(line.startswith("Minimum detectable difference") for line in table.closing)
    assert any("0.025 points on 6 degrees of freedom and F = 0.43" in line for line in table.closing)
    assert any(line.startswith("Measured rows: the seed standard deviation") for line in table.closing)


def test_a_visible_effect_of_the_batch_is_called_visible(world: Writer) -> None:
    world.permitted(accuracy=lambda number, seed: 0.60 + 0.05 * (number % 3) + 0.002 * seed)
    closing = " ".join(comparison_table(world.store, "S2").closing)
    assert "for batch/lr" in closing
    assert "): visible" in closing


def test_data_without_images_is_judged_on_the_prior_against_class_frequency(store: Store, write: Write) -> None:
    writer = write("world", has_images=False, spec="occurrences:x.csv", stages={})
    writer.permitted(accuracy=lambda number, seed: 0.3, score="prior_raw")
    writer.run(ClassFrequencyConfig(), 0.2, score="prior_raw", role="baseline")
    table = comparison_table(store, "S2")
    assert (table.score, table.reference) == ("prior_raw", "class frequency")
    one = row(table, 1)
    assert one.difference is not None
    assert one.difference.value == pytest.approx(0.1)


def test_several_data_sets_have_to_be_told_apart(finished: Writer, write: Write) -> None:
    write("mini")
    with pytest.raises(UserError, match="iNat2021-mini, world"):
        comparison_table(finished.store, "S2")
    with pytest.raises(UserError, match="nothing"):
        comparison_table(finished.store, "S2", dataset="nothing")
    assert comparison_table(finished.store, "S2", dataset="world").dataset == "world"


def test_unknown_tables_and_scales_are_one_line(finished: Writer) -> None:
    with pytest.raises(UserError, match="S9"):
        comparison_table(finished.store, "S9")
    with pytest.raises(UserError, match="smoke or paper"):
        comparison_table(finished.store, "S2", scale="huge")


@pytest.mark.parametrize("name", ["S1", "S3", "S6", "2", "6", "8"])
def test_other_tables_show_what_was_published(finished: Writer, name: str) -> None:
    table = comparison_table(finished.store, name)
    assert all(one.top1 is None for one in table.rows)
    allowed = {"not measured yet", "published only"}
    assert {one.verdict for one in table.rows} <= allowed


def test_citations_are_never_to_be_measured(finished: Writer) -> None:
    table = comparison_table(finished.store, "8")
    assert {one.verdict for one in table.rows if one.row is not None and one.row > 2} == {"published only"}


def test_predictions_in_another_order_are_aligned_by_image(world: Writer, store: Store) -> None:
    world.run(ImageStageConfig(), np.ones(IMAGES), score="image", role="stage")
    world.run(world.configuration(1), 0.7, reverse=True)
    one = row(comparison_table(store, "S2"), 1)
    assert one.turned_wrong == IMAGES - 560


def test_a_scale_is_chosen_by_what_has_runs(store: Store, write: Write) -> None:
    writer = write("world", spec="occurrences:x.csv")
    assert comparison_table(store, "S2").scale == "paper"
    writer.run(at_scale(PriorsNetConfig(sampler="IB", images_per_class=None), SMOKE), 0.7, scale=SMOKE)
    table = comparison_table(store, "S2")
    assert table.scale == "smoke"
    assert "--scale smoke" in str(table.command)


def test_runs_of_an_older_version_of_the_method_are_left_out(finished: Writer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(PriorsNetConfig, "numerics_version", 2)
    finished.run(finished.configuration(1), 0.60, seed=0)
    table = comparison_table(finished.store, "S2")
    measured = row(table, 1).top1
    assert measured is not None
    assert (measured.n, measured.mean) == (1, pytest.approx(0.60))
    assert "Left out: 3 runs of an older version" in texts(table, row(table, 1))
    assert row(table, 2).top1 is None

"""Tables S1 and S3 to S6 from a reproduction: what is measured, compared, said, and never mixed."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest

from fieldmark.errors import UserError
from fieldmark.store.records import DatasetCard
from fieldmark.store.store import Store
from fieldmark.tables.compare import comparison_table
from fieldmark.tables.model import ComparisonRow, ComparisonTable
from fieldmark.tables.render import FORMATS, grid, render
from fieldmark.tables.render.terminal import render_terminal
from fieldmark.tables.reproduced import reproduced_table
from fieldmark.tables.settings import settings_table
from fieldmark.testing.synthetic_reproduction import SyntheticReproduction, synthetic_reproduction

NAME = "iNat2018"


@pytest.fixture(scope="module")
def whole() -> SyntheticReproduction:
    return synthetic_reproduction("memory://", test_records=1200)


def row(table: ComparisonTable, number: int, dataset: str = NAME) -> ComparisonRow:
    return next(one for one in table.rows if (one.row, one.keys["dataset"]) == (number, dataset))


def texts(table: ComparisonTable, one: ComparisonRow) -> str:
    return " ".join(table.footnotes[number - 1] for number in one.footnotes)


def said(table: ComparisonTable, start: str) -> str:
    return next(line for line in table.closing if line.startswith(start))


def hits(store: Store, evaluation_id: str) -> np.ndarray:
    found = store.predictions(evaluation_id)
    assert found is not None
    return found.column("hit1").to_numpy().astype(float)


@pytest.mark.parametrize(("table", "values"), [("S1", 10), ("S3", 8), ("S4", 16), ("S5", 8), ("S6", 8)])
def test_every_published_accuracy_has_a_measured_one(whole: SyntheticReproduction, table: str, values: int) -> None:
    made = comparison_table(whole.store, table)
    assert [one.top1 is not None for one in made.rows] == [True] * values
    assert made.complete
    assert {one.verdict for one in made.rows} == {"not comparable (other data)"}
    assert all(one.difference_published is None for one in made.rows)
    assert any("never a test of a published number" in line for line in made.header)


def test_a_value_is_the_mean_over_its_own_evaluations(whole: SyntheticReproduction) -> None:
    cell = next(cell for cell in whole.plan.cells if cell.measurement.cell == "S4:3:iNat2018")
    accuracies = [hits(whole.store, run.test).mean() for run in cell.runs]
    found = row(comparison_table(whole.store, "S4"), 3).top1
    assert found is not None
    assert found.std is not None
    assert (found.n, found.mean, found.std) == (
        5,
        pytest.approx(np.mean(accuracies)),
        pytest.approx(np.std(accuracies, ddof=1)),
    )


def test_right_and_wrong_are_counted_seed_by_seed(whole: SyntheticReproduction) -> None:
    cell = next(cell for cell in whole.plan.cells if cell.measurement.cell == "S3:1:iNat2018")
    gains = [
        hits(whole.store, run.test) - hits(whole.store, image.test)
        for run, image in zip(cell.runs, cell.image_only, strict=True)
    ]
    one = row(comparison_table(whole.store, "S3"), 1)
    assert one.turned_right == pytest.approx(np.mean([(gain > 0).sum() for gain in gains]))
    assert one.turned_wrong == pytest.approx(np.mean([(gain < 0).sum() for gain in gains]))


def test_differences_are_to_dynamic_mlp_of_the_same_data_and_model(whole: SyntheticReproduction) -> None:
    table = comparison_table(whole.store, "S4")
    for number, dynamic in ((1, 4), (5, 8)):
        one, other = row(table, number), row(table, dynamic)
        assert one.difference is not None
        assert one.top1 is not None
        assert other.top1 is not None
        assert one.difference.value == pytest.approx(one.top1.mean - other.top1.mean)
        assert one.difference.low < one.difference.value < one.difference.high
        assert other.difference is None


def test_the_closing_says_where_dynamic_mlp_is_not_significantly_better() -> None:
    levels = {"S5:1:iNat2018": 0.60, "S5:2:iNat2018": 0.80, "S5:3:iNat2018": 0.95, "S5:4:iNat2018": 0.80}
    made = synthetic_reproduction("memory://", tables=("S5",), test_records=1200, levels=levels)
    table = comparison_table(made.store, "S5")
    sentence = said(table, "iNat2018, ResNet-50: Dynamic MLP is significantly better than Concatenation†")
    assert "significantly worse than Multiplication†" in sentence
    assert "not significantly better than Addition†" in sentence
    assert "Holm-corrected over the 6 comparisons" in " ".join(table.closing)
    assert table.summary.startswith("Dynamic MLP is significantly better in")
    assert "significantly worse in 1" in table.summary
    assert table.minimum_detectable_difference is not None
    assert "Minimum detectable difference between two rows" in " ".join(table.closing)


def test_place_and_date_are_compared_with_the_image_alone(whole: SyntheticReproduction) -> None:
    table = comparison_table(whole.store, "S6")
    image, both = row(table, 1), row(table, 4)
    assert table.reference == "image-only"
    assert image.difference is None
    assert both.difference is not None
    assert both.difference.low > 0
    assert "with place and date is significantly better than image-only" in said(table, "iNat2018, SK-Res2Net-101")


def test_sizes_and_the_ensemble_are_compared_in_s1(whole: SyntheticReproduction) -> None:
    table = comparison_table(whole.store, "S1")
    assert "Row 2 (SK-Res2Net-101, train 224, test 384) is" in " ".join(table.closing)
    members = said(table, "The ensemble averages")
    assert "above 60 % on tune: rows 1 to 9 for every seed" in members
    assert any(line.startswith("The ensemble is ") and " than row " in line for line in table.closing)
    assert any("fewer than 5 seeds" in line for line in table.closing)


def test_sizes_stand_beside_the_published_ones(whole: SyntheticReproduction) -> None:
    one = row(comparison_table(whole.store, "S3"), 4)
    count = one.counts["parameters"]
    assert (count.published, count.ours, count.as_run) == (47.4e6, 47_408_334, 190_000)
    s6 = row(comparison_table(whole.store, "S6"), 4)
    assert (s6.counts["parameters"].published, s6.counts["parameters"].ours) == (None, 70_383_631)


def test_without_a_reproduction_the_printed_rows_stand_with_their_sizes_and_the_command() -> None:
    table = comparison_table(Store.open("memory://"), "S3")
    assert [one.published for one in table.rows[:2]] == [52.15, 52.325]
    assert {one.verdict for one in table.rows} == {"not measured yet"}
    assert (table.complete, row(table, 4).counts["parameters"].ours) == (False, 47_408_334)
    assert table.command is not None
    assert table.command.startswith("fieldmark reproduce S3")
    assert "smoke" not in " ".join(table.footnotes)


def test_what_is_missing_is_named_with_the_command_that_fills_it() -> None:
    made = synthetic_reproduction(
        "memory://", tables=("S3",), missing=("S3:1:iNat2018", "S3:2:iNat2018:4"), without=("YFCC100M-GEO100",)
    )
    table = comparison_table(made.store, "S3")
    assert not table.complete
    for part in ("iNat2018 row 1 (all of 5 seeds)", "iNat2018 row 2 (1 of 5 seeds)", "YFCC100M-GEO100 row 3 (no data)"):
        assert part in table.completeness
    assert table.command == made.plan.command
    assert (row(table, 1).verdict, row(table, 1).top1) == ("not measured yet", None)
    assert "not compared yet with Attention (Q: img" in said(table, "iNat2018, ResNet-50")
    assert "No YFCC100M-GEO100 at hand" in texts(table, row(table, 1, "YFCC100M-GEO100"))
    seeds = row(table, 2).top1
    assert seeds is not None
    assert seeds.n == 4


def test_one_seed_has_no_spread() -> None:
    made = synthetic_reproduction("memory://", tables=("S6",), seeds=1)
    table = comparison_table(made.store, "S6")
    found = row(table, 2).top1
    assert found is not None
    assert (found.n, found.std) == (1, None)
    assert "One seed: no spread can be given." in texts(table, row(table, 2))


def test_a_retracted_run_leaves_its_value(whole: SyntheticReproduction) -> None:
    made = synthetic_reproduction("memory://", tables=("S6",), seeds=2)
    cell = next(cell for cell in made.plan.cells if cell.measurement.cell == "S6:4:iNat2018")
    made.store.retract(cell.runs[1].run_id, "wrong")
    found = row(comparison_table(made.store, "S6"), 4).top1
    assert found is not None
    assert found.n == 1


@pytest.mark.parametrize("format", FORMATS)
def test_frozen_backbones_and_stand_ins_are_marked_in_every_format(whole: SyntheticReproduction, format: str) -> None:
    text = " ".join(render(comparison_table(whole.store, "S6"), format).replace("\\_", "_").split())
    assert "frozen backbone" in text.lower()
    assert "sk_res2net_smoke" in text


@pytest.mark.parametrize("table", ["S1", "S3", "S4", "S5", "S6"])
def test_a_terminal_of_120_columns_is_enough(whole: SyntheticReproduction, table: str) -> None:
    for store in (whole.store, Store.open("memory://")):
        assert max(map(len, render_terminal(grid(comparison_table(store, table)), 120).splitlines())) <= 120


def test_json_and_csv_carry_the_new_columns(whole: SyntheticReproduction, root: Path) -> None:
    table = comparison_table(whole.store, "S4")
    schema = json.loads((root / "docs/reference/table.schema.json").read_text())
    jsonschema.validate(json.loads(render(table, "json")), schema)
    first = json.loads(render(table, "json"))["rows"][0]
    assert first["frozen"] is True
    assert first["data"] == "world:seed=2"
    assert first["counts"]["multiply_adds"]["published"] == 4.1e9
    assert "counts.parameters.ours" in render(table, "csv").splitlines()[0]


def test_at_paper_scale_on_the_published_data_there_is_a_verdict() -> None:
    made = _paper({"test": 24_426})
    table = comparison_table(made.store, "S6", scale="paper")
    one = row(table, 4)
    assert one.verdict in ("reproduced", "differs", "undecidable at this n")
    assert one.difference_published is not None
    assert one.top1 is not None
    assert one.difference_published == pytest.approx(one.top1.mean - 0.83673)
    assert not one.frozen
    assert one.turned_right is not None  # against the table's own image-only row


@pytest.mark.parametrize("change", [{"counts": {"train": 1, "tune": 30, "test": 500}}, {"protocol": "spatial_block"}])
def test_other_parts_of_the_published_data_get_none(change: dict[str, Any]) -> None:
    table = comparison_table(_paper({"test": 24_426}, change).store, "S6")
    assert row(table, 4).verdict == "not comparable (other data)"


def _paper(counts: dict[str, int], change: dict[str, Any] | None = None) -> SyntheticReproduction:
    card = DatasetCard(
        name=NAME,
        spec="inat2018:/data",
        fingerprint="c" * 32,
        protocol="official",
        categories=8142,
        counts={"train": 400_000, "tune": 100, **counts},
        largest_category=1000,
        category_size=50.0,
        has_images=True,
    ).model_copy(update=change or {})
    return synthetic_reproduction(
        "memory://", tables=("S6",), scale="paper", seeds=2, cards={NAME: card}, without=("iNat2021-mini",)
    )


def test_scales_are_kept_apart(whole: SyntheticReproduction) -> None:
    table = reproduced_table(whole.store, "S3", "paper")
    assert table.scale is None
    assert all(one.top1 is None for one in table.rows)


def test_one_data_set_alone_can_be_shown(whole: SyntheticReproduction) -> None:
    table = comparison_table(whole.store, "S3", dataset=NAME)
    assert {one.keys["dataset"] for one in table.rows} == {NAME}
    with pytest.raises(UserError, match="table S3 has YFCC100M-GEO100, iNat2018"):
        comparison_table(whole.store, "S3", dataset="elsewhere")


def test_a_plan_of_another_kind_is_no_sweep_of_priorsnet(whole: SyntheticReproduction) -> None:
    with pytest.raises(UserError, match="plan of kind reproduction"):
        comparison_table(whole.store, "S2", sweep=whole.plan.plan_id[:10])


def test_row_11_of_s2_is_measured_on_the_tables_data(world: Any) -> None:
    world.permitted(seeds=1)
    before = comparison_table(world.store, "S2")
    made = synthetic_reproduction(world.store.url, tables=("S2",), cards={"iNat2021-mini": world.card})
    table = comparison_table(made.store, "S2")
    found = next(one for one in table.rows if one.row == 11)
    assert found.top1 is not None
    assert (found.top1.n, found.frozen, found.verdict) == (5, True, "not comparable (other data)")
    assert found.difference is not None
    assert found.difference.value == pytest.approx(0.86 - 0.78, abs=0.03)
    assert "starts from image-only classifiers, one a seed (sk_res2net_smoke" in texts(table, found)
    assert [one for one in table.rows if one.row != 11] == [
        _renumbered(before, table, one.row) for one in before.rows if one.row != 11
    ]


def _renumbered(before: ComparisonTable, after: ComparisonTable, number: int | None) -> ComparisonRow:
    """Returns a row of the first table as it would stand in the second, whose footnotes may be numbered otherwise."""
    one = next(one for one in before.rows if one.row == number)
    return replace(
        one, footnotes=tuple(after.footnotes.index(before.footnotes[mark - 1]) + 1 for mark in one.footnotes)
    )


def test_row_11_is_not_taken_from_other_data(world: Any) -> None:
    world.permitted(seeds=1)
    made = synthetic_reproduction(world.store.url, tables=("S2",))
    table = comparison_table(made.store, "S2", dataset=world.card.fingerprint)
    assert next(one for one in table.rows if one.row == 11).top1 is None


def test_frozen_runs_change_nothing_in_the_tables_of_priors(finished: Any) -> None:
    def printed(store: Store) -> list[str]:
        return [render(table, "json") for table in (comparison_table(store, "S2"), settings_table(store))]

    finished.plan("sweep-1")
    before = printed(finished.store)
    synthetic_reproduction(finished.store.url, tables=("S6",), cards={NAME: finished.card})
    assert printed(finished.store) == before

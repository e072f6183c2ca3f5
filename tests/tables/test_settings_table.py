"""The table of settings and baselines: what is compared with what, and what is said plainly."""

from collections.abc import Callable
from typing import Any

import pytest

from fieldmark.config import ClassFrequencyConfig, NearestNeighboursConfig
from fieldmark.errors import UserError
from fieldmark.store.store import Store
from fieldmark.tables.settings import settings_table
from fieldmark.tables.settings_model import SettingRow, SettingsTable


def only(table: SettingsTable, method: str, score: str) -> list[SettingRow]:
    return [row for row in table.rows if row.method == method and row.score == score]


def test_every_setting_stands_under_every_score_with_intervals_to_the_baselines(finished: Any) -> None:
    table = settings_table(finished.store, "sweep-1")
    assert len(only(table, "priorsnet", "product_raw")) == 3
    best = only(table, "priorsnet", "product_raw")[0]
    frequency, neighbours = best.to_class_frequency, best.to_nearest_neighbours
    assert frequency is not None
    assert neighbours is not None
    assert frequency.value == pytest.approx(0.132, abs=0.002)
    assert neighbours.value == pytest.approx(0.052, abs=0.002)
    assert set(best.metrics) == {"top1", "top3", "top5", "top10", "mrr", "log_loss"}
    assert best.published_rows


def test_rows_are_sorted_within_their_score_and_the_product_comes_first(finished: Any) -> None:
    table = settings_table(finished.store)
    assert table.rows[0].score == "product_raw"
    accuracies = [row.metrics["top1"].mean for row in table.rows if row.score == "product_raw"]
    assert accuracies == sorted(accuracies, reverse=True)


def test_losing_to_a_baseline_is_said_plainly(store: Store, write: Callable[..., Any]) -> None:
    writer = write("world", has_images=False, stages={})
    writer.permitted(seeds=1, accuracy=lambda row, seed: 0.29, score="prior_raw")
    writer.run(ClassFrequencyConfig(), 0.59, score="prior_raw", role="baseline")
    writer.run(NearestNeighboursConfig(), 0.29, score="prior_raw", role="baseline")
    sentence, smallest = settings_table(store).closing
    assert smallest.startswith("Minimum detectable difference between a setting and a baseline")
    assert "loses to class frequency (-30" in sentence
    assert "cannot be told from nearest neighbours" in sentence


def test_the_chosen_setting_is_judged_on_fresh_seeds(finished: Any) -> None:
    best = finished.configuration(1).model_copy(update={"dropout": 0.1})
    finished.run(best, 0.80, role="search")
    finished.run(best, 0.71, seed=1000, role="confirmation")
    table = settings_table(finished.store)
    roles = {row.role: row.metrics["top1"].mean for row in table.rows if row.config_id == best.config_id}
    assert roles == {"search": pytest.approx(0.80), "confirmation": pytest.approx(0.71)}
    assert "exact loss, on fresh seeds) has 71.00 %" in table.closing[0]


def test_the_superset_row_is_never_the_best(finished: Any) -> None:
    finished.run(finished.configuration(10), 0.90)
    table = settings_table(finished.store)
    assert [row.permitted for row in table.rows if row.metrics["top1"].mean > 0.85] == [False]
    assert "90.00" not in table.closing[0]


def test_harm_stands_beside_help(finished: Any) -> None:
    row = only(settings_table(finished.store), "priorsnet", "product_raw")[0]
    assert row.turned_right is not None
    assert row.turned_wrong is not None
    assert row.turned_right > row.turned_wrong > 0


def test_an_unknown_sweep_and_an_empty_store_are_one_line(finished: Any) -> None:
    with pytest.raises(UserError, match="no sweep 'nothing'"):
        settings_table(finished.store, "nothing")
    with pytest.raises(UserError, match="fieldmark sweep priorsnet"):
        settings_table(Store.open("memory://"))

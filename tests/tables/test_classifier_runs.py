"""Classifiers and bounds that `fieldmark train` recorded on the same data change nothing in a sweep's tables."""

from dataclasses import replace
from typing import Any

import pytest

from fieldmark.config import BayesConfig, ClassifierConfig, ImageStageConfig
from fieldmark.store.store import Store
from fieldmark.tables.compare import comparison_table
from fieldmark.tables.model import ComparisonTable
from fieldmark.tables.render import FORMATS, render
from fieldmark.tables.settings import settings_table


def train(writer: Any, resolution: int, *, image: float = 0.9, joint: float = 0.95, **options: Any) -> None:
    """Records what a training at a resolution records: the image-only run, the run itself and its two bounds."""
    alone = {"sweep": "", "stages": {}, "started": 99.0, **options}
    for fusion, score, top1 in (("image_only", "image", image), ("dynamic_mlp_c", "joint", joint)):
        config = ClassifierConfig(backbone="test_resnet", resolution=resolution, fusion=fusion)
        writer.run(config, top1, score=score, role="single", **alone)
    for information, top1 in (("image", 0.97), ("image+place+date", 0.99)):
        bound = BayesConfig.model_validate({"information": information, "resolution": resolution})
        writer.run(bound, top1, score="joint", role="bound", **alone)


def printed(store: Store, sweep: str | None = None) -> list[str]:
    tables = (comparison_table(store, "S2", sweep=sweep), settings_table(store, sweep))
    return [render(table, format) for table in tables for format in FORMATS]


def bounds(table: ComparisonTable) -> list[float]:
    return [round(row.metrics["top1"].mean, 3) for row in table.rows if row.kind == "bound"]


@pytest.mark.parametrize("sweep", [None, "sweep-1"])
def test_trained_classifiers_change_no_table(finished: Any, sweep: str | None) -> None:
    finished.plan("sweep-1")
    before = printed(finished.store, sweep)
    for resolution in (16, 32, 64, 224):
        train(finished, resolution)
    assert printed(finished.store, sweep) == before


def test_a_training_that_came_first_changes_no_table(world: Any, request: pytest.FixtureRequest) -> None:
    for resolution in (16, 32, 64, 224):
        train(world, resolution)
    table = comparison_table(request.getfixturevalue("finished").store, "S2")
    assert bounds(table) == [0.75]
    assert table.rows[0].share_of_bound == pytest.approx((table.rows[0].metrics["top1"].mean - 0.55) / 0.20)
    assert "the Bayes classifier has 75.00 %" in " ".join(table.closing)
    assert [row.metrics["top1"].mean for row in table.rows if row.kind == "reference"] == [pytest.approx(0.55)]


def test_a_training_at_the_same_resolution_lends_its_bound(world: Any) -> None:
    world.permitted(seeds=1)
    world.run(ImageStageConfig(), 0.55, score="image", role="stage")
    train(world, 48)
    assert bounds(comparison_table(world.store, "S2")) == [0.99]
    labels = [row.label for row in settings_table(world.store).rows if row.method == "bayes"]
    assert labels == ["Bayes bound (image+place+date)", "Bayes bound (image)"]


def test_the_bound_follows_the_resolution_of_the_image_stage(finished: Any) -> None:
    other = {"image_scores": "stage-2"}
    finished.run(ImageStageConfig(resolution=64), 0.5, score="image", role="stage", stages=other, sweep="sweep-2")
    finished.run(finished.configuration(1), 0.6, stages=other, sweep="sweep-2")
    train(finished, 64)
    for sweep, stage, bound in (("sweep-1", "stage-1", 0.75), ("sweep-2", "stage-2", 0.99)):
        finished.plan(sweep, stages={"image_scores": stage})
        assert bounds(comparison_table(finished.store, "S2", sweep=sweep)) == [bound]


def test_the_image_only_row_is_that_of_the_image_stage(world: Any) -> None:
    for number in range(4):  # whichever comes first in the store
        stages, top1 = {"image_scores": f"stage-{number}"}, 0.5 + 0.02 * number
        world.run(ImageStageConfig(epochs=1 + number), top1, score="image", role="stage", stages=stages)
        world.run(world.configuration(1), 0.7, stages=stages)
        world.plan(f"sweep-{number}", stages=stages)
    train(world, 48)
    for number in range(4):
        sweep, top1 = f"sweep-{number}", 0.5 + 0.02 * number
        table = comparison_table(world.store, "S2", sweep=sweep)
        images = [row for row in table.rows if row.kind == "reference"]
        assert [row.metrics["top1"].mean for row in images] == [pytest.approx(top1)]
        assert table.rows[0].difference is not None
        rows = settings_table(world.store, sweep).rows
        assert [row.metrics["top1"].mean for row in rows if row.score == "image"] == [pytest.approx(top1)]
        assert all(row.turned_right is not None for row in rows if row.score == "product_raw")


@pytest.mark.parametrize("name", ["world", "butterflies"])
def test_a_training_on_another_data_set_does_not_say_what_is_meant(finished: Any, name: str) -> None:
    card = finished.card.model_copy(update={"fingerprint": "9" * 32, "name": name})
    train(replace(finished, card=card), 64)
    assert comparison_table(finished.store, "S2").fingerprint == "a" * 32
    assert comparison_table(finished.store, "S2", dataset="999999").fingerprint == "9" * 32


def test_of_two_data_sets_of_one_name_the_later_sweep_is_meant_whatever_was_trained_since(finished: Any) -> None:
    later = replace(finished, card=finished.card.model_copy(update={"fingerprint": "9" * 32}))
    later.run(later.configuration(1), 0.7, started=5.0)
    train(finished, 48)
    assert comparison_table(finished.store, "S2").fingerprint == "9" * 32


def test_a_store_of_trainings_alone_shows_the_printed_rows(world: Any) -> None:
    train(world, 48)
    table = comparison_table(world.store, "S2")
    assert not any(row.metrics for row in table.rows if row.kind != "bound")
    assert bounds(table) == [0.99]
    assert {row.method for row in settings_table(world.store).rows} == {"bayes"}

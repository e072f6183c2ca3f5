"""The choice of the reference priors' settings: by tune, never by test, and by the loss it claims."""

from dataclasses import replace

import numpy as np
import pytest

from fieldmark.data.experiment import ExperimentData, Part
from fieldmark.data.observations import PlaceTime, Split
from fieldmark.models.priors.base import labelled_with_place
from fieldmark.models.priors.counting import fit_counting_prior
from fieldmark.training import baseline_choice
from fieldmark.training.baseline_choice import baseline_configs
from fieldmark.training.metrics import metrics

CATEGORIES = 5


def part(n: int, seed: int, dated: bool = True) -> Part:
    """Categories live in places and seasons of their own; some records lack one or the other."""
    generator = np.random.default_rng(seed)
    category_N = generator.integers(0, CATEGORIES, n).astype(np.int32)
    day = (70 * category_N + generator.normal(0, 25, n)).astype(int)
    date_N = np.datetime64("2016-01-01") + day.astype("timedelta64[D]")
    date_N[::9] = np.datetime64("NaT")
    longitude_N = 10.0 * (category_N % 2) + generator.normal(0, 6, n)
    longitude_N[::11] = np.nan
    return Part(
        image_id=np.arange(n).astype(str),
        category_N=category_N,
        place_time=PlaceTime(
            latitude_N=generator.normal(40, 3, n),
            longitude_N=longitude_N,
            date_N=date_N if dated else np.full(n, "NaT", "datetime64[D]"),
            observer_N=np.full(n, -1, np.int32),
        ),
    )


def experiment(dated: bool = True) -> ExperimentData:
    sizes = {Split.TRAIN: 700, Split.TUNE: 150, Split.TEST: 100}
    parts = {split: part(n, seed, dated) for seed, (split, n) in enumerate(sizes.items())}
    return ExperimentData(num_categories=CATEGORIES, parts=parts)


@pytest.mark.parametrize("search", ["_grids", "_nearest", "_radii", "_kernels"])
def test_the_loss_a_setting_is_chosen_by_is_the_loss_of_the_prior_it_describes(search):
    data = experiment()
    train, tune = data.parts[Split.TRAIN], data.parts[Split.TUNE]
    known = labelled_with_place(tune)
    where, true_N = tune.place_time.take(known), tune.category_N[known]

    for config, loss in list(getattr(baseline_choice, search)(train, CATEGORIES, where, true_N))[::7]:
        prior = fit_counting_prior(config, train, CATEGORIES)
        assert loss == pytest.approx(metrics(prior.raw(where), true_N).metrics()["log_loss"], abs=1e-5), config


def test_every_method_has_one_setting_and_a_season_is_found_where_there_is_one():
    chosen = {config.method: config for config in baseline_configs(experiment(), has_features=False)}

    assert list(chosen) == [
        "class_frequency", "grid", "nearest_neighbours", "radius_neighbours", "kernel_density"
    ]  # fmt: skip
    assert chosen["nearest_neighbours"].season > 0


def test_without_dates_no_season_is_chosen_and_features_bring_tang():
    chosen = {config.method: config for config in baseline_configs(experiment(dated=False), has_features=True)}

    assert chosen["nearest_neighbours"].season == 0
    assert "tang" in chosen


def test_the_choice_does_not_look_at_test():
    data = experiment()
    other = replace(data, parts={**data.parts, Split.TEST: part(300, 77)})

    assert baseline_configs(data, False) == baseline_configs(other, False)


def test_without_tune_or_without_places_there_is_still_an_answer():
    data = experiment()
    no_tune = {split: one for split, one in data.parts.items() if split != Split.TUNE}
    train = data.parts[Split.TRAIN]
    nowhere = replace(train.place_time, longitude_N=np.full(len(train), np.nan))
    no_place = {**data.parts, Split.TRAIN: replace(train, place_time=nowhere)}

    assert len(baseline_configs(replace(data, parts=no_tune), False)) == 5
    assert [config.method for config in baseline_configs(replace(data, parts=no_place), False)] == ["class_frequency"]


def test_few_records_bound_the_number_of_neighbours():
    data = experiment()
    few = replace(data, parts={**data.parts, Split.TRAIN: part(4, 3)})

    chosen = {config.method: config for config in baseline_configs(few, False)}

    assert chosen["nearest_neighbours"].k <= 4

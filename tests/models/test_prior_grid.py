"""Grid, class frequency and kernel density priors."""

import numpy as np
import pytest

from fieldmark.config import ClassFrequencyConfig, GridConfig, KernelDensityConfig
from fieldmark.data.experiment import Part
from fieldmark.data.observations import PlaceTime
from fieldmark.models.priors.counting import fit_counting_prior


def place_time(longitude, latitude) -> PlaceTime:
    n = len(longitude)
    return PlaceTime(
        latitude_N=np.asarray(latitude, dtype=np.float64),
        longitude_N=np.asarray(longitude, dtype=np.float64),
        date_N=np.full(n, "NaT", "datetime64[D]"),
        observer_N=np.full(n, -1, np.int32),
    )


def part(longitude, latitude, category) -> Part:
    return Part(
        image_id=np.arange(len(category)).astype(str),
        category_N=np.asarray(category, dtype=np.int32),
        place_time=place_time(longitude, latitude),
    )


FIVE = part([-100.0, -100.5, 10.0, 10.0, 120.0], [40.0, 40.2, 50.0, 51.0, -20.0], [0, 1, 1, 2, 0])


def test_grid_agrees_with_the_specification():
    prior = fit_counting_prior(GridConfig(lon_cells=36, lat_cells=18, pseudo_count=2), FIVE, 3)

    shares = prior._score(place_time([-101.0, 10.0, 0.0], [41.0, 50.5, 0.0]))

    assert shares == pytest.approx(np.array([[0.25, 0.5, 0.25], [0.2, 0.4, 0.4], [1 / 3] * 3]), abs=1e-9)


def test_the_ends_of_the_earth_are_in_the_grid():
    prior = fit_counting_prior(GridConfig(lon_cells=4, lat_cells=2), part([180, -180], [90, -90], [0, 1]), 2)

    assert prior.raw(place_time([179, -179], [89, -89])) == pytest.approx(np.array([[2 / 3, 1 / 3], [1 / 3, 2 / 3]]))


def test_without_pseudo_count_an_empty_cell_is_uniform_and_an_unseen_category_impossible():
    prior = fit_counting_prior(GridConfig(lon_cells=4, lat_cells=2, pseudo_count=1), part([10], [10], [1]), 2)

    assert prior.raw(place_time([10, -100], [10, 10])).tolist() == [[0, 1], [0.5, 0.5]]


def test_class_frequency_needs_no_place():
    train = part([0, np.nan, 1, 2], [0, 0, 1, 2], [2, 2, 0, -1])
    prior = fit_counting_prior(ClassFrequencyConfig(), train, 3)
    where = place_time([np.nan, 5], [np.nan, 5])

    assert prior.applies(where).all()
    assert prior.raw(where) == pytest.approx(np.array([[2 / 6, 1 / 6, 3 / 6]] * 2))
    assert prior.training_class_prior_C == pytest.approx([1 / 3, 0, 2 / 3])


def test_kernel_density_weighs_near_entries_more():
    # Entries at 1 and 2 degrees; the bandwidth is half of 2, so they weigh exp(-1/2) (twice) and exp(-2).
    train = part([1, 1, 2], [0, 0, 0], [0, 0, 1])
    prior = fit_counting_prior(KernelDensityConfig(quantum=0.5, neighbours=2), train, 3)

    near, far = 2 * np.exp(-0.5), np.exp(-2.0)
    wanted = np.array([near + far, 2 * far, far])
    assert prior.raw(place_time([0], [0]))[0] == pytest.approx(wanted / wanted.sum(), rel=1e-6)


def test_kernel_density_stays_finite_where_all_neighbours_coincide():
    prior = fit_counting_prior(KernelDensityConfig(quantum=0.1, neighbours=1), part([3.01, 3.02], [4, 4], [1, 1]), 2)

    assert prior.raw(place_time([3.0, 100.0], [4.0, -50.0])) == pytest.approx(np.array([[1 / 3, 2 / 3]] * 2))


@pytest.mark.parametrize(
    "config",
    [GridConfig(), KernelDensityConfig(neighbours=3), ClassFrequencyConfig()],
    ids=lambda config: config.method,
)
def test_rows_sum_to_one_whatever_the_number_of_records_asked(config, monkeypatch):
    generator = np.random.default_rng(0)
    train = part(generator.uniform(-180, 180, 40), generator.uniform(-90, 90, 40), generator.integers(0, 7, 40))
    where = place_time(generator.uniform(-180, 180, 23), generator.uniform(-90, 90, 23))
    whole = fit_counting_prior(config, train, 7).raw(where)
    monkeypatch.setattr("fieldmark.models.priors.base.CHUNK_SCORES", 35)

    in_chunks = fit_counting_prior(config, train, 7).raw(where)

    assert whole.sum(axis=1) == pytest.approx(np.ones(23))
    assert np.array_equal(whole, in_chunks)

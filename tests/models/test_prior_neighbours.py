"""Neighbour priors against the worked examples of the specification and against brute force."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from fieldmark.config import NearestNeighboursConfig, RadiusNeighboursConfig
from fieldmark.data.experiment import Part
from fieldmark.data.observations import PlaceTime
from fieldmark.models.priors.neighbours import fit_nearest_neighbours, fit_radius_neighbours

# oracles/golden.json: five records, three categories.
LONGITUDE, LATITUDE = [-100.0, -100.5, 10.0, 10.0, 120.0], [40.0, 40.2, 50.0, 51.0, -20.0]
CATEGORY = [0, 1, 1, 2, 0]


def place_time(longitude, latitude, date=None) -> PlaceTime:
    n = len(longitude)
    return PlaceTime(
        latitude_N=np.asarray(latitude, dtype=np.float64),
        longitude_N=np.asarray(longitude, dtype=np.float64),
        date_N=np.full(n, "NaT", "datetime64[D]") if date is None else np.array(date, "datetime64[D]"),
        observer_N=np.full(n, -1, np.int32),
    )


def part(longitude, latitude, category, date=None) -> Part:
    return Part(
        image_id=np.arange(len(category)).astype(str),
        category_N=np.asarray(category, dtype=np.int32),
        place_time=place_time(longitude, latitude, date),
    )


def test_three_nearest_in_degrees_agree_with_the_specification():
    config = NearestNeighboursConfig(k=3, metric="euclidean")
    prior = fit_nearest_neighbours(config, part(LONGITUDE, LATITUDE, CATEGORY), 3)

    assert prior._score(place_time([-99.0], [40.0]))[0] == pytest.approx([2 / 6, 3 / 6, 1 / 6], abs=1e-9)


def test_two_degrees_around_agree_with_the_specification():
    config = RadiusNeighboursConfig(radius=2.0, metric="euclidean")
    prior = fit_radius_neighbours(config, part(LONGITUDE, LATITUDE, CATEGORY), 3)

    assert prior._score(place_time([-99.0], [40.0]))[0] == pytest.approx([0.4, 0.4, 0.2], abs=1e-9)


def test_on_the_sphere_the_third_nearest_is_another_record_than_in_degrees():
    # The great circle from (-99, 40) runs near the pole, so (10, 51) is nearer than (10, 50).
    config = NearestNeighboursConfig(k=3, metric="haversine")
    prior = fit_nearest_neighbours(config, part(LONGITUDE, LATITUDE, CATEGORY), 3)

    assert prior.neighbour_labels(place_time([-99.0], [40.0])).tolist() == [[0, 1, 2]]


def test_the_date_line_does_not_separate_neighbours_on_the_sphere():
    prior = fit_radius_neighbours(
        RadiusNeighboursConfig(radius=np.radians(1.0), metric="haversine"), part([179.9, 170.0], [0, 0], [0, 1]), 2
    )

    assert prior.raw(place_time([-179.9], [0.0]))[0] == pytest.approx([2 / 3, 1 / 3])


@settings(max_examples=30, deadline=None)
@given(st.data())
def test_counts_within_a_great_circle_agree_with_the_haversine_formula(data):
    n = data.draw(st.integers(1, 30))
    angles = hnp.arrays(np.float64, n, elements=st.floats(-89, 89))
    longitude, latitude = data.draw(angles) * 2, data.draw(angles)
    category = data.draw(hnp.arrays(np.int32, n, elements=st.integers(0, 3)))
    radius = data.draw(st.floats(0.01, 3.0))
    prior = fit_radius_neighbours(
        RadiusNeighboursConfig(radius=radius, metric="haversine"), part(longitude, latitude, category), 4
    )

    lon, lat = np.radians(longitude), np.radians(latitude)
    half = np.sin((lat - 0.5) / 2) ** 2 + np.cos(lat) * np.cos(0.5) * np.sin((lon + 1) / 2) ** 2
    distance = 2 * np.arcsin(np.sqrt(np.clip(half, 0, 1)))
    if np.abs(distance - radius).min() < 1e-9:
        return
    counts = 1.0 + np.bincount(category[distance <= radius], minlength=4)
    found = prior.raw(place_time([np.degrees(-1.0)], [np.degrees(0.5)]))[0]
    assert found == pytest.approx(counts / counts.sum(), rel=1e-6)


def test_season_prefers_records_of_the_same_time_of_year():
    train = part([0, 0], [0, 0], [0, 1], ["2015-01-05", "2017-07-01"])
    where = place_time([0, 0], [0, 0], ["2018-12-28", "2018-06-20"])

    seasonal = fit_nearest_neighbours(NearestNeighboursConfig(k=1, season=0.1), train, 2)

    assert seasonal.neighbour_labels(where)[:, 0].tolist() == [0, 1]


def test_season_weighs_days_against_distance():
    # Half a year apart is 2 * season in the unit of the sphere's radius.
    train = part([0, 30], [0, 0], [0, 1], ["2017-07-02", "2018-01-01"])
    where = place_time([0], [0], ["2019-01-01"])

    def nearest(season: float) -> int:
        prior = fit_nearest_neighbours(NearestNeighboursConfig(k=1, season=season), train, 2)
        return int(prior.neighbour_labels(where)[0, 0])

    chord = 2 * np.sin(np.radians(30) / 2)
    assert nearest(chord / 2 * 0.95) == 0
    assert nearest(chord / 2 * 1.05) == 1


def test_an_undated_record_is_answered_by_place_from_all_records():
    train = part([0, 50, 51], [0, 0, 0], [0, 1, 1], ["NaT", "2017-07-01", "2017-01-01"])
    prior = fit_nearest_neighbours(NearestNeighboursConfig(k=3, season=0.1), train, 2)

    shares = prior.raw(place_time([0, 0], [0, 0], ["NaT", "2018-07-01"]))

    assert shares[0] == pytest.approx([2 / 5, 3 / 5])  # all three records
    assert shares[1] == pytest.approx([1 / 4, 3 / 4])  # the two dated ones


def test_k_beyond_the_records_takes_all_and_a_missing_place_is_not_answered():
    train = part([0, np.nan, 5], [0, 3, 5], [0, 1, 0])
    prior = fit_nearest_neighbours(NearestNeighboursConfig(k=50), train, 2)
    where = place_time([1, np.nan], [1, 1])

    assert prior.applies(where).tolist() == [True, False]
    assert prior.raw(where).tolist() == [[0.75, 0.25], [1, 1]]
    assert prior.training_class_prior_C.tolist() == [1, 0]


def test_an_empty_radius_is_uniform_and_records_without_a_category_do_not_count():
    train = part([0, 0], [0, 0], [0, -1])
    prior = fit_radius_neighbours(RadiusNeighboursConfig(radius=1.0), train, 4)

    assert prior.raw(place_time([100], [0]))[0] == pytest.approx([0.25] * 4)
    assert prior.raw(place_time([0], [0]))[0] == pytest.approx([0.4, 0.2, 0.2, 0.2])

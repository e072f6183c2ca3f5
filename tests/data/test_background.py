"""Where background points fall."""

import numpy as np
import pytest

from fieldmark.data.background import PLACES, draw_background, iccv2019, sphere


def test_the_sphere_matches_the_official_formula():
    """oracles/golden.json."""
    lon, lat = sphere(np.array([0, 0.25, 0.5, 0.9]), np.array([0, 0.5, 0.75, 0.1]))
    np.testing.assert_allclose(lon, [-1, -0.5, 0, 0.8], rtol=0, atol=1e-12)
    np.testing.assert_allclose(lat, [-1, 0, 0.33333333333333326, -0.590334470601733], rtol=0, atol=1e-12)


@pytest.mark.parametrize("kind", PLACES)
def test_every_kind_stays_on_the_map_with_uniform_dates(kind):
    lon, lat, date = draw_background(kind, 20_000, np.random.default_rng(0))
    assert max(np.abs(lon).max(), np.abs(lat).max(), np.abs(date).max()) <= 1
    assert abs(date.mean()) < 4 / np.sqrt(3 * 20_000)
    assert np.mean(date**2) == pytest.approx(1 / 3, rel=0.03)
    assert abs(lon.mean()) < 4 / np.sqrt(2 * 20_000)


def test_only_the_sphere_is_uniform_by_area():
    """By area, half the points lie within 30 degrees of the equator; by degrees, a third."""
    inside = {}
    for kind in PLACES:
        _, lat, _ = draw_background(kind, 20_000, np.random.default_rng(1))
        inside[kind] = np.mean(np.abs(lat) < 1 / 3)
    assert inside["sphere"] == pytest.approx(0.5, abs=0.015)
    assert inside["degrees"] == pytest.approx(1 / 3, abs=0.015)


def test_the_formula_of_2019_reads_two_sides_of_a_sphere_as_degrees():
    lon, lat = iccv2019(np.array([0.5, 0.5, 1.0, 0.75]), np.array([0.0, 0.25, 0.3, 0.5]))
    np.testing.assert_allclose(lon, [1, 0, 0, -np.sqrt(0.75)], rtol=0, atol=1e-12)
    np.testing.assert_allclose(lat, [0, 1, 0, 0], rtol=0, atol=1e-12)

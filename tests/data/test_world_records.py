import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fieldmark.data.world.bayes import day_of_year
from fieldmark.data.world.config import WorldConfig
from fieldmark.data.world.reader import read_world, read_world_superset
from fieldmark.data.world.sphere import sample_vmf, to_degrees, to_xyz, vmf_density
from fieldmark.data.world.world import World

SMALL = WorldConfig(species=9, per_category=20, val_per_category=3, test_per_category=8, full=3, observers=12)


@settings(max_examples=15, deadline=None)
@given(
    species=st.integers(2, 15),
    group_size=st.integers(1, 4),
    tail=st.sampled_from([0.0, 1.0]),
    missing=st.sampled_from([0.0, 0.5]),
    seed=st.integers(0, 2**32),
)
def test_any_world_is_sound(species: int, group_size: int, tail: float, missing: float, seed: int) -> None:
    config = WorldConfig(
        species=species,
        group_size=min(group_size, species),
        tail=tail,
        per_category=6,
        missing_place=missing,
        missing_date=missing,
        observers=5,
        seed=seed,
    )
    found = World(config).observations()
    where = found.place_time
    known = where.has_place_N
    assert (
        len(set(found.image_id.to_pylist()))
        == len(found)
        == len(found.categories) * 55 + (found.given_split == "train").sum()
    )
    assert np.bincount(found.category_N[found.given_split == "test"], minlength=species).tolist() == [45] * species
    assert (np.abs(where.latitude_N[known]) <= 90).all() and (np.abs(where.longitude_N[known]) <= 180).all()
    assert (np.isnan(where.latitude_N) == np.isnan(where.longitude_N)).all()
    assert ((where.observer_N >= 0) == known).all(), "an observer without a place would tell something about the place"
    assert (known.all() and where.has_date_N.all()) == (missing == 0)


def test_the_same_settings_give_the_same_world_and_others_another() -> None:
    first, again, other = (
        World(config).observations() for config in (SMALL, SMALL, SMALL.model_copy(update={"seed": 1}))
    )
    assert first.fingerprint == again.fingerprint != other.fingerprint
    np.testing.assert_array_equal(first.place_time.longitude_N, again.place_time.longitude_N)
    assert not np.array_equal(first.place_time.longitude_N, other.place_time.longitude_N, equal_nan=True)


def test_a_larger_test_set_leaves_the_training_records_alone() -> None:
    larger = World(SMALL.model_copy(update={"test_per_category": 20})).records
    np.testing.assert_array_equal(World(SMALL).records.place_time.latitude_N[:180], larger.place_time.latitude_N[:180])


def test_the_superset_contains_the_training_records() -> None:
    text = "species=9,per_category=20,full=3"
    mini, full = read_world(text), read_world_superset(text)
    train = np.flatnonzero(mini.given_split == "train")
    place = {name: row for row, name in enumerate(full.image_id.to_pylist())}
    rows = np.array([place[name] for name in mini.image_id.take(train).to_pylist()])
    assert len(full) == 3 * len(train) and full.categories == mini.categories and full.fingerprint != mini.fingerprint
    np.testing.assert_array_equal(full.category_N[rows], mini.category_N[train])
    np.testing.assert_array_equal(full.place_time.take(rows).longitude_N, mini.place_time.take(train).longitude_N)
    assert mini.images is not None and full.images is not None
    np.testing.assert_array_equal(full.images.pixels(rows[:5], 16), mini.images.pixels(train[:5], 16))
    assert not set(full.image_id.to_pylist()) & set(
        mini.image_id.take(np.flatnonzero(mini.given_split == "test")).to_pylist()
    )


def test_a_tail_makes_training_unequal_and_leaves_the_test_balanced() -> None:
    found = World(SMALL.model_copy(update={"tail": 1.0})).observations()
    train, test = (np.bincount(found.category_N[found.given_split == part]) for part in ("train", "test"))
    assert train.max() > 5 * train.min() and train.min() >= 2 and set(test) == {8}
    assert abs(train.sum() - 180) <= 9


def test_ranges_and_seasons_are_distributions() -> None:
    planet = World(SMALL).planet
    np.testing.assert_allclose(planet.season_CD.sum(axis=1), 1)
    sine = np.linspace(-1, 1, 201)[:-1] + 1 / 200  # equal areas
    latitude, longitude = np.meshgrid(np.degrees(np.arcsin(sine)), np.arange(-180, 180, 2.0), indexing="ij")
    density_NC = planet.place_density(latitude.ravel(), longitude.ravel())
    np.testing.assert_allclose(density_NC.mean(axis=0) * 4 * np.pi, 1, atol=2e-3)


@pytest.mark.parametrize("kappa", [0.5, 5.0, 60.0])
def test_places_are_drawn_from_the_density(kappa: float) -> None:
    centre = to_xyz(np.array([30.0]), np.array([-110.0]))
    drawn = sample_vmf(np.random.default_rng(0), np.repeat(centre, 20_000, axis=0), np.full(20_000, kappa))
    cosine = drawn @ centre[0]
    np.testing.assert_allclose(np.linalg.norm(drawn, axis=1), 1)
    # E f(x) of a density is its squared norm, which has a closed form here.
    expected = kappa / (4 * np.pi) / np.tanh(kappa)
    density = vmf_density(cosine, np.float64(kappa))
    assert abs(density.mean() - expected) < 5 * density.std() / np.sqrt(len(density))
    sideways = np.cross(centre[0], [0.0, 0.0, 1.0])
    assert abs((drawn @ sideways).mean()) < 5 * (drawn @ sideways).std() / np.sqrt(len(drawn)), "bearings are even"


def test_degrees_and_directions_agree() -> None:
    latitude, longitude = np.array([-89.0, 0, 12.5, 89.9]), np.array([-180.0, 0, 77, 179.9])
    back_latitude, back_longitude = to_degrees(to_xyz(latitude, longitude))
    np.testing.assert_allclose(back_latitude, latitude)
    np.testing.assert_allclose(np.abs(back_longitude), np.abs(longitude))


def test_days_count_from_new_year() -> None:
    assert day_of_year(np.array(["2018-01-01", "2019-12-31"], dtype="datetime64[D]")).tolist() == [0, 364]


def test_records_need_no_torch() -> None:
    code = (
        "import sys; from fieldmark.data.world.reader import read_world; read_world('species=6');"
        "print({'torch', 'ray', 'matplotlib', 'scipy', 'sklearn'} & set(sys.modules))"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "set()"

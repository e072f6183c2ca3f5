"""The Bayes classifier of the joint model, for any set of fields (SCIENCE rules 19 and 20)."""

from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from fieldmark.data.observations import PlaceTime
from fieldmark.data.world.planet import DAYS, Planet
from fieldmark.data.world.sphere import Floats

Information = Literal["image", "place", "date", "place+date", "image+place", "image+date", "image+place+date"]


def posterior(
    planet: Planet, category_N: NDArray[np.int64], place_time: PlaceTime, information: Information, resolution: int
) -> Floats:
    """Returns p(category | the fields named) for N records (N, C), under equally likely categories.

    Tune and test are balanced, so that is their prior. A picture's likelihood is that of its group and visible mark,
    which can be read from it without error; its nuisances, the observer, the year and the missing of fields cancel. A
    missing field contributes nothing.

    Args:
        planet: the species.
        category_N: true categories: they stand for the pictures, of which only group and visible mark are used.
        place_time: where and when; NaN and NaT where missing.
        information: the fields that the classifier sees, joined by `+`.
        resolution: pixels of a picture's side; finer marks are not seen.
    """
    assert information in get_args(Information), information
    seen = information.split("+")
    likelihood_NC = np.ones((len(category_N), planet.species))
    if "image" in seen:
        likelihood_NC *= _image_likelihood(planet, category_N, resolution)
    if "place" in seen:
        likelihood_NC *= _place_likelihood(planet, place_time)
    if "date" in seen:
        likelihood_NC *= _date_likelihood(planet, place_time)
    likelihood_NC /= likelihood_NC.sum(axis=1, keepdims=True)
    return likelihood_NC


def _image_likelihood(planet: Planet, category_N: NDArray[np.int64], resolution: int) -> Floats:
    """One for the categories whose pictures look so, else zero."""
    looks_C = planet.group_C * (planet.member_C.max() + 1) + planet.marked(np.arange(planet.species), resolution)
    same_NC: NDArray[np.bool_] = looks_C[category_N][:, None] == looks_C
    return same_NC.astype(np.float64)


def _place_likelihood(planet: Planet, place_time: PlaceTime) -> Floats:
    known_N = place_time.has_place_N
    likelihood_NC = np.ones((len(place_time), planet.species))
    likelihood_NC[known_N] = planet.place_density(place_time.latitude_N[known_N], place_time.longitude_N[known_N])
    return likelihood_NC


def _date_likelihood(planet: Planet, place_time: PlaceTime) -> Floats:
    known_N = place_time.has_date_N
    likelihood_NC = np.ones((len(place_time), planet.species))
    likelihood_NC[known_N] = DAYS * planet.season_CD[:, day_of_year(place_time.date_N[known_N])].T
    return likelihood_NC


def day_of_year(date_N: NDArray[np.datetime64]) -> NDArray[np.int64]:
    """Returns days since 1 January of each date's year."""
    new_year_N = date_N.astype("datetime64[Y]").astype("datetime64[D]")
    elapsed_N: NDArray[np.timedelta64] = date_N.astype("datetime64[D]") - new_year_N
    return elapsed_N.astype(np.int64)

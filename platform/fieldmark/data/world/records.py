"""Drawing records from the joint model: category, place, date, observer, and what is missing."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fieldmark.data.observations import PlaceTime
from fieldmark.data.world.config import WorldConfig
from fieldmark.data.world.observers import Observers
from fieldmark.data.world.planet import Planet
from fieldmark.data.world.sphere import to_degrees

PARTS = ("train", "val", "test", "extra")
YEARS = np.array(["2017", "2018", "2019", "2021"], dtype="datetime64[Y]")  # ordinary years only, see planet.DAYS


@dataclass(frozen=True, slots=True)
class Records:
    """N records; pictures follow from category, part and serial number."""

    part_N: NDArray[np.int64]
    """Index into PARTS."""
    serial_N: NDArray[np.int64]
    """Number within the part."""
    category_N: NDArray[np.int64]
    place_time: PlaceTime

    def __len__(self) -> int:
        return len(self.category_N)


def draw_records(
    config: WorldConfig, planet: Planet, observers: Observers, part: str, count_C: NDArray[np.int64]
) -> Records:
    """Returns a part's records with that many of each category, in an order that says nothing.

    Each part has its own random stream, so that one part's size never changes another's records.
    """
    number = PARTS.index(part)
    rng = np.random.default_rng([config.seed, 3, number])
    category_N = rng.permutation(np.repeat(np.arange(config.species), count_C))
    place_N3 = planet.draw_places(rng, category_N)
    latitude_N, longitude_N = to_degrees(place_N3)
    day_N = planet.draw_days(rng, category_N)
    date_N = rng.choice(YEARS, len(day_N)).astype("datetime64[D]") + day_N.astype("timedelta64[D]")
    observer_N = observers.draw(rng, place_N3)
    # An observer tells something about the place, so it is withheld with it: given what is left, it tells nothing.
    placeless_N = rng.random(len(day_N)) < config.missing_place
    latitude_N[placeless_N] = longitude_N[placeless_N] = np.nan
    observer_N[placeless_N] = -1
    date_N[rng.random(len(day_N)) < config.missing_date] = np.datetime64("NaT")
    place_time = PlaceTime(latitude_N=latitude_N, longitude_N=longitude_N, date_N=date_N, observer_N=observer_N)
    return Records(np.full(len(day_N), number), np.arange(len(day_N)), category_N, place_time)


def join_records(parts: list[Records]) -> Records:
    """Returns the records of several parts, one after the other."""
    place_time = PlaceTime(
        **{
            name: np.concatenate([getattr(part.place_time, name) for part in parts])
            for name in ("latitude_N", "longitude_N", "date_N", "observer_N")
        }
    )
    return Records(
        np.concatenate([part.part_N for part in parts]),
        np.concatenate([part.serial_N for part in parts]),
        np.concatenate([part.category_N for part in parts]),
        place_time,
    )


def training_counts(config: WorldConfig) -> NDArray[np.int64]:
    """Returns training records of each category (C): equal, or a power law over ranks given out by chance.

    The mean is `per_category`; no category has fewer than two.
    """
    rank_C = np.random.default_rng([config.seed, 4]).permutation(config.species)
    weight_C = (1.0 + rank_C) ** -config.tail
    count_C = np.rint(config.per_category * config.species * weight_C / weight_C.sum()).astype(np.int64)
    least = min(2, config.per_category)
    return np.asarray(np.maximum(count_C, least), dtype=np.int64)

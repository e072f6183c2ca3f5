"""Parameters and multiply-adds of models at full size, counted beforehand: counting needs torch, a table must not.

`python -m fieldmark.testing.full_counts` counts them and writes the package's file.
"""

from functools import cache
from typing import NamedTuple

from fieldmark.config import ClassifierConfig
from fieldmark.papers import Measurement, dataset_counts
from fieldmark.papers._resources import load

FILE = "full_counts"
PRINTED_FOR = "iNat2018"
"""Sizes are printed for this data set's 8,142 categories, whatever column stands beside them (SCIENCE rule 15)."""


class Size(NamedTuple):
    """A classifier's size and cost, as `fieldmark.models.describe` counts them."""

    parameters: int
    multiply_adds: int
    """Of one picture."""


def size_key(config: ClassifierConfig, categories: int) -> str:
    """Returns a name made of all that decides a classifier's size and cost."""
    settings = ",".join(f"{name}={value}" for name, value in sorted(config.fusion_settings.items()))
    location = f"{config.encoding}{'+date' if config.date else ''} {config.location_width}x{config.location_blocks}"
    return f"{config.backbone} {config.resolution} px, {config.fusion}({settings}), {location}, {categories} categories"


def full_size(config: ClassifierConfig, categories: int) -> Size | None:
    """Returns a classifier's size and cost; None for one that was not counted beforehand."""
    found = _counted().get(size_key(config, categories))
    return None if found is None else Size(*found)


def categories_as_printed(measurement: Measurement) -> int:
    """Returns the number of categories that a row's printed size is for."""
    printed = PRINTED_FOR if measurement.dataset.startswith("YFCC") else measurement.dataset
    return dataset_counts()[printed].categories


@cache
def _counted() -> dict[str, list[int]]:
    found: dict[str, list[int]] = load(FILE)
    return found

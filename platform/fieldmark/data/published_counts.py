"""How many records the data sets' papers report (SCIENCE rule 2)."""

from collections.abc import Mapping
from dataclasses import dataclass

PUBLISHED: Mapping[str, Mapping[str, int]] = {
    "inat2017": {"train": 579_184, "val": 95_986, "categories": 5_089},
    "inat2018": {"train": 437_513, "val": 24_426, "categories": 8_142},
    "inat2021": {"train": 2_686_843, "val": 100_000, "categories": 10_000},
    "inat2021mini": {"train": 500_000, "val": 100_000, "categories": 10_000},
    "yfcc_geo100": {"records": 88_986, "categories": 100},
    "yfcc_inat2017": {"records": 36_143, "categories": 4_472},
}
"""Data set to what is counted (a given split, all records, categories) to the published number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CountCheck:
    """One published count beside what was read."""

    what: str
    published: int
    found: int

    @property
    def agrees(self) -> bool:
        """Whether the two are equal."""
        return self.published == self.found


def check_counts(name: str, found: Mapping[str, int]) -> tuple[CountCheck, ...]:
    """Returns the published counts of a data set beside these; empty where none were published."""
    published = PUBLISHED.get(name, {})
    return tuple(CountCheck(what=what, published=count, found=found.get(what, 0)) for what, count in published.items())

"""Published sizes of the data sets the tables speak of."""

from functools import cache

from pydantic import BaseModel, ConfigDict

from fieldmark.papers._resources import load


class DatasetCounts(BaseModel):
    """What the papers say of one data set's size; None where they say nothing."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    categories: int
    train: int | None = None
    val: int | None = None
    """Images the tables' accuracies are scored on."""
    total: int | None = None
    notes: tuple[str, ...] = ()


@cache
def dataset_counts() -> dict[str, DatasetCounts]:
    """Returns the published counts by data set name, the names being those of the rows."""
    return {name: DatasetCounts.model_validate(counts) for name, counts in load("datasets").items()}


def test_images(dataset: str | None) -> int | None:
    """Returns on how many images this data set's published accuracies stand, or None where it is not known."""
    counts = dataset_counts().get(dataset or "")
    return None if counts is None else counts.val

"""What each published table's rows are, and which setting measures a row."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from fieldmark.config import PriorsNetConfig
from fieldmark.papers import PublishedRow, configuration, rows, table_title

PAPER_NAMES = {"dynamic_mlp_supplement": "Dynamic MLP, supplement", "cui2018": "Cui et al. 2018"}
TITLES = {
    "row": "#",
    "method": "Method",
    "model": "Model",
    "dataset": "Data set",
    "metric": "Metric",
    "batch": "Batch",
    "lr": "lr",
    "sampler": "Sampler",
    "images_per_class": "N/C",
    "r_train": "R train",
    "r_test": "R test",
    "ten_crop_marked": "Ten-crop",
    "geo": "Geo.",
    "temporal": "Tem.",
    "source_domain": "Source",
    "fine_tuned": "FT",
    "epochs": "Epochs",
    "inclusion_threshold": "Above, %",
    "subset": "Categories",
    "resolution": "Resolution",
    "training": "Training",
    "trained": "Trained",
    "from_scratch": "Scratch",
    "crops": "Crops",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Definition:
    """A published table as something that can be measured."""

    table: str
    title: str
    columns: tuple[str, ...]
    """Keys that tell its rows apart, in the order of the columns."""
    configuration: Callable[[PublishedRow], PriorsNetConfig | None] | None = None
    """What a row runs, in the paper's units; None where nothing of the table can be run yet."""
    dataset: str = ""
    """The data its values were measured on."""
    reference: PublishedRow | None = None
    """The published image-only value that its rows start from."""

    @property
    def rows(self) -> tuple[PublishedRow, ...]:
        """The printed values."""
        return rows(self.table)


def definition(table: str) -> Definition:
    """Returns a table's definition.

    Raises:
        UserError: there is no such table.
    """
    printed = rows(table)
    title = f"Table {table} ({PAPER_NAMES[printed[0].paper]}): {table_title(table)}"
    if table == "S2":
        return Definition(
            table=table,
            title=title,
            columns=("method", "batch", "lr", "sampler", "images_per_class"),
            configuration=configuration,
            dataset="iNat2021-mini",
            reference=next(row for row in rows("S6") if row.row == 1 and row.dataset == "iNat2021-mini"),
        )
    return Definition(table=table, title=title, columns=_distinguishing(printed))


def keys(row: PublishedRow) -> dict[str, Any]:
    """Returns everything that tells a printed value from its neighbours."""
    named = {"method": row.method, "model": row.model, "dataset": row.dataset, "metric": row.metric}
    return {**{name: value for name, value in named.items() if value}, **row.keys}


def _distinguishing(printed: tuple[PublishedRow, ...]) -> tuple[str, ...]:
    """Returns the keys whose values differ within a table, in the order in which rows have them."""
    names = dict.fromkeys(name for row in printed for name in keys(row))
    return tuple(name for name in names if len({repr(keys(row).get(name)) for row in printed}) > 1)

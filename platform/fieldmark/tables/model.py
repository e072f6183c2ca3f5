"""A comparison table as a value: everything a renderer or a script needs, nothing about looks."""

from dataclasses import dataclass, field
from typing import Any, Literal

from fieldmark.tables.statistics import Difference, Summary

Kind = Literal["published", "apart", "reference", "bound", "baseline", "search", "corrected"]
OTHER_DATA = "not comparable (other data)"
OTHER_SCORES = "not comparable (other image scores)"
OTHER_TRAINING = "not comparable (frozen backbone)"
NOT_MEASURED = "not measured yet"
NOT_PERMITTED = "not permitted"
PUBLISHED_ONLY = "published only"


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    """A size or cost of a model: as printed, of ours at full size, and as it was run."""

    published: float | None = None
    ours: int | None = None
    as_run: int | None = None
    """Of the stand-in, where one was run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparisonRow:
    """A published row beside what was measured, or a measured reference."""

    kind: Kind
    row: int | None = None
    """The published row's number; None for references."""
    keys: dict[str, Any] = field(default_factory=dict)
    published: float | None = None
    published_unit: str = "%"
    published_error: float | None = None
    """Standard error of the published value, in points."""
    metrics: dict[str, Summary] = field(default_factory=dict)
    """Measured over seeds; fractions, log_loss in nats."""
    config_id: str | None = None
    config: dict[str, Any] | None = None
    """The setting as run."""
    difference: Difference | None = None
    """Top-1 minus that of the table's reference, fractions."""
    difference_published: float | None = None
    """Top-1 minus the published value, as a fraction; only where both stand on the same data."""
    share_of_bound: float | None = None
    """What it gains over image-only, as a share of what the bound gains."""
    turned_right: float | None = None
    """Test images a run that are right here and wrong with the reference, averaged over runs."""
    turned_wrong: float | None = None
    verdict: str = ""
    parameters: int | None = None
    seconds: float | None = None
    """Mean time of a run."""
    counts: dict[str, Count] = field(default_factory=dict)
    """`parameters` and `multiply_adds` of a model that has a published size."""
    data: str | None = None
    """What stands for the published data set, as typed after --data, in tables of several data sets."""
    frozen: bool = False
    """Whether it is a fusion trained on the features of a frozen image-only model."""
    footnotes: tuple[int, ...] = ()

    @property
    def top1(self) -> Summary | None:
        """Measured top-1 accuracy."""
        return self.metrics.get("top1")


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparisonTable:
    """One published table on one data set, protocol, scale and score source."""

    table: str
    title: str
    columns: tuple[str, ...]
    """The keys shown, in order."""
    rows: tuple[ComparisonRow, ...]
    header: tuple[str, ...] = ()
    """Sentences that stand above the table."""
    footnotes: tuple[str, ...] = ()
    """Number 1 first."""
    closing: tuple[str, ...] = ()
    """Sentences that stand below the table."""
    summary: str = ""
    """What it shows, in one short sentence."""
    dataset: str | None = None
    fingerprint: str | None = None
    protocol: str | None = None
    scale: str | None = None
    score: str | None = None
    test_records: int | None = None
    reference: str | None = None
    """What differences are taken to."""
    minimum_detectable_difference: float | None = None
    """Between two rows, as a fraction."""
    complete: bool = False
    completeness: str = ""
    command: str | None = None
    """What fills the table."""

"""How a published value is measured: the configuration that each row names, at smoke and at paper scale."""

from pydantic import BaseModel, ConfigDict

from fieldmark.config import ClassifierConfig, FrozenConfig


class Measurement(BaseModel):
    """What is run for one published accuracy (one row of a table on one data set)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    table: str
    row: int
    dataset: str
    """The published data set's name, a key of `WORLDS`."""
    method: str
    """As printed, for people."""
    config: ClassifierConfig | FrozenConfig | None
    """None for an ensemble."""
    image_model: ClassifierConfig | None = None
    """The image-only classifier that a frozen configuration starts from; trained with the run's own seed."""
    view: str = ""
    """How the test pictures are shown (`fieldmark.config.View`)."""
    ensemble_above: float | None = None
    """An ensemble's rule: the table's other rows whose top-1 on tune is above this share join, by mean probability."""
    workers: int = 1
    """Ray Train workers of the first seed; the other seeds train in one process."""
    full: ClassifierConfig | None = None
    """The configuration at paper scale, whose parameters and multiply-adds stand beside the published ones."""
    notes: tuple[str, ...] = ()
    """Footnotes: what stands in for what, what is assumed."""

    @property
    def cell(self) -> str:
        """Names the value, e.g. `S3:1:iNat2018`."""
        return f"{self.table}:{self.row}:{self.dataset}"

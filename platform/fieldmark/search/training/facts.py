"""What the plan of a training needs to know of a data set."""

from typing import Any

from pydantic import BaseModel, ConfigDict

from fieldmark.config import Scale, ScaleName
from fieldmark.data.observations import DataSet, Split
from fieldmark.errors import UserError
from fieldmark.search.facts import dataset_card
from fieldmark.store.records import DatasetCard

SMOKE_BELOW = 20_000
"""Training pictures below which `smoke` is the default scale."""
PAPER_BATCH = 512

NO_DATES = "no training record has a date: it is no input (config.date is false)"
NO_PLACES = "no training record has a place: it is no input (config.encoding is none)"
NO_METADATA = "no training record has a place or a date: the fusion is image_only"


class TrainFacts(BaseModel):
    """A data set in figures."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    card: DatasetCard
    has_places: bool
    """Whether any training record has a place."""
    has_dates: bool
    is_world: bool
    """Whether the Bayes bounds are known."""

    @property
    def pictures(self) -> int:
        """Training pictures."""
        return self.card.counts["train"]

    def scale_name(self, wanted: ScaleName | None) -> ScaleName:
        """Returns the scale that was asked for; `smoke` on the world and where there are few pictures."""
        return wanted or ("smoke" if self.is_world or self.pictures < SMOKE_BELOW else "paper")

    def scale(self, name: ScaleName, batch: int) -> Scale:
        """Returns the scale's record: `smoke` divides the paper's batch of 512 by k."""
        if name == "paper":
            return Scale(name="paper")
        return Scale(name="smoke", k=max(1, PAPER_BATCH // batch), category_size=max(1.0, self.card.category_size))


def train_facts(data: DataSet, spec: str) -> TrainFacts:
    """Returns the facts of a split data set.

    Args:
        data: the data set.
        spec: what the user typed after --data.

    Raises:
        UserError: a data set without pictures, or whose split leaves a part empty.
    """
    if data.observations.images is None:
        raise UserError(f"--data {spec}: it has no pictures to train on (table:FILE:IMAGE_ROOT and folder:DIR have)")
    card = dataset_card(data, spec)
    purposes: dict[str, Any] = {"train": "to learn from", "tune": "to choose settings on", "test": "to report on"}
    for part, purpose in purposes.items():
        if not card.counts.get(part):
            raise UserError(
                f"--data {spec}: split protocol {card.protocol} leaves no {part} records {purpose}; "
                "try another --protocol"
            )
    where = data.observations.place_time.take(data.indices(Split.TRAIN))
    return TrainFacts(
        card=card,
        has_places=bool(where.has_place_N.any()),
        has_dates=bool(where.has_date_N.any()),
        is_world=spec.partition(":")[0] == "world",
    )

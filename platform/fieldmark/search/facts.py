"""What a plan needs to know of a data set: small figures, read once from the records."""

import numpy as np
from pydantic import BaseModel, ConfigDict

from fieldmark.config import RateRule, Scale, ScaleName, choose_scale
from fieldmark.data.observations import DataSet, Split
from fieldmark.store.records import DatasetCard

NO_DATES = "No training record has a date: the prior is learned from place alone (config.date is false)."


class DataFacts(BaseModel):
    """A data set in figures."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    card: DatasetCard
    scale: Scale
    has_dates: bool
    """Whether any training record has a date."""
    is_world: bool
    """Whether the Bayes bounds are known."""

    def examples_an_epoch(self, cap: int | None, *, superset: bool = False) -> int:
        """Returns about how many records an epoch visits under a cap N/C (None: no cap)."""
        card = self.card
        factor = 1.0
        if superset and card.superset_largest_category:
            factor = card.superset_largest_category / max(1, card.largest_category)
        everything = round(card.counts["train"] * factor)
        return everything if cap is None else min(everything, cap * card.categories)


def facts_of(data: DataSet, spec: str, scale: ScaleName | None, rate: RateRule = "scaled") -> DataFacts:
    """Returns the facts of a split data set.

    Args:
        data: the data set.
        spec: what the user typed after --data.
        scale: as asked for; None takes `smoke` on the world and `paper` on everything else.
        rate: whether `smoke` divides Adam's rate, too.
    """
    card = dataset_card(data, spec)
    is_world = spec.partition(":")[0] == "world"
    name: ScaleName = scale or ("smoke" if is_world else "paper")
    size = max(1.0, card.category_size)
    chosen = choose_scale(name, train_records=max(1, card.counts["train"]), category_size=size, rate=rate)
    dates = bool(data.observations.place_time.has_date_N[data.indices(Split.TRAIN)].any())
    notes = card.notes if dates else (*card.notes, NO_DATES)
    return DataFacts(card=card.model_copy(update={"notes": notes}), scale=chosen, has_dates=dates, is_world=is_world)


def dataset_card(data: DataSet, spec: str) -> DatasetCard:
    """Returns the card that lets tables speak of a data set without reading it again."""
    counts_C = data.class_counts()
    seen_C = counts_C[counts_C > 0]
    superset = data.superset
    return DatasetCard(
        name=data.observations.name,
        spec=spec,
        fingerprint=data.observations.fingerprint,
        protocol=data.protocol,
        categories=len(data.observations.categories),
        counts={split.name.lower(): len(data.indices(split)) for split in (Split.TRAIN, Split.TUNE, Split.TEST)},
        largest_category=int(counts_C.max(initial=0)),
        category_size=float(np.median(seen_C)) if len(seen_C) else 1.0,
        has_images=data.observations.images is not None,
        superset_fingerprint=None if superset is None else superset.fingerprint,
        superset_largest_category=None if superset is None else _largest(superset.category_N),
    )


def _largest(category_N: np.ndarray) -> int:
    return int(np.bincount(category_N[category_N >= 0]).max(initial=0))

"""From a published row to the settings that could have been run for it on the data at hand."""

from dataclasses import dataclass

from fieldmark.config import PriorsNetConfig, Scale, ScaleName, at_scale, choose_scale, effective
from fieldmark.papers import PublishedRow
from fieldmark.store.records import DatasetCard
from fieldmark.tables.definitions import Definition

SCALES: tuple[ScaleName, ScaleName] = ("smoke", "paper")


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """One way of running a published row here; rows never mix two of them."""

    config: PriorsNetConfig
    """As run."""
    note: str = ""
    """How it differs from the published setting."""


SAMPLED = "Trained with the sampled loss, not with all categories in every step."


def card_scale(card: DatasetCard, name: ScaleName) -> Scale:
    """Returns the scale of that name for a data set, as a sweep chooses it."""
    return choose_scale(name, train_records=max(1, card.counts["train"]), category_size=max(1.0, card.category_size))


def default_scale(card: DatasetCard) -> ScaleName:
    """Returns `smoke` for the world and `paper` for real data."""
    return "smoke" if card.spec.partition(":")[0] == "world" else "paper"


def candidates(wanted: Definition, row: PublishedRow, card: DatasetCard, scale: Scale) -> tuple[Candidate, ...]:
    """Returns the settings that measure a row on a data set, the one closest to print first; none if it cannot be run.

    A sweep may use the sampled loss, and leaves the date out where no training record has one; both make another
    setting, so each is looked for by itself.
    """
    asked = wanted.configuration(row) if wanted.configuration is not None else None
    if asked is None:
        return ()
    largest = card.largest_category if asked.train_on == "train" else card.superset_largest_category
    if largest is None:
        return ()
    found: dict[str, Candidate] = {}
    for changes, notes in _variants():
        run = effective(at_scale(asked.model_copy(update=changes), scale), largest)
        found.setdefault(run.config_id, Candidate(config=run, note=" ".join(notes)))
    return tuple(found.values())


def _variants() -> list[tuple[dict[str, object], list[str]]]:
    place_only = "No training record has a date: learned from place alone."
    return [
        ({"loss": loss, "date": date}, ([SAMPLED] if loss == "sampled" else []) + ([] if date else [place_only]))
        for loss in ("exact", "sampled")
        for date in (True, False)
    ]

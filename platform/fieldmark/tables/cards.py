"""Which data set a table speaks of."""

import pyarrow as pa
import pyarrow.compute as pc

from fieldmark.errors import UserError
from fieldmark.store.records import DatasetCard
from fieldmark.tables.sources import Results

TRAININGS = ("classifier", "bayes")
"""Methods whose runs `fieldmark train` records, the bounds among them: they say nothing about a sweep's tables."""
PREFIX = 6  # fewest digits that name a fingerprint


def choose_card(store: Results, dataset: str | None) -> DatasetCard | None:
    """Returns the card of a data set, or None where the store has none at all.

    Args:
        store: the results.
        dataset: its name or the beginning of its fingerprint; may be left out where all cards have one name.

    Raises:
        UserError: nothing, or more than one name, is meant.
    """
    cards = store.cards()
    if not cards:
        return None
    meant = cards if dataset is None else [card for card in cards if is_called(card, dataset)]
    names = sorted({card.name for card in cards})
    if not meant:
        raise UserError(f"--dataset {dataset!r}: the store {store.url} has {', '.join(names)}")
    if len({card.name for card in meant}) > 1:
        raise UserError(f"--dataset: the store {store.url} has several data sets, name one of {', '.join(names)}")
    return meant[0] if len(meant) == 1 else max(meant, key=lambda card: _latest(store, card))


def is_called(card: DatasetCard, dataset: str) -> bool:
    """Returns whether a user who names a data set so means this one."""
    return dataset == card.name or (len(dataset) >= PREFIX and card.fingerprint.startswith(dataset))


def _latest(store: Results, card: DatasetCard) -> float:
    """Returns when the last run of a sweep's methods on this data set and protocol ended; 0 where there is none."""
    where = (pc.field("fingerprint") == card.fingerprint) & (pc.field("protocol") == card.protocol)
    where = where & ~pc.field("method").isin(pa.array(TRAININGS))
    ended = store.runs(columns=["ended"], where=where).column("ended")
    return float(pc.max(ended).as_py() or 0.0)

"""Which data set a table speaks of."""

from fieldmark.errors import UserError
from fieldmark.store.records import DatasetCard
from fieldmark.tables.sources import Results

TRAININGS = ("classifier", "frozen", "bayes")
"""Methods whose runs `fieldmark train` records, the bounds among them: they say nothing about a sweep's tables."""
Identity = tuple[str, str]
"""Fingerprint and protocol."""
PREFIX = 6  # fewest digits that name a fingerprint


def choose_card(store: Results, dataset: str | None) -> DatasetCard | None:
    """Returns the card of a data set, or None where the store has none at all.

    Args:
        store: the results.
        dataset: its name or the beginning of its fingerprint; may be left out where all cards have one name, those
            aside on which classifiers were trained and nothing else was run.

    Raises:
        UserError: nothing, or more than one name, is meant.
    """
    cards = store.cards()
    if not cards:
        return None
    ended, trained = _runs(store) if len(cards) > 1 else ({}, set())
    if dataset is None:
        meant = [card for card in cards if _identity(card) not in trained] or cards
    else:
        meant = [card for card in cards if is_called(card, dataset)]
    names = sorted({card.name for card in cards})
    if not meant:
        raise UserError(f"--dataset {dataset!r}: the store {store.url} has {', '.join(names)}")
    if len({card.name for card in meant}) > 1:
        raise UserError(f"--dataset: the store {store.url} has several data sets, name one of {', '.join(names)}")
    return max(meant, key=lambda card: ended.get(_identity(card), 0.0))


def is_called(card: DatasetCard, dataset: str) -> bool:
    """Returns whether a user who names a data set so means this one."""
    return dataset == card.name or (len(dataset) >= PREFIX and card.fingerprint.startswith(dataset))


def _runs(store: Results) -> tuple[dict[Identity, float], set[Identity]]:
    """Returns when the last run of a sweep's methods ended, by data set; and the data sets with trainings alone."""
    runs = store.runs(columns=["fingerprint", "protocol", "method", "ended"])
    last = runs.group_by(["fingerprint", "protocol", "method"]).aggregate([("ended", "max")]).to_pylist()
    ended: dict[Identity, float] = {}
    for row in last:
        if row["method"] not in TRAININGS:
            identity = (row["fingerprint"], row["protocol"])
            ended[identity] = max(row["ended_max"] or 0.0, ended.get(identity, 0.0))
    return ended, {(row["fingerprint"], row["protocol"]) for row in last} - ended.keys()


def _identity(card: DatasetCard) -> Identity:
    return card.fingerprint, card.protocol

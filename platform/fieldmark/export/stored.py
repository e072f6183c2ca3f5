"""What a store knows of a trained classifier: its run, its weights, its categories and its user's code."""

from dataclasses import dataclass

import pyarrow.compute as pc

from fieldmark.config import ClassifierConfig
from fieldmark.errors import UserError
from fieldmark.export.configuration import classifier_of
from fieldmark.store import DatasetCard, RunRecord, Store, layout

METHODS = ["classifier", "frozen"]


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredRun:
    """A trained classifier as a store holds it."""

    record: RunRecord
    config: ClassifierConfig
    """Of a run on frozen features, that of the same model trained as a whole: its weights are a whole model's."""
    weights: bytes
    """Safetensors of the model's state."""
    categories: tuple[str, ...]
    card: DatasetCard | None
    """Of the data it learned from, where the store has it."""
    extension: str | None
    """Text of the user's file that defines its fusion, or None."""
    extension_name: str | None
    """Where that file is."""

    @property
    def exact(self) -> bool:
        """Whether it learned from pictures that had the training resolution already, and were shown whole."""
        return self.card is not None and self.card.spec.partition(":")[0] == "world"


def classifiers(store: Store, prefix: str) -> list[str]:
    """Returns the ids of the trained classifiers whose run id begins so, retracted ones, too."""
    ids = store.runs(columns=["run_id"], where=pc.field("method").isin(METHODS), retracted=True)["run_id"]
    return [str(run_id) for run_id in ids.to_pylist() if run_id.startswith(prefix)]


def find_classifier(store: Store, prefix: str) -> str:
    """Returns the id of the one trained classifier whose run id begins so.

    Raises:
        UserError: where none or several begin so, or it was retracted.
    """
    found = classifiers(store, prefix)
    if len(found) != 1:
        what = "no trained classifier" if not found else f"{len(found)} trained classifiers"
        raise UserError(f"run id '{prefix}': {what} in store {store.url} begin so (`fieldmark runs` lists them)")
    reason = store.retractions().get(found[0])
    if reason is not None:
        raise UserError(f"run {found[0]}: it was retracted: {reason}")
    return found[0]


def read_run(store: Store, prefix: str) -> StoredRun:
    """Returns a trained classifier.

    Args:
        store: holds it.
        prefix: its run id or the first digits.

    Raises:
        UserError: there is none, it was not finished, or its weights or categories are not in the store.
    """
    run_id = find_classifier(store, prefix)
    record = store.run(run_id)
    weights = store.weights(run_id)
    if record.trial.role == "imported":
        raise UserError(f"run {run_id}: imported from a log: it has no weights here")
    if weights is None:
        raise UserError(f"run {run_id}: the store has no weights of it (it is {record.status}); train it again")
    card = _card(store, record)
    extension = store.extension(run_id)
    return StoredRun(
        record=record,
        config=classifier_of(record.spec.config),
        weights=weights,
        categories=_categories(store, record, card),
        card=card,
        extension=extension,
        extension_name=None if extension is None else store.objects.name(layout.extension(run_id)),
    )


def _card(store: Store, record: RunRecord) -> DatasetCard | None:
    wanted = (record.spec.fingerprint, record.spec.protocol)
    return next((card for card in store.cards() if (card.fingerprint, card.protocol) == wanted), None)


def _categories(store: Store, record: RunRecord, card: DatasetCard | None) -> tuple[str, ...]:
    kept = store.categories(record.spec.fingerprint)
    if kept is not None:
        return kept
    if card is None:
        raise UserError(f"run {record.run_id}: the store does not know the categories of {record.spec.dataset}")
    from fieldmark.data.readers import read

    found = read(card.spec)
    if found.fingerprint != card.fingerprint:
        raise UserError(f"run {record.run_id}: {card.spec} is not what it was, so its categories cannot be named")
    return found.categories

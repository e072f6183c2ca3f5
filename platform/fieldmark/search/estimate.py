"""What a sweep will cost, from runs that are stored already; no torch, no Ray."""

from statistics import median
from typing import TYPE_CHECKING

from fieldmark.config import MethodConfig, PriorsNetConfig
from fieldmark.search.facts import DataFacts
from fieldmark.search.tasks import Task

if TYPE_CHECKING:
    from fieldmark.store import Store

SCORES_A_RUN = 7
PREDICTION_BYTES = 130
"""A row of predictions, compressed: id, category, probability, rank and ten categories."""
RECORD_BYTES = 6_000


def examples(config: MethodConfig, facts: DataFacts) -> int:
    """Returns how many examples a run visits; the training records for a method without epochs."""
    if not isinstance(config, PriorsNetConfig):
        return facts.card.counts["train"]
    superset = config.train_on == "superset"
    return config.epochs * facts.examples_an_epoch(config.images_per_class, superset=superset)


class Speeds:
    """Seconds an example, by method, from completed runs: on the same data if there are any, else on any."""

    def __init__(self, store: "Store | None", facts: DataFacts) -> None:
        self._facts = facts
        self._here: dict[str, list[float]] = {}
        self._anywhere: dict[str, list[float]] = {}
        if store is not None:
            self._read(store)

    def seconds(self, config: MethodConfig) -> float | None:
        """Returns the expected seconds of a run on one core, or None where no run of the method is stored."""
        known = self._here.get(config.method) or self._anywhere.get(config.method)
        return None if not known else median(known) * examples(config, self._facts)

    def _read(self, store: "Store") -> None:
        import pyarrow.compute as pc

        cards = {card.fingerprint: card for card in store.cards()}
        done = (pc.field("status") == "completed") & (pc.field("seconds") > 0)
        columns = ["method", "fingerprint", "seconds", "epochs", "config.images_per_class"]
        for row in store.runs(columns, done, strict=False).to_pylist():
            card = cards.get(row["fingerprint"])
            if card is None:
                continue
            facts = self._facts.model_copy(update={"card": card})
            visited = max(1, row["epochs"]) * max(1, facts.examples_an_epoch(row["config.images_per_class"]))
            where = self._here if row["fingerprint"] == self._facts.card.fingerprint else self._anywhere
            where.setdefault(row["method"], []).append(row["seconds"] / visited)


def bytes_of(tasks: list[Task], facts: DataFacts) -> int:
    """Returns about how much the store grows by these runs."""
    rows = facts.card.counts["tune"] + facts.card.counts["test"]
    return len(tasks) * SCORES_A_RUN * (rows * PREDICTION_BYTES + 2 * RECORD_BYTES)

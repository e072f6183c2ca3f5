"""What place and date turned right and wrong, picture by picture (SCIENCE rule 14)."""

from typing import TYPE_CHECKING, NamedTuple

from fieldmark.search.ledger import evaluation_id
from fieldmark.search.tasks import Task

if TYPE_CHECKING:
    from fieldmark.store import Store


class HelpAndHarm(NamedTuple):
    """Expected numbers of test pictures; a tie of k categories at the top is right in a share 1/k of all orders."""

    pictures: int
    """That both runs have named."""
    right: float
    """The reference names them wrongly, the run rightly."""
    wrong: float
    """The reference names them rightly, the run wrongly."""


def help_and_harm(store: "Store", run: Task, reference: Task) -> HelpAndHarm | None:
    """Compares two runs by their predictions on test; None where there are none of either."""
    import numpy as np

    hits = [_hits(store, task) for task in (run, reference)]
    if hits[0] is None or hits[1] is None:
        return None
    both = [name for name in hits[0] if name in hits[1]]
    gain_N = np.array([hits[0][name] - hits[1][name] for name in both], dtype=np.float64)
    return HelpAndHarm(len(both), float(np.maximum(gain_N, 0).sum()), float(np.maximum(-gain_N, 0).sum()))


def _hits(store: "Store", task: Task) -> dict[str, float] | None:
    """Returns how often each picture is named rightly, in [0, 1], by its id."""
    predictions = store.predictions(evaluation_id(task.run_id, "test", task.objective.score))
    if predictions is None:
        return None
    return dict(zip(predictions["image_id"].to_pylist(), predictions["hit1"].to_pylist(), strict=True))

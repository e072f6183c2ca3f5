"""What place and date turned right and wrong, picture by picture (SCIENCE rule 14)."""

from typing import TYPE_CHECKING

from fieldmark.evaluation import details
from fieldmark.evaluation.details import HelpAndHarm
from fieldmark.search.ledger import evaluation_id
from fieldmark.search.tasks import Task

if TYPE_CHECKING:
    from fieldmark.store import Store


def help_and_harm(store: "Store", run: Task, reference: Task) -> HelpAndHarm | None:
    """Compares two runs by their predictions on test; None where there are none of either."""
    ids = [evaluation_id(task.run_id, "test", task.objective.score) for task in (run, reference)]
    return details.help_and_harm(store, *ids)

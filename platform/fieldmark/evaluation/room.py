"""Whether there is room for whole probabilities, which ensembles are made of: N C 2 bytes an evaluation."""

from fieldmark.errors import UserError
from fieldmark.store import Store, layout

_BYTES = 2


def has_probabilities(store: Store, evaluation_id: str) -> bool:
    """Whether an evaluation's whole probabilities are kept."""
    return store.objects.exists(layout.probabilities(evaluation_id))


def require_room(store: Store, scores: int, budget: int) -> None:
    """Looks whether so many further scores can be kept, as float16.

    Raises:
        UserError: they would take more than is left of the budget; says how much is needed.
    """
    needed, taken = _BYTES * scores, store.objects.size(layout.PROBABILITIES)
    if needed and taken + needed > budget:
        raise UserError(
            f"--probabilities-budget {budget}: {needed:,} bytes of probabilities would be kept beside {taken:,} that "
            f"{store.url} has; expected at least {taken + needed}"
        )

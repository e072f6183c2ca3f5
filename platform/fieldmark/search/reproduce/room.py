"""How much the kept probabilities of a reproduction take, told before anything is trained."""

from collections.abc import Iterable, Mapping

from fieldmark.errors import UserError
from fieldmark.search.image_task import ImageTask
from fieldmark.search.reproduce.sources import Source

BYTES = 2  # of a probability


def probabilities_budget(
    units: Iterable[ImageTask], sources: Mapping[str, Source], taken: int, wanted: int | None
) -> int:
    """Returns the bytes that probabilities may take in the store.

    Args:
        units: those that are needed.
        sources: the data, by published name.
        taken: what lies there already.
        wanted: as asked for; None takes what the units need beside that.

    Raises:
        UserError: less is asked for than they need.
    """
    cards = {source.spec: source.facts.card for source in sources.values()}
    needed = 0
    for unit in units:
        card = cards[unit.data]
        pictures = card.counts["tune"] + card.counts["test"]
        needed += BYTES * len(unit.probabilities) * pictures * card.categories
    if wanted is not None and wanted < needed:
        raise UserError(
            f"--probabilities-budget {wanted}: the ensembles of these tables average {needed:,} bytes of "
            "probabilities; give as much, or name tables and rows without an ensemble"
        )
    return wanted or taken + needed

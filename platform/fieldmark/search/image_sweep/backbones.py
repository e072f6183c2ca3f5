"""Whether there are the backbones that a sweep is asked to train."""

from collections.abc import Sequence

from search_spaces.resolution import BACKBONES

USUAL = frozenset(name for names in BACKBONES.values() for name in names)
"""Those that the sweeps take of themselves, which need no looking up."""


def check_backbones(names: Sequence[str]) -> None:
    """Checks that each is one of our own or of timm's.

    timm, and torch with it, is imported only for a name that a person chose: a dry run without one stays quick.

    Raises:
        UserError: there is none of that name; names the closest.
    """
    chosen = [name for name in names if name not in USUAL]
    if not chosen:
        return
    from fieldmark.models import backbones
    from fieldmark.models.backbones.timm_names import check_known

    for name in chosen:
        if name not in backbones.names():
            check_known(name)

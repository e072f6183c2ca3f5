"""What timm has, by name."""

import difflib

from fieldmark.errors import UserError
from fieldmark.models.backbones.registry import names


def timm_names(pattern: str = "", *, pretrained: bool = False) -> tuple[str, ...]:
    """Returns the names of timm's networks that match a shell pattern; all of them for an empty one.

    Args:
        pattern: for `fnmatch`.
        pretrained: whether the names are those of pretrained weights, NAME.TAG.
    """
    import timm

    return tuple(timm.list_models(pattern, pretrained=pretrained))


def check_known(name: str) -> None:
    """Checks that timm has a network.

    Raises:
        UserError: it has none of that name; names the closest, and our own.
    """
    import timm

    if timm.is_model(name):
        return
    close = difflib.get_close_matches(name, [*names(), *timm_names()], n=3)
    hint = f"Did you mean {' or '.join(close)}? " if close else ""
    own = ", ".join(names())
    raise UserError(
        f"backbone {name!r} is not known. {hint}There are timm's {len(timm_names()):,} "
        f"(`fieldmark models list --backbones PATTERN`) and {own}; one of your own needs --import FILE.py."
    )

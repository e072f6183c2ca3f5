"""What several commands share: opening an existing store and printing JSON."""

import json
from typing import TYPE_CHECKING, Annotated, Any, Protocol

from cyclopts import Parameter

from fieldmark.machine import default_store

if TYPE_CHECKING:
    from fieldmark.store import Store

STORE = default_store()
StoreFlag = Annotated[
    str,
    Parameter(
        name="--store",
        help="Results store: a folder, s3://, gs:// or az://; default: $FIELDMARK_STORE, else runs.",
        show_default=False,
    ),
]
JsonFlag = Annotated[bool, Parameter(name="--json", negative=(), help="Print JSON for scripts.")]

EXIT_INTERRUPTED = 130
EXIT_TERMINATED = 143


class Ended(Protocol):
    """A result that says whether its command was asked to stop."""

    interrupted: bool
    terminated: bool


def exit_code(result: Ended) -> int:
    """Returns 0, or what the signal that has stopped the command stands for."""
    if not result.interrupted:
        return 0
    return EXIT_TERMINATED if result.terminated else EXIT_INTERRUPTED


def open_existing(url: str) -> "Store":
    """Returns the store at that place.

    Raises:
        UserError: where there is none; looking must not create one.
    """
    from fieldmark.store import Store

    return Store.open(url, create=False)


def print_json(value: Any) -> None:
    """Prints one JSON value."""
    print(json.dumps(value, indent=2, allow_nan=False))

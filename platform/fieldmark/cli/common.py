"""What several commands share: opening an existing store and printing JSON."""

import json
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

if TYPE_CHECKING:
    from fieldmark.store import Store

StoreFlag = Annotated[str, Parameter(name="--store", help="Results store: a folder, s3://, gs:// or az://.")]
JsonFlag = Annotated[bool, Parameter(name="--json", negative=(), help="Print JSON for scripts.")]


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

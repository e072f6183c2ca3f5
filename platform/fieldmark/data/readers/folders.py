"""Small questions about a data set's folder."""

import os

from fieldmark.data.readers.raw import RawRecords
from fieldmark.errors import UserError

_PROBED = 100
"""Pictures that are looked for before a folder is taken to have none."""


def require_folder(folder: str) -> None:
    """Refuses what is no folder.

    Raises:
        UserError: if it is not.
    """
    if not folder or not os.path.isdir(folder):
        raise UserError(f"{folder or 'no folder given'}: expected the folder that holds the data set")


def image_root(folder: str, raw: RawRecords) -> str | None:
    """Returns the folder if any of some records' pictures is in it, else None: records alone are enough."""
    step = max(1, len(raw) // _PROBED)
    probed = raw.columns["image"][::step].drop_null().to_pylist()
    return folder if any(os.path.exists(os.path.join(folder, path)) for path in probed) else None


def first_existing(folder: str, *names: str) -> str | None:
    """Returns the path of the first of these files that is there."""
    paths = (os.path.join(folder, name) for name in names)
    return next((path for path in paths if os.path.exists(path)), None)

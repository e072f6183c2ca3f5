"""Small questions about a data set's folder."""

import os

from fieldmark.data.readers.raw import RawRecords
from fieldmark.errors import UserError


def require_folder(folder: str) -> None:
    """Refuses what is no folder.

    Raises:
        UserError: if it is not.
    """
    if not folder or not os.path.isdir(folder):
        raise UserError(f"{folder or 'no folder given'}: expected the folder that holds the data set")


def image_root(folder: str, raw: RawRecords) -> str | None:
    """Returns the folder if the pictures are in it (the first record's tells), else None: records alone are enough."""
    if not len(raw):
        return None
    first = raw.columns["image"][0].as_py()
    return folder if first is not None and os.path.exists(os.path.join(folder, first)) else None


def first_existing(folder: str, *names: str) -> str | None:
    """Returns the path of the first of these files that is there."""
    paths = (os.path.join(folder, name) for name in names)
    return next((path for path in paths if os.path.exists(path)), None)

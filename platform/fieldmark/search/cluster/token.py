"""The token without which no process may speak to the cluster."""

import os
import secrets
from pathlib import Path

from fieldmark.errors import UserError

BYTES = 32


def token_path() -> Path:
    """Returns where Ray looks for the token of a user."""
    return Path.home() / ".ray" / "auth_token"


def ensure_token() -> Path:
    """Makes the token once, and sees to it that only its owner can read it.

    Raises:
        UserError: where there is an empty file in its place.
    """
    path = token_path()
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        path.chmod(0o600)
        if not path.read_text().strip():
            raise UserError(f"{path}: is empty; remove it, and a token is made") from None
    else:
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_hex(BYTES))
    return path

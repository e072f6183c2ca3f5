"""Files of a data set that comes as a folder or as a zip of that folder."""

import os
import zipfile

from fieldmark.data.fingerprint import hash_file
from fieldmark.errors import UserError

_SHADOW = "__MACOSX/"


class Archive:
    """A folder, or a zip file; a Mac's shadow entries are passed over."""

    def __init__(self, path: str) -> None:
        """Opens it.

        Raises:
            UserError: if there is nothing, or a file that is no zip.
        """
        self.path = path
        self._zip: zipfile.ZipFile | None = None
        if os.path.isdir(path):
            return
        if not os.path.exists(path):
            raise UserError(f"{path}: no such file or folder")
        try:
            self._zip = zipfile.ZipFile(path)
        except (zipfile.BadZipFile, OSError) as error:
            raise UserError(f"{path}: damaged or not a zip file ({error})") from None

    def names(self) -> list[str]:
        """Returns the files' names, relative to the folder."""
        if self._zip is None:
            return sorted(entry.name for entry in os.scandir(self.path) if entry.is_file())
        return [name for name in self._zip.namelist() if not name.startswith(_SHADOW) and not name.endswith("/")]

    def read(self, name: str) -> bytes:
        """Returns a file's bytes.

        Raises:
            UserError: if it is missing or damaged.
        """
        try:
            if self._zip is not None:
                return self._zip.read(name)
            with open(os.path.join(self.path, name), "rb") as stream:
                return stream.read()
        except (KeyError, FileNotFoundError):
            raise UserError(f"{self.path}: no {name} in it") from None
        except (OSError, zipfile.BadZipFile, RuntimeError, EOFError) as error:
            raise UserError(f"{self.path}: {name} cannot be read ({error})") from None

    def hashes(self, names: list[str]) -> dict[str, str]:
        """Returns what identifies these files: their own hashes, or the zip's."""
        if self._zip is not None:
            return {"archive": hash_file(self.path)}
        return {name: hash_file(os.path.join(self.path, name)) for name in names}

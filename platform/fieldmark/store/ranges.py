"""A file of obstore with what pyarrow asks of one."""

from typing import Any


class Ranges:
    """Bytes of an object, read where they are wanted."""

    closed = False

    def __init__(self, reader: Any) -> None:
        """Takes what obstore opened."""
        self._reader = reader

    def read(self, size: int = -1) -> bytes:
        """Returns so many bytes, or all that are left."""
        return bytes(self._reader.read(None if size < 0 else size))

    def seek(self, offset: int, whence: int = 0) -> int:
        """Moves, and returns where to."""
        return int(self._reader.seek(offset, whence))

    def tell(self) -> int:
        """Returns where it stands."""
        return int(self._reader.tell())

    def close(self) -> None:
        """Marks it closed."""
        self.closed = True

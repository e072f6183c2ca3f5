"""Bytes under keys, on local disk, in memory, or in S3, GCS or Azure alike.

`put_once` is put-if-absent: of several writers one wins. No reader ever sees a part of an object. On local disk obstore
writes a file with a suffix like ``#1``, which listings leave out, and links it (put-if-absent) or renames it
(overwrite) to its name. Nothing is synced to the platter: a killed process loses nothing that was written, and what a
power cut tears is found and named when it is read.
"""

import uuid
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

import obstore
import pyarrow as pa
from obstore.exceptions import AlreadyExistsError, BaseError
from obstore.store import LocalStore, MemoryStore, from_url
from pyarrow.fs import LocalFileSystem

from fieldmark.errors import UserError

REMOTE = ("s3://", "s3a://", "gs://", "az://", "azure://", "abfs://", "abfss://")
PARALLEL = 16  # a remote answer takes tens of milliseconds

Result = TypeVar("Result")

_memories: dict[str, MemoryStore] = {}


class Objects:
    """The bytes of one store."""

    def __init__(self, url: str, *, create: bool = True) -> None:
        """Opens a path, a bucket's URL, or ``memory://[name]`` (of this process; without a name a new one)."""
        self.root: Path | None = None
        if url.startswith("memory://"):
            name = url.removeprefix("memory://").strip("/") or uuid.uuid4().hex
            self.url = f"memory://{name}"
            self._store: Any = _memories.setdefault(name, MemoryStore())
        elif url.startswith(REMOTE):
            self.url = url.rstrip("/")
            with _named(url, "open"):
                self._store = from_url(self.url)
        elif "://" in url and not url.startswith("file://"):
            raise UserError(f"--store {url}: expected a path, s3://, gs://, az:// or memory://")
        else:
            self.root = Path(url.removeprefix("file://")).expanduser().absolute()
            self.url = str(self.root)
            if self.root.is_file():
                raise UserError(f"--store {url}: is a file; a store is a folder")
            if not create and not self.root.is_dir():
                raise UserError(f"--store {url}: there is no such folder; a sweep makes one")
            with _named(url, "open"):
                self.root.mkdir(parents=True, exist_ok=True)
                self._store = LocalStore(self.root, automatic_cleanup=True)

    def name(self, key: str) -> str:
        """Returns what to call an object in a message: its path or URL."""
        return f"{self.url}/{key}"

    def put_once(self, key: str, data: bytes) -> bool:
        """Writes unless the key is taken; returns whether it wrote."""
        with _named(self.name(key), "write"):
            try:
                obstore.put(self._store, key, data, mode="create")
            except AlreadyExistsError:
                return False
        return True

    def put(self, key: str, data: bytes) -> None:
        """Writes or replaces."""
        with _named(self.name(key), "write"):
            obstore.put(self._store, key, data)

    def get(self, key: str) -> bytes | None:
        """Returns the bytes, or None."""
        with _named(self.name(key), "read"):
            try:
                return obstore.get(self._store, key).bytes().to_bytes()
            except FileNotFoundError:
                return None

    def get_many(self, keys: Iterable[str]) -> Iterator[bytes | None]:
        """Yields the bytes of each key in order; None for one that is not there (any more)."""
        return self._each(self.get, keys)

    def delete_many(self, keys: Iterable[str]) -> Iterator[None]:
        """Deletes each key; yields after each."""
        return self._each(self.delete, keys)

    def exists(self, key: str) -> bool:
        """Whether the key is there."""
        with _named(self.name(key), "read"):
            try:
                obstore.head(self._store, key)
            except FileNotFoundError:
                return False
        return True

    def keys(self, prefix: str) -> list[str]:
        """Returns the keys in a folder and below, sorted."""
        with _named(self.name(prefix), "list"):
            return sorted(entry["path"] for chunk in obstore.list(self._store, prefix) for entry in chunk)

    def size(self, prefix: str) -> int:
        """Returns the bytes in a folder and below."""
        with _named(self.name(prefix), "list"):
            return sum(int(entry["size"]) for chunk in obstore.list(self._store, prefix) for entry in chunk)

    def folders(self, prefix: str) -> list[str]:
        """Returns the names of the folders in a folder, sorted."""
        with _named(self.name(prefix), "list"):
            found = obstore.list_with_delimiter(self._store, prefix)["common_prefixes"]
        return sorted(path.rstrip("/").rpartition("/")[2] for path in found)

    def delete(self, key: str) -> None:
        """Deletes; a key that is not there is as good as deleted."""
        with _named(self.name(key), "delete"), suppress(FileNotFoundError):
            obstore.delete(self._store, key)

    def _each(self, action: Callable[[str], Result], keys: Iterable[str]) -> Iterator[Result]:
        if self.root is not None:  # threads cost more than they gain on a local disk
            yield from map(action, keys)
            return
        with ThreadPoolExecutor(PARALLEL) as pool:
            yield from pool.map(action, keys)

    def source(self, key: str) -> tuple[str | pa.PythonFile, LocalFileSystem | None]:
        """Returns what pyarrow reads ranges of an object from: a path and its file system, or a file."""
        if self.root is not None:
            return str(self.root / key), LocalFileSystem()
        with _named(self.name(key), "read"):
            return pa.PythonFile(_Ranges(obstore.open_reader(self._store, key)), mode="r"), None


class _Ranges:
    """A file of obstore with what pyarrow asks of one."""

    closed = False

    def __init__(self, reader: Any) -> None:
        self._reader = reader

    def read(self, size: int = -1) -> bytes:
        return bytes(self._reader.read(None if size < 0 else size))

    def seek(self, offset: int, whence: int = 0) -> int:
        return int(self._reader.seek(offset, whence))

    def tell(self) -> int:
        return int(self._reader.tell())

    def close(self) -> None:
        self.closed = True


@contextmanager
def _named(name: str, verb: str) -> Iterator[None]:
    """Turns a failure of the storage into one line that names the object."""
    try:
        yield
    except (BaseError, OSError, ValueError) as error:
        raise UserError(f"{name}: cannot {verb}: {str(error).splitlines()[0]}") from error

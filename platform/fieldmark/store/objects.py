"""Bytes under keys, on local disk, in memory, or in S3, GCS or Azure alike.

`put_once` is put-if-absent: of several writers one wins. No reader ever sees a part of an object. On local disk obstore
writes a file with a suffix like ``#1``, which listings leave out, and links it (put-if-absent) or renames it
(overwrite) to its name. Nothing is synced to the platter: a killed process loses nothing that was written, and what a
power cut tears is found and named when it is read.

What fails for a reason that may pass is tried again (`fieldmark.store.patience`). All operations are safe to repeat:
reading and listing change nothing; a deletion and a replacement end alike when done twice (each object that is replaced
has one writer at a time); and a put-if-absent that had worked, and whose answer alone was lost, finds its own bytes.
"""

import copy
import uuid
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Self, TypeVar

import obstore
import pyarrow as pa
from obstore.exceptions import AlreadyExistsError, BaseError
from obstore.store import LocalStore, MemoryStore, from_url
from pyarrow.fs import LocalFileSystem

from fieldmark.errors import UserError
from fieldmark.store.entries import Entry, entries_of, is_temporary, temporaries_in
from fieldmark.store.patience import Patience, Undecided, may_pass, reason_of
from fieldmark.store.ranges import Ranges
from fieldmark.store.remedy import remedy

REMOTE = ("s3://", "s3a://", "gs://", "az://", "azure://", "abfs://", "abfss://")
PARALLEL = 16  # a remote answer takes tens of milliseconds
HICCUP_S = 2.0
"""Seconds for which even a hasty command asks a remote store again: servers drop connections."""
_ASK_ONCE: Any = {"max_retries": 0}
"""Of obstore, which cannot tell whose bytes a put-if-absent finds when it asks again; `Patience` can."""

Result = TypeVar("Result")

_memories: dict[str, MemoryStore] = {}


class Objects:
    """The bytes of one store."""

    def __init__(self, url: str, *, create: bool = True, patience: Patience | None = None) -> None:
        """Opens a path, a bucket's URL, or ``memory://[name]`` (of this process; without a name a new one).

        Args:
            url: where.
            create: off: a folder that is not there is an error.
            patience: with what fails for a while; None: as the environment asks.
        """
        self.root: Path | None = None
        self.given = url
        """As a person has written it: a relative path means another folder on another machine."""
        self.patience = patience or Patience.from_environment()
        if url.startswith("memory://"):
            name = url.removeprefix("memory://").strip("/") or uuid.uuid4().hex
            self.url = f"memory://{name}"
            self._store: Any = _memories.setdefault(name, MemoryStore())
        elif url.startswith(REMOTE):
            self.url = url.rstrip("/")
            with _named(url, "open"):
                self._store = from_url(self.url, retry_config=_ASK_ONCE)
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

    def hasty(self) -> Self:
        """Returns the same objects for one who must not wait: at the start of a command, and for a lease's upkeep."""
        found = copy.copy(self)
        found.patience = Patience(HICCUP_S if self.url.startswith(REMOTE) else 0.0, say=lambda _: None)
        return found

    def patiently(self, key: str, verb: str, action: Callable[[], Result]) -> Result:
        """Returns what an action returns that is safe to repeat; it is repeated while its failure may pass.

        Raises:
            UserError: it failed; names the object.
        """
        name = self.name(key)
        with _named(name, verb):
            return self.patience.run(f"{name}: cannot {verb}", action)

    def outlast(self, key: str, action: Callable[[], Result]) -> Result:
        """Returns what a reader of Arrow's or NumPy's returns; what fails in it for good is the caller's to judge.

        Raises:
            UserError: it failed for a reason that may pass, for too long; names the object.
        """
        try:
            return self.patience.run(f"{self.name(key)}: cannot read", action)
        except OSError as error:
            if may_pass(error):
                raise UserError(f"{self.name(key)}: cannot read: {reason_of(error)}") from error
            raise

    def put_once(self, key: str, data: bytes) -> bool:
        """Writes unless the key is taken; returns whether it wrote."""
        tried = False

        def write() -> bool:
            nonlocal tried
            again, tried = tried, True
            try:
                obstore.put(self._store, key, data, mode="create")
            except AlreadyExistsError as error:
                found = self._read(key) if again or self.root is None else b""
                if found is None:
                    raise Undecided(reason_of(error)) from error
                return again and found == data  # what an earlier try wrote is ours, though its answer was lost
            return True

        return self.patiently(key, "write", write)

    def put(self, key: str, data: bytes) -> None:
        """Writes or replaces."""
        self.patiently(key, "write", lambda: obstore.put(self._store, key, data))

    def get(self, key: str) -> bytes | None:
        """Returns the bytes, or None."""
        return self.patiently(key, "read", lambda: self._read(key))

    def _read(self, key: str) -> bytes | None:
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

        def look() -> bool:
            try:
                obstore.head(self._store, key)
            except FileNotFoundError:
                return False
            return True

        return self.patiently(key, "read", look)

    def entries(self, prefix: str) -> list[Entry]:
        """Returns the objects in a folder and below (in the whole store for an empty one), sorted by their keys."""
        return entries_of(self._listed(prefix))

    def keys(self, prefix: str) -> list[str]:
        """Returns the keys in a folder and below, sorted."""
        return sorted(entry["path"] for entry in self._listed(prefix))

    def _listed(self, prefix: str) -> list[Any]:
        def look() -> list[Any]:
            return [entry for chunk in obstore.list(self._store, prefix or None) for entry in chunk]

        return self.patiently(prefix, "list", look)

    def top(self) -> list[Entry]:
        """Returns the objects that lie in no folder, sorted by their keys."""
        return entries_of(self.patiently("", "list", lambda: obstore.list_with_delimiter(self._store)["objects"]))

    def temporaries(self) -> list[Entry]:
        """Returns the files of a folder that were being written when they were last touched, which no listing shows."""
        return [] if self.root is None else temporaries_in(self.root)

    def delete_temporary(self, key: str) -> None:
        """Deletes one of `temporaries`."""
        assert self.root is not None and is_temporary(key), key
        file = self.root / key
        self.patiently(key, "delete", lambda: file.unlink(missing_ok=True))

    def size(self, prefix: str) -> int:
        """Returns the bytes in a folder and below."""
        return sum(int(entry["size"]) for entry in self._listed(prefix))

    def folders(self, prefix: str) -> list[str]:
        """Returns the names of the folders in a folder, sorted."""
        found = self.patiently(
            prefix, "list", lambda: obstore.list_with_delimiter(self._store, prefix)["common_prefixes"]
        )
        return sorted(path.rstrip("/").rpartition("/")[2] for path in found)

    def delete(self, key: str) -> None:
        """Deletes; a key that is not there is as good as deleted."""

        def remove() -> None:
            with suppress(FileNotFoundError):
                obstore.delete(self._store, key)

        self.patiently(key, "delete", remove)

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
        reader = self.patiently(key, "read", lambda: obstore.open_reader(self._store, key))
        return pa.PythonFile(Ranges(reader), mode="r"), None


@contextmanager
def _named(name: str, verb: str) -> Iterator[None]:
    """Turns a failure of the storage into one line that names the object."""
    try:
        yield
    except (BaseError, OSError, ValueError) as error:
        reason = reason_of(error)
        raise UserError(f"{name}: cannot {verb}: {reason}{remedy(name, reason)}") from error

"""`fieldmark doctor`: what this machine has, and whether the product can work on it."""

import importlib.metadata
import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from fieldmark.cli.common import STORE, JsonFlag, print_json

PINNED = ("ray", "optuna", "torch", "torchvision", "timm", "mlflow", "pyarrow", "obstore", "numpy", "pydantic")
GIB = 2**30


def doctor(
    *,
    store: Annotated[str, Parameter(help="Results store that shall be writable; it is not created.")] = STORE,
    json: JsonFlag = False,
) -> int:
    """Check versions, cores, memory, disk, shared memory, the store and the standard library's `platform`."""
    findings = [_python(), *map(_library, PINNED), _platform(), _cores(), _disk(), _shared_memory(), _store(store)]
    if json:
        print_json([{"check": name, "ok": ok, "found": found} for name, ok, found in findings])
    else:
        for name, ok, found in findings:
            print(f"{'ok  ' if ok else 'BAD '} {name:<14} {found}")
    return 0 if all(ok for _, ok, _ in findings) else 1


Finding = tuple[str, bool, str]


def _python() -> Finding:
    return "python", sys.version_info[:2] == (3, 11), sys.version.split()[0] + " (3.11 is tested)"


def _library(name: str) -> Finding:
    try:
        return name, True, importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return name, False, "not installed: run `make setup`"


def _platform() -> Finding:
    import platform

    ours = "fieldmark" in str(platform.__file__)
    return (
        "platform",
        not ours,
        f"{platform.__file__}: {'ours shadows the standard library' if ours else 'the standard library'}",
    )


def _cores() -> Finding:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / GIB
    return "machine", memory > 3, f"{os.cpu_count()} cores, {memory:.1f} GiB memory"


def _disk() -> Finding:
    free = shutil.disk_usage(Path.cwd()).free / GIB
    return "disk", free > 2, f"{free:.1f} GiB free here"


def _shared_memory() -> Finding:
    free = shutil.disk_usage("/dev/shm").free / GIB if Path("/dev/shm").exists() else 0.0
    return "shared memory", free > 0.5, f"{free:.1f} GiB free; Ray's object store lives there"


def _store(url: str) -> Finding:
    if "://" in url:
        return "store", True, f"{url}: checked when a sweep starts"
    folder = Path(url)
    if folder.is_file():
        return "store", False, f"{url}: is a file; a store is a folder"
    while not folder.exists():
        folder = folder.parent
    try:
        with tempfile.NamedTemporaryFile(dir=folder):
            return "store", True, f"{url}: writable"
    except OSError as error:
        return "store", False, f"{url}: {error.strerror}"

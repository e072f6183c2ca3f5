"""What is asked of each node. These functions travel by value: a node may have another fieldmark, or none.

So only the standard library is imported here, and answers are plain values.
"""

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any


class Prober:
    """An actor of one node."""

    def run(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """Returns what the function returns there."""
        return function(*arguments)


def now() -> float:
    """Returns this node's clock: Unix time, seconds."""
    return time.time()


def listening() -> list[int]:
    """Returns the TCP ports that this process listens on, beyond loopback."""
    own = set()
    for entry in os.listdir("/proc/self/fd"):
        try:
            own.add(os.readlink(f"/proc/self/fd/{entry}"))
        except OSError:
            continue
    ports = set()
    for table in ("/proc/self/net/tcp", "/proc/self/net/tcp6"):
        for line in Path(table).read_text().splitlines()[1:] if os.path.exists(table) else ():
            fields = line.split()
            listens, loopback = fields[3] == "0A", fields[1].startswith("0100007F:")
            if listens and not loopback and f"socket:[{fields[9]}]" in own:
                ports.add(int(fields[1].rpartition(":")[2], 16))
    return sorted(ports)


def software() -> dict[str, Any]:
    """Returns Python's version, every installed distribution's, and the digest of the product's source."""
    import importlib.metadata
    import platform
    import re

    found: dict[str, str] = {}
    for distribution in importlib.metadata.distributions():
        if distribution.metadata["Name"]:
            # The first on the path is what is imported.
            found.setdefault(re.sub(r"[-_.]+", "-", distribution.metadata["Name"]).lower(), distribution.version)
    return {"python": platform.python_version(), "libraries": found, "source": source_digest()}


def source_digest() -> str:
    """Returns a digest of the product's source."""
    import hashlib
    import importlib.util

    total = hashlib.sha256()
    for package in ("fieldmark", "search_spaces"):
        spec = importlib.util.find_spec(package)
        for folder in sorted(spec.submodule_search_locations or ()) if spec else ():
            for path in sorted(Path(folder).rglob("*.py")):
                total.update(f"{package}/{path.relative_to(folder)}\0".encode() + path.read_bytes())
    return total.hexdigest()[:16]


def machine(folders: dict[str, str], ray_files: str) -> dict[str, Any]:
    """Returns disks, memory, GPUs and the address of the node's own name.

    Args:
        folders: what each is, to its path; of one that is not there the nearest that is above it counts.
        ray_files: folder of Ray's sessions.
    """
    base = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    cache = os.environ.get("FIELDMARK_CACHE") or os.path.join(base, "fieldmark")
    folders = {**folders, "Ray's files": ray_files, "cache": cache}
    memory = dict(line.split(":", 1) for line in Path("/proc/meminfo").read_text().splitlines())
    try:
        named_by = socket.gethostbyname(socket.gethostname())
    except OSError:
        named_by = ""
    return {
        "disks": [_disk(what, path) for what, path in folders.items()],
        "memory_free": 1024 * int(memory["MemAvailable"].split()[0]),
        "memory_total": 1024 * int(memory["MemTotal"].split()[0]),
        "gpus": _gpus(),
        "torch_cuda": _torch_cuda(),
        "named_by": named_by,
    }


def _disk(what: str, path: str) -> dict[str, Any]:
    folder = Path(path)
    while not folder.exists():
        folder = folder.parent
    usage = shutil.disk_usage(folder)
    return {"what": what, "path": path, "free": usage.free, "total": usage.total}


def _gpus() -> list[dict[str, Any]]:
    command = ["nvidia-smi", "--query-gpu=name,memory.total,driver_version", "--format=csv,noheader,nounits"]
    try:
        said = subprocess.run(command, capture_output=True, text=True, check=True, timeout=20).stdout
    except (OSError, subprocess.SubprocessError):
        return []
    rows = [[field.strip() for field in line.split(",")] for line in said.splitlines() if line.strip()]
    return [{"name": name, "memory": int(mebibytes) * 2**20, "driver": driver} for name, mebibytes, driver in rows]


def _torch_cuda() -> str:
    """Reads what torch was built for without importing it, which would cost seconds and half a gigabyte."""
    import importlib.util

    spec = importlib.util.find_spec("torch")
    if spec is None or spec.origin is None:
        return ""
    text = (Path(spec.origin).parent / "version.py").read_text()
    line = next((line for line in text.splitlines() if line.startswith("cuda")), "")
    value = line.partition("=")[2].strip().strip("'\"")
    return "" if value == "None" else value


def connect(targets: Sequence[tuple[str, int]], patience: float) -> list[str]:
    """Returns for each address and port why it cannot be reached within so many seconds, or nothing."""
    with ThreadPoolExecutor(32) as pool:
        return list(pool.map(lambda target: _connect(target[0], target[1], patience), targets))


def _connect(address: str, port: int, patience: float) -> str:
    try:
        with socket.create_connection((address, port), timeout=patience):
            return ""
    except TimeoutError:
        return f"no answer within {patience:g} s"
    except OSError as error:
        return (error.strerror or str(error)).lower()

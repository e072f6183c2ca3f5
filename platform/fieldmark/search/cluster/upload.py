"""What a submitted job takes along: the project's own code and nothing else, shown and limited."""

import os
import subprocess
import zipfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from fieldmark.errors import UserError

PARTS = ("platform", "search_spaces", "jobs", "pyproject.toml", "constraints.txt")
"""What of a project is uploaded; data, runs, reports, documents, tests and environments are not."""
SOURCE_ROOT = "platform/"
MEGABYTE = 1_000_000
SHOWN = 10
"""So many of the largest files are named when there is too much."""
_EPOCH = (1980, 1, 1, 0, 0, 0)


@dataclass(frozen=True, slots=True)
class UploadFile:
    """A file of the project."""

    path: str
    """From the project's folder, with forward slashes."""
    size: int
    """Bytes."""

    @property
    def place(self) -> str:
        """Where it lies on the cluster: packages lie at the top, which Ray puts on PYTHONPATH before all else.

        So they are found before an installed `fieldmark`, be it in site-packages or by an editable install's finder.
        """
        return self.path.removeprefix(SOURCE_ROOT)


@dataclass(frozen=True, slots=True)
class Upload:
    """What is uploaded."""

    root: Path
    files: tuple[UploadFile, ...]

    @property
    def size(self) -> int:
        """Bytes, before compression."""
        return sum(file.size for file in self.files)

    def largest(self) -> list[UploadFile]:
        """Returns the ten largest files, the largest first."""
        return sorted(self.files, key=lambda file: (-file.size, file.path))[:SHOWN]

    def check(self, limit: float) -> None:
        """Looks at the size.

        Args:
            limit: in megabytes.

        Raises:
            UserError: there is more; it names the largest files.
        """
        if self.size <= limit * MEGABYTE:
            return
        largest = ", ".join(f"{file.path} ({in_megabytes(file.size)})" for file in self.largest())
        raise UserError(
            f"{self.root}: {in_megabytes(self.size)} to upload, expected at most {limit:g} MB (--upload-limit); data "
            f"belongs on the nodes or in a bucket. The largest: {largest}"
        )

    def write(self, archive: Path) -> None:
        """Writes the zip archive; the same files make the same bytes, so that nothing is uploaded twice."""
        with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as target:
            for file in self.files:
                entry = zipfile.ZipInfo(file.place, _EPOCH)
                entry.external_attr = 0o644 << 16
                target.writestr(entry, (self.root / file.path).read_bytes(), zipfile.ZIP_DEFLATED)


def collect(script: Path, arguments: Sequence[str] = ()) -> Upload:
    """Returns what a job needs of the project that its script belongs to.

    That is of `PARTS` what git tracks or would track (without git: all but caches and environments), the script
    itself, and the project's files that the arguments name, such as a fusion of one's own.

    Raises:
        UserError: there is no such script, or it belongs to no project.
    """
    if not script.is_file():
        raise UserError(f"{script}: there is no such script; expected one such as jobs/sweep_priorsnet.py")
    root = _project_of(script)
    parts = [part for part in PARTS if (root / part).exists()]
    named = [script, *(Path(one.rpartition("=")[2]) for one in arguments)]
    paths = {*(_by_git(root, parts) or _by_walking(root, parts)), *_inside(root, named)}
    return Upload(root, tuple(UploadFile(path, (root / path).stat().st_size) for path in sorted(paths)))


def in_megabytes(size: int) -> str:
    """Returns bytes as people read them."""
    return f"{size / MEGABYTE:.1f} MB" if size >= MEGABYTE / 10 else f"{size / 1000:.1f} kB"


def _project_of(script: Path) -> Path:
    for folder in script.resolve().parents:
        if (folder / "pyproject.toml").is_file():
            return folder
    raise UserError(f"{script}: no folder above it holds a pyproject.toml; expected a script of the project")


def _by_git(root: Path, parts: Sequence[str]) -> list[str]:
    """Returns what git tracks or would track (a new file is not forgotten); nothing where there is no git."""
    command = ["git", "-C", str(root), "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", *parts]
    try:
        listed = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout
    except (OSError, subprocess.SubprocessError):
        return []
    return [path for path in listed.split("\0") if path and (root / path).is_file()]


def _by_walking(root: Path, parts: Sequence[str]) -> Iterable[str]:
    for part in parts:
        if (root / part).is_file():
            yield part
            continue
        for name, below, names in os.walk(root / part):
            folder = Path(name)
            below[:] = [one for one in below if not _is_left_out(folder / one)]
            yield from ((folder / one).relative_to(root).as_posix() for one in names if not one.endswith(".pyc"))


def _is_left_out(folder: Path) -> bool:
    hidden = folder.name.startswith(".") or folder.name == "__pycache__" or folder.suffix == ".egg-info"
    return hidden or (folder / "pyvenv.cfg").exists()


def _inside(root: Path, named: Iterable[Path]) -> Iterable[str]:
    for path in named:
        whole = path.resolve()
        if whole.is_file() and whole.is_relative_to(root):
            yield whole.relative_to(root).as_posix()

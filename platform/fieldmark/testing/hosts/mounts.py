"""What a host sees of the machine's files: all of them, but its own home, temporary folders, names and processes."""

import os
import pwd
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from fieldmark.testing.hosts.kernel import program

OWN = "/run/host"
"""Where a host sees the folder of its own settings (sshd, names)."""
KEPT = "/run/kept"
TEMPORARY = "size=4g,mode=1777"
PROJECT = "fieldmark-project"
"""The folder below its home in which a host has the project.

Never `fieldmark`: a program that lies in the home (as `ray submit` puts it) would import that folder as a package
without code, in place of the real one.
"""


def home_folder() -> Path:
    """Returns the user's home, which every host has an own one of."""
    return Path(pwd.getpwuid(os.getuid()).pw_dir)


@dataclass(frozen=True)
class View:
    """What goes into a host's mount namespace."""

    home: Path
    """Put over the user's home."""
    own: Path
    """The host's settings: `hosts`, `hostname`, `resolv.conf`, sshd's."""
    shared: Path
    """Seen by all hosts at the same path."""
    source: Path
    """The checkout whose `.venv` the host has."""
    environment: Path | None
    """What the host changes of the environment; None on the laptop, which has the checkout's own."""

    def commands(self) -> list[list[str]]:
        """Returns the commands, in order, that make it."""
        home, environment = home_folder(), self.source / ".venv"
        kept = _hidden([self.shared, self.source, Path(sys.base_prefix).resolve()], home)
        steps = [_temporary("/run", "mode=755"), _folder("/run/sshd", KEPT), *_bind(self.own, OWN)]
        if self.environment is not None:
            steps.append(_layer(environment, self.environment))
        for number, path in enumerate([self.home, *kept]):
            steps += _bind(path, f"{KEPT}/{number}")
        steps += [_temporary("/tmp", TEMPORARY), _temporary("/dev/shm", TEMPORARY)]
        for number, path in enumerate([home, *kept]):
            steps += [_folder(str(path)), [program("mount"), "--move", f"{KEPT}/{number}", str(path)]]
        if self.environment is not None:
            steps += _bind(environment, f"{home}/{PROJECT}/.venv")
        for name in ("hosts", "resolv.conf", "hostname"):
            steps.append([program("mount"), "--bind", f"{OWN}/{name}", f"/etc/{name}"])
        return [*steps, [program("mount"), "-t", "proc", "proc", "/proc"]]


def make_environment(source: Path, folder: Path) -> None:
    """Prepares a host's own layer over the environment, in which the package is the copy in the host's home."""
    environment = source / ".venv"
    found = sorted((environment / "lib").glob("python3*/site-packages/__editable___fieldmark_*_finder.py"))
    assert len(found) == 1, f"{environment} holds no editable install of fieldmark: make setup"
    text, here = found[0].read_text(), f"'{source}/"
    assert here in text, f"{found[0]} does not map to {source}"
    mine = folder / "changes" / found[0].relative_to(environment)
    for below in (mine.parent, folder / "work"):
        below.mkdir(parents=True, exist_ok=True)
    mine.write_text(text.replace(here, f"'{home_folder()}/{PROJECT}/"))


def _hidden(paths: Sequence[Path], home: Path) -> list[Path]:
    """Returns those below folders that a host has its own of, outermost first and none twice."""
    private = [home, Path("/tmp"), Path("/dev/shm")]
    below = sorted({path for path in paths if any(path.is_relative_to(folder) for folder in private)})
    return [path for path in below if not any(path != other and path.is_relative_to(other) for other in below)]


def _temporary(path: str, options: str) -> list[str]:
    return [program("mount"), "-t", "tmpfs", "-o", options, "temporary", path]


def _folder(*paths: str) -> list[str]:
    return [program("mkdir"), "-p", *paths]


def _bind(source: Path, target: str) -> list[list[str]]:
    return [_folder(target), [program("mount"), "--rbind", str(source), target]]


def _layer(path: Path, folder: Path) -> list[str]:
    options = f"lowerdir={path},upperdir={folder}/changes,workdir={folder}/work"
    return [program("mount"), "-t", "overlay", "-o", options, "environment", str(path)]

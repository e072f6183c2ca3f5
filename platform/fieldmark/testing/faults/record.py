"""What an injected fault did, one line of JSON an injection, so that a loop that is cut off goes on."""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Injection:
    """A fault that was injected, and what came of it."""

    kind: str
    at: float
    """Seconds from the start of the command to the fault."""
    what: str
    """The victim, or the point in the code."""
    recovered_seconds: float | None
    """From the fault until what it undid was done, as `summary.page` says for each kind; None: it undid nothing."""
    lost: dict[str, float] = field(default_factory=dict)
    """What was lost for good, e.g. `runs`, and what had to be done again, e.g. `epochs_again`."""
    drawn_from: str = ""
    """The seed of its moment and its victim."""
    revision: str = ""
    """Of the source."""
    checks: tuple[str, ...] = ()
    """What was found to hold at the end of the sweep that it was injected into."""


def append(file: Path, *injections: Injection) -> None:
    """Adds injections to a file, as whole lines at once."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("a") as lines:
        lines.write("".join(json.dumps(asdict(one)) + "\n" for one in injections))


def load(file: Path) -> list[Injection]:
    """Returns the injections of a file; none where there is no file. A line torn by a kill is left out."""
    found = []
    for line in file.read_text().splitlines() if file.exists() else ():
        try:
            known: dict[str, Any] = json.loads(line)
        except ValueError:
            continue
        found.append(Injection(**{**known, "checks": tuple(known["checks"])}))
    return found

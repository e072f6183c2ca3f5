"""What looking at the pictures of a data set found: kept in the store, so that a run that is done can say it again."""

from typing import TYPE_CHECKING

from pydantic import BaseModel

if TYPE_CHECKING:
    from fieldmark.data.images.report import ImageReport
    from fieldmark.store import Store


class Seen(BaseModel):
    """Which records and pictures were left out."""

    bad: int = 0
    """Pictures."""
    lines: list[str] = []


def keep_seen(store: "Store", fingerprint: str, report: "ImageReport") -> Seen:
    """Keeps a report, and returns it."""
    seen = Seen(bad=len(report.bad), lines=report.lines())
    store.put(_key(fingerprint), seen.model_dump_json().encode())
    return seen


def read_seen(store: "Store", fingerprint: str) -> Seen:
    """Returns what was kept, or nothing."""
    data = store.get(_key(fingerprint))
    return Seen() if data is None else Seen.model_validate_json(data)


def _key(fingerprint: str) -> str:
    return f"pictures/{fingerprint}.json"

"""`fieldmark gc`: delete what no record needs any more."""

import json as json_module
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter
from pydantic import BaseModel, ConfigDict

from fieldmark.cli.common import STORE, JsonFlag, StoreFlag, open_existing, print_json

if TYPE_CHECKING:
    from fieldmark.data.images.unused import UnusedPack

DryRun = Annotated[bool, Parameter(name="--dry-run", negative=(), help="Only show what would go.")]
Stages = Annotated[
    bool, Parameter(negative=(), help="Also stages that no planned or recorded run names, and unfinished ones.")
]
Retracted = Annotated[bool, Parameter(negative=(), help="Also weights and probabilities of retracted runs.")]
Cache = Annotated[bool, Parameter(negative=(), help="Also this machine's packed images, unread for 30 days.")]


class Row(BaseModel):
    """Objects of one kind."""

    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)

    what: str
    """The kind, e.g. `checkpoints`."""
    number: int
    """How many objects; for `packed images` how many packs."""
    bytes: int
    why: str
    """Why they may go, for people."""


class GcResult(BaseModel):
    """What was found, and whether it was deleted."""

    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)

    deleted: bool
    """False for `--dry-run`."""
    garbage: list[Row]
    """Kinds of which there is nothing are left out."""
    driven: list[str]
    """Ids of the sweeps and runs that were being driven, and of which nothing goes."""


def gc(
    *,
    store: StoreFlag = STORE,
    dry_run: DryRun = False,
    stages: Stages = False,
    retracted: Retracted = False,
    cache: Cache = False,
    json: JsonFlag = False,
) -> None:
    """Delete what no record needs any more, having shown it. Of a sweep that is being driven nothing goes."""
    from fieldmark.store.garbage import Collector
    from fieldmark.store.living import driven, lease_marks

    opened = open_existing(store)
    marks = lease_marks(opened.objects)
    living = driven(opened.objects, say=lambda line: print(line, file=sys.stderr))
    collector = Collector(opened, living, marks)
    found = collector.find(stages=stages, retracted=retracted)
    packs = _packs() if cache else []
    rows = [Row(what=one.what, number=len(one.entries), bytes=one.bytes, why=one.why) for one in found]
    if packs:
        size = sum(pack.bytes for pack in packs)
        why = f"in {packs[0].folder.parent}, unread for 30 days"
        rows.append(Row(what="packed images", number=len(packs), bytes=size, why=why))
    if not json:
        _show(rows, sorted(living), dry_run=dry_run)
    if not dry_run:
        for _ in collector.delete(found):
            pass
        for pack in packs:
            pack.delete()
    if json:
        print_json(GcResult(deleted=not dry_run, garbage=rows, driven=sorted(living)).model_dump(mode="json"))


def schema_text() -> str:
    """Returns the JSON schema of `--json`, as docs/reference/gc.schema.json holds it."""
    return json_module.dumps(GcResult.model_json_schema(), indent=2) + "\n"


def _packs() -> "Sequence[UnusedPack]":
    from fieldmark.data.images.unused import unused_packs

    return unused_packs()


def _show(rows: Sequence[Row], living: Sequence[str], *, dry_run: bool) -> None:
    from fieldmark.store.retention import in_bytes

    if living:
        print(f"left alone, as they are being driven: {', '.join(one[:10] for one in living)}, and what may be theirs")
    if not rows:
        print("nothing to delete")
        return
    total = in_bytes(sum(row.bytes for row in rows))
    cells = [("what", "number", "bytes", "why")]
    cells += [(row.what, f"{row.number:,}", in_bytes(row.bytes), row.why) for row in rows]
    widths = [max(len(line[column]) for line in cells) for column in range(3)]
    for what, number, size, why in cells:
        print(f"{what.ljust(widths[0])}  {number.rjust(widths[1])}  {size.rjust(widths[2])}  {why}")
    print(f"{'would free' if dry_run else 'frees'} {total}", flush=True)


if __name__ == "__main__":
    print(schema_text(), end="")

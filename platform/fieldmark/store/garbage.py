"""What no record needs any more, found and deleted.

Each object that goes could be missing without anybody noticing, so a deletion cut off anywhere leaves a whole store;
a stage's manifest goes before its arrays. Of a sweep that is being driven nothing goes; what cannot be told apart from
that of a sweep that is being driven stays, too. Whoever begins to drive one meanwhile ends the deletion.
"""

import time
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from fieldmark.errors import UserError
from fieldmark.store import layout
from fieldmark.store.commit import read_json
from fieldmark.store.entries import Entry
from fieldmark.store.faults import fault_point
from fieldmark.store.living import lease_marks
from fieldmark.store.needed import Needed
from fieldmark.store.store import Store

ABANDONED_S = 3600.0
"""A file that a writer has not touched for so long has no writer."""
LOOK_EVERY = 20
"""Deletions between two looks for new drivers: a look lists all leases, which in a bucket takes longer than one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Garbage:
    """Objects of one kind that may go, in the order in which they do."""

    what: str
    entries: tuple[Entry, ...]
    why: str
    temporary: bool = False
    """Files beside the objects, which no listing shows."""
    welcome: bool = False
    """A sweep that begins could take them up, so that one looks for new drivers before each."""

    @property
    def bytes(self) -> int:
        """How much it takes."""
        return sum(entry.bytes for entry in self.entries)


class Collector:
    """Looks through a store once and deletes what it found then."""

    def __init__(
        self, store: Store, living: Collection[str], marks: Collection[str], *, now: Callable[[], float] = time.time
    ) -> None:
        """Looks at nothing yet.

        Args:
            store: where.
            living: ids of the sweeps and runs that are being driven (`fieldmark.store.living.driven`).
            marks: `lease_marks` of before anybody looked for drivers, which takes a while.
            now: a Unix clock.
        """
        self._store, self._objects, self._living, self._now = store, store.objects, frozenset(living), now
        self._marks = frozenset(marks)

    @cached_property
    def _needed(self) -> Needed:
        return Needed(self._store)

    def find(self, *, stages: bool = False, retracted: bool = False) -> list[Garbage]:
        """Returns what may go, without what there is none of.

        Args:
            stages: include stages that no planned or recorded run names, and what killed makers left of others.
            retracted: include weights and whole probabilities of retracted runs.
        """
        found = [
            Garbage(what="checkpoints", entries=self._checkpoints(), why="their runs are recorded"),
            Garbage(what="plans", entries=self._plans(), why="newer revisions replace them"),
            Garbage(what="leases", entries=self._leases(), why="newer drivers replace them"),
            Garbage(what="probes", entries=self._probes(), why="left by a check of the store that was killed"),
        ]
        if not self._living:  # what says of no object whose it is
            why = f"their writers were killed: untouched for {ABANDONED_S / 3600:g} h"
            found += [
                Garbage(what="temporary files", entries=self._temporary(), why=why, temporary=True),
                Garbage(what="Ray Train", entries=self._ray(), why="left by trainings that were killed"),
            ]
            if stages:
                why = "no planned or recorded run names them"
                found.append(Garbage(what="stages", entries=self._stages(), why=why, welcome=True))
            if retracted:
                found.append(
                    Garbage(what="retracted", entries=self._retracted(), why="of retracted runs", welcome=True)
                )
        return [one for one in found if one.entries]

    def delete(self, found: Sequence[Garbage]) -> Iterator[Entry]:
        """Deletes what was found; yields after each object.

        Raises:
            UserError: a driver has begun or ended since `marks`; says how much was deleted until then.
        """
        done, total = 0, sum(len(garbage.entries) for garbage in found)
        for garbage in found:
            for index, entry in enumerate(garbage.entries):
                if garbage.welcome or index % LOOK_EVERY == 0:
                    self._look_for_drivers(f"{done:,} of {total:,} objects were deleted")
                done += 1
                if garbage.temporary:
                    self._objects.delete_temporary(entry.key)
                else:
                    self._objects.delete(entry.key)
                fault_point("gc.deleted")
                yield entry

    def _look_for_drivers(self, so_far: str) -> None:
        if not lease_marks(self._objects) <= self._marks:  # fewer are no sign: old ones are deleted here
            raise UserError(f"{self._store.url}: a sweep began or ended meanwhile, and {so_far}; try again")

    def _in(self, folder: str) -> tuple[Entry, ...]:
        return tuple(self._objects.entries(folder))

    def _by_folder(self, folder: str) -> dict[str, list[Entry]]:
        """Returns the objects in a folder by the folders (or objects) in it."""
        found: dict[str, list[Entry]] = {}
        for entry in self._in(folder):
            found.setdefault(entry.key.split("/")[1], []).append(entry)
        return found

    def _abandoned(self, *entries: Entry) -> bool:
        """Whether nobody has written any of them for `ABANDONED_S` seconds."""
        return self._now() - max(one.modified.timestamp() for one in entries) > ABANDONED_S

    def _checkpoints(self) -> tuple[Entry, ...]:
        sweeps = self._needed.sweep_of
        return tuple(
            entry
            for entry in self._in(layout.CHECKPOINTS)
            if (run_id := entry.key.split("/")[1]) in sweeps and not self._may_be_driven(run_id, sweeps[run_id])
        )

    def _may_be_driven(self, run_id: str, sweep: str) -> bool:
        """Whether a run may be one of a sweep that is being driven; records of a reproduction name none."""
        return bool(self._living) and (run_id in self._living or sweep in self._living or not sweep)

    def _plans(self) -> tuple[Entry, ...]:
        return tuple(self._superseded(lambda key: "/plan-" in key, layout.SWEEPS))

    def _leases(self) -> tuple[Entry, ...]:
        of_sweeps = self._superseded(lambda key: "/lease/" in key, layout.SWEEPS)
        return (*of_sweeps, *self._superseded(lambda _: True, layout.RUN_LEASES))

    def _superseded(self, mine: Callable[[str], bool], folder: str) -> Iterator[Entry]:
        """Yields the objects that are numbered lower than others of their folder; the newest number always stays."""
        entries = [one for one in self._in(folder) if mine(one.key) and one.key.split("/")[1] not in self._living]
        newest: dict[str, str] = {}
        for one in entries:
            if one.key.endswith(".json"):
                place = one.key.rpartition("/")[0]
                newest[place] = max(newest.get(place, ""), layout.stem(one.key))
        yield from (one for one in entries if layout.stem(one.key) < newest.get(one.key.rpartition("/")[0], ""))

    def _probes(self) -> tuple[Entry, ...]:
        probes = (one for one in self._objects.top() if one.key.startswith(layout.PROBE))
        return tuple(one for one in probes if self._abandoned(one))

    def _temporary(self) -> tuple[Entry, ...]:
        return tuple(one for one in self._objects.temporaries() if self._abandoned(one))

    def _ray(self) -> tuple[Entry, ...]:
        trainings = self._by_folder(layout.RAY).values()
        return tuple(entry for entries in trainings if self._abandoned(*entries) for entry in entries)

    def _stages(self) -> tuple[Entry, ...]:
        stages = self._by_folder(layout.STAGES).items()
        return tuple(entry for key, entries in stages for entry in self._of_stage(key, entries))

    def _of_stage(self, key: str, entries: list[Entry]) -> list[Entry]:
        """Returns what may go of a stage: all of it, its manifest first, or what its manifest does not name."""
        manifest = f"{layout.STAGES}/{key}/manifest.json"
        if all(entry.key != manifest for entry in entries):
            return entries if self._abandoned(*entries) else []  # somebody may be making it
        read = read_json(self._objects, manifest)
        used = {manifest, *(f"{layout.STAGES}/{key}/{file}" for file in read["arrays"].values())}
        if not read["arrays"] or self._needed.stage(key, read["meta"]):  # one without arrays is a few bytes
            return [entry for entry in entries if entry.key not in used]
        return sorted(entries, key=lambda entry: entry.key != manifest)

    def _retracted(self) -> tuple[Entry, ...]:
        keys = self._needed.only_retracted()
        entries = [*self._in(layout.WEIGHTS), *self._in(layout.PROBABILITIES)]
        return tuple(one for one in entries if one.key in keys)

"""The store's one door: immutable records written once, read as two flat tables."""

import json
from collections.abc import Sequence
from typing import Self

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from fieldmark.errors import UserError
from fieldmark.store import compaction, layout
from fieldmark.store.belongings import Belongings
from fieldmark.store.catalogue import Catalogue
from fieldmark.store.commit import Conflict, commit, read_conflicts, read_json
from fieldmark.store.faults import fault_point
from fieldmark.store.flat import EVALUATIONS, RUNS, parse
from fieldmark.store.objects import Objects
from fieldmark.store.records import FORMAT, EvaluationRecord, RunRecord


class Store(Belongings):
    """Runs, evaluations and what belongs to them. Any number of processes may read and write one store at once."""

    def __init__(self, objects: Objects) -> None:
        """Takes opened objects; see `open`."""
        super().__init__(objects)
        self._runs = Catalogue(objects, RUNS)
        self._evaluations = Catalogue(objects, EVALUATIONS)

    @classmethod
    def open(cls, url: str, *, create: bool = True, patient: bool = False) -> Self:
        """Opens a store, and makes it where there is none.

        Args:
            url: a path, ``s3://``, ``gs://``, ``az://`` or ``memory://``.
            create: off: where there is none it is an error and nothing is written.
            patient: whether to wait for one that cannot be used just now: a worker of a sweep that is under way does,
                a command that is just starting does not.

        Raises:
            UserError: where it cannot be read or written, or was written by a newer release.
        """
        objects = Objects(url, create=create)
        opened = objects if patient else objects.hasty()
        mark = opened.get(layout.FORMAT)
        if mark is None and not create:
            raise UserError(
                f"--store {url}: there is no store (no {layout.FORMAT} in it); name the folder or bucket that was the "
                "--store of a sweep or training"
            )
        if mark is None:
            opened.put_once(layout.FORMAT, json.dumps({"product": "fieldmark", "format": FORMAT}).encode())
            fault_point("open.format")
        found = read_json(opened, layout.FORMAT).get("format")
        if not isinstance(found, int) or found > FORMAT:
            raise UserError(f"--store {url}: its format is {found}, but this release reads up to {FORMAT}; update")
        return cls(objects)

    def hasty(self) -> Self:
        """Returns the same store for one who must not wait while it cannot be used, e.g. who checks whether it can."""
        return type(self)(self.objects.hasty())

    def probe(self) -> None:
        """Writes an object, reads it back and deletes it; does not wait.

        Raises:
            UserError: where that fails.
        """
        hasty = self.objects.hasty()
        hasty.put(layout.PROBE, b"fieldmark")
        if hasty.get(layout.PROBE) not in (b"fieldmark", None):  # None: another process has just done the same
            raise UserError(f"--store {self.url}: what was written is not what is read")
        hasty.delete(layout.PROBE)

    # Recording

    def has_run(self, run_id: str) -> bool:
        """Whether this run is recorded, whatever its status, retracted or not."""
        return self._runs.has(run_id)

    def has_evaluation(self, evaluation_id: str) -> bool:
        """Whether this evaluation is recorded."""
        return self._evaluations.has(evaluation_id)

    def commit_run(self, record: RunRecord, *, curve: pa.Table | None = None) -> bool:
        """Records a run once; returns False where it was recorded before (see `conflicts`)."""
        artifact = None if curve is None else (layout.curve(record.run_id), curve)
        return commit(self.objects, self._runs, record, operation="commit_run", artifact=artifact)

    def commit_evaluation(self, record: EvaluationRecord, *, predictions: pa.Table | None = None) -> bool:
        """Records an evaluation once; returns False where it was recorded before (see `conflicts`)."""
        artifact = None if predictions is None else (layout.predictions(record.evaluation_id), predictions)
        return commit(self.objects, self._evaluations, record, operation="commit_evaluation", artifact=artifact)

    def retract(self, run_id: str, reason: str) -> None:
        """Hides a run, and every evaluation that contains it, by a tombstone; nothing is deleted.

        Raises:
            UserError: where there is no such run.
        """
        self.run(run_id)
        self.objects.put_once(layout.retraction(run_id), json.dumps({"run_id": run_id, "reason": reason}).encode())
        fault_point("retract.written")

    # Reading

    def run(self, run_id: str) -> RunRecord:
        """Returns a run's record, retracted or not.

        Raises:
            UserError: where there is none, or it is damaged.
        """
        record = self._runs.record(run_id)
        if not isinstance(record, RunRecord):
            raise UserError(f"no run {run_id} in {self.url}")
        return record

    def evaluation(self, evaluation_id: str) -> EvaluationRecord:
        """Returns an evaluation's record.

        Raises:
            UserError: where there is none, or it is damaged.
        """
        record = self._evaluations.record(evaluation_id)
        if not isinstance(record, EvaluationRecord):
            raise UserError(f"no evaluation {evaluation_id} in {self.url}")
        return record

    def curve(self, run_id: str) -> pa.Table | None:
        """Returns a run's figures by epoch, or None."""
        return self._parquet(layout.curve(run_id))

    def predictions(self, evaluation_id: str) -> pa.Table | None:
        """Returns an evaluation's rows, one a record scored, or None."""
        return self._parquet(layout.predictions(evaluation_id))

    def runs(
        self,
        columns: Sequence[str] | None = None,
        where: pc.Expression | None = None,
        *,
        retracted: bool = False,
        strict: bool = True,
    ) -> pa.Table:
        """Returns the runs as a flat table (columns: `fieldmark.store.flat`), as they are now.

        Args:
            columns: which; None means all but `record`, the full JSON.
            where: a condition on any columns, e.g. ``pc.field("dataset") == "world"``.
            retracted: whether to include retracted runs.
            strict: a damaged segment or record raises UserError; off: it is passed over (and named by `problems`).
        """
        return self._table(self._runs, columns, where, retracted, strict)

    def evaluations(
        self,
        columns: Sequence[str] | None = None,
        where: pc.Expression | None = None,
        *,
        views: bool = False,
        retracted: bool = False,
        strict: bool = True,
    ) -> pa.Table:
        """Returns the evaluations as a flat table; see `runs`.

        With `views` those come too that showed a run's pictures in another way than the run itself did, e.g. larger:
        they are measurements of their own, and no table or bound may mix them with the run's.
        """
        if not views:
            own = pc.field("view").is_null()
            where = own if where is None else where & own
        return self._table(self._evaluations, columns, where, retracted, strict)

    def run_records(self, where: pc.Expression | None = None) -> list[RunRecord]:
        """Returns whole records of the matching runs, in the order of their numbers in their sweeps."""
        order = [("number", "ascending"), ("run_id", "ascending")]
        found = self.runs(["number", "run_id", "record"], where).sort_by(order)
        records = (parse(RUNS, text) for text in found["record"].to_pylist())
        return [record for record in records if isinstance(record, RunRecord)]

    def evaluation_records(self, where: pc.Expression | None = None, *, views: bool = False) -> list[EvaluationRecord]:
        """Returns whole records of the matching evaluations, in the order of their ids; `views` as in `evaluations`."""
        found = self.evaluations(["evaluation_id", "record"], where, views=views).sort_by("evaluation_id")
        records = (parse(EVALUATIONS, text) for text in found["record"].to_pylist())
        return [record for record in records if isinstance(record, EvaluationRecord)]

    def refresh(self) -> None:
        """Reads what is new. `runs` and `evaluations` do so by themselves."""
        self._runs.refresh()
        self._evaluations.refresh()

    def retractions(self) -> dict[str, str]:
        """Returns the retracted runs' ids with the reasons."""
        keys = self.objects.keys(layout.RETRACTIONS)
        return {layout.stem(key): str(read_json(self.objects, key)["reason"]) for key in keys}

    def conflicts(self) -> list[Conflict]:
        """Returns records that came second for their id with other metrics."""
        return read_conflicts(self.objects)

    def problems(self) -> list[str]:
        """Reads everything and returns a line for every damaged segment, record, curve or table of predictions.

        Nothing is deleted.
        """
        self.refresh()
        found: dict[str, str] = {}
        for catalogue in (self._runs, self._evaluations):
            catalogue.segments.verify()
            found |= catalogue.segments.damaged | catalogue.damaged
        lines = [f"{self.objects.name(key)}: damaged ({reason})" for key, reason in sorted(found.items())]
        return lines + [line for folder in (layout.CURVES, layout.PREDICTIONS) for line in self._unreadable(folder)]

    # Upkeep

    def merge(self, source: "Store") -> compaction.MergeReport:
        """Copies what this store lacks; doing it again, or in another order, gives the same union.

        Raises:
            UserError: for damage in either store, before anything is written.
        """
        compaction.check_other(source.url, self.url)
        for store in (source, self):
            damage = store.problems()
            if damage:
                raise UserError(damage[0])
        files = compaction.copy_files(source.objects, self.objects)
        runs, run_conflicts = compaction.merge_records(source._runs, self._runs, self.objects)
        evaluations, conflicts = compaction.merge_records(source._evaluations, self._evaluations, self.objects)
        return compaction.MergeReport(
            runs=runs, evaluations=evaluations, conflicts=run_conflicts + conflicts, files=files
        )

    def compact(self) -> int:
        """Packs loose records into segments; returns how many."""
        return sum(compaction.pack(self.objects, catalogue) for catalogue in (self._runs, self._evaluations))

    def _unreadable(self, folder: str) -> list[str]:
        found = []
        for key in self.objects.keys(folder):
            try:
                self._parquet(key)
            except UserError as error:
                found.append(str(error))
        return found

    def _parquet(self, key: str) -> pa.Table | None:
        data = self.objects.get(key)
        if data is None:
            return None
        try:
            # No Python file: Arrow's own threads would still hold it when the interpreter ends, and abort.
            return pq.read_table(pa.BufferReader(data))
        except (pa.ArrowException, OSError) as error:
            raise UserError(f"{self.objects.name(key)}: damaged ({str(error).splitlines()[0]})") from error

    def _table(
        self,
        catalogue: Catalogue,
        columns: Sequence[str] | None,
        where: pc.Expression | None,
        retracted: bool,
        strict: bool,
    ) -> pa.Table:
        catalogue.refresh()
        if columns is None:
            columns = [name for name in catalogue.segments.schema.names if name != "record"]
        members = "run_id" if catalogue.kind is RUNS else "run_ids"
        hidden = [] if retracted else [layout.stem(key) for key in self.objects.keys(layout.RETRACTIONS)]
        if not hidden:
            return catalogue.table(columns, where, strict=strict)
        found = catalogue.table(list(dict.fromkeys([*columns, members])), where, strict=strict)
        return _without(found, members, pa.array(hidden, pa.string())).select(list(columns))


def _without(table: pa.Table, members: str, hidden: pa.Array) -> pa.Table:
    """Returns the rows none of whose runs is hidden."""
    column = table[members].combine_chunks()
    if not pa.types.is_list(column.type):
        return table.filter(pc.invert(pc.is_in(column, hidden)))
    touched = pc.list_parent_indices(column).filter(pc.is_in(pc.list_flatten(column), hidden))
    kept = pc.invert(pc.is_in(pa.array(range(len(table)), pa.int64()), touched.cast(pa.int64())))
    return table.filter(kept)

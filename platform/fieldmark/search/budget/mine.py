"""Which records and files of a store belong to a sweep."""

from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING

from fieldmark.store import layout

if TYPE_CHECKING:
    import pyarrow.compute as pc

    from fieldmark.store import Store
    from fieldmark.store.records import RunRecord

BY_RUN = (layout.CURVES, layout.WEIGHTS, layout.LOGS, layout.CHECKPOINTS, layout.EXTENSIONS)
BY_EVALUATION = (layout.PREDICTIONS, layout.PROBABILITIES)


class Mine:
    """The part of a store that a sweep, or a reproduction, has written."""

    def __init__(self, store: "Store", sweep: str, runs: Collection[str] | None = None) -> None:
        """Names it.

        Args:
            store: where it writes.
            sweep: its id.
            runs: all runs of a reproduction, whose records name no sweep; whoever recorded them. None: by the records.
        """
        self.store = store
        self.sweep = sweep
        self._runs = runs

    def records(self) -> list["RunRecord"]:
        """Returns its runs' records, of failed attempts and retracted runs, too: they have cost as much."""
        from fieldmark.store.records import RunRecord

        rows = self.store.runs(["record"], self._where(), retracted=True)["record"].to_pylist()
        return [one for one in map(RunRecord.model_validate_json, rows) if self.owns(one)]

    def owns(self, record: "RunRecord") -> bool:
        """Whether a record is its own; what another sweep recorded first is not."""
        return record.trial.sweep == self.sweep if self._runs is None else record.spec.run_id in self._runs

    def bytes(self, unfinished: Iterable[str] = ()) -> int:
        """Returns how much it takes in the store: records, what belongs to them, checkpoints, plans and proposals.

        Args:
            unfinished: runs without a record whose checkpoints count, too.
        """
        known = self.records()
        records = {one.run_id: len(one.model_dump_json()) for one in known}
        # A failed attempt has an id of its own; its run's checkpoint stays for the next one.
        attempted = {one.spec.run_id for one in known if one.status == "failed"}
        runs = set(records) | attempted | set(self._runs or ()) | set(unfinished)
        scores = self._evaluations(runs)
        of_runs = sum(self._sizes(folder, runs) for folder in BY_RUN)
        of_scores = sum(self._sizes(folder, set(scores)) for folder in BY_EVALUATION)
        plan = self.store.objects.size(f"{layout.SWEEPS}/{self.sweep}")
        return sum(records.values()) + sum(scores.values()) + of_runs + of_scores + plan

    def _evaluations(self, runs: Collection[str]) -> dict[str, int]:
        columns = ["evaluation_id", "run_id", "record"]
        rows = self.store.evaluations(columns, self._where(), views=True, retracted=True).to_pylist()
        return {row["evaluation_id"]: len(row["record"]) for row in rows if self._runs is None or row["run_id"] in runs}

    def _sizes(self, folder: str, ids: Collection[str]) -> int:
        entries = self.store.objects.entries(folder)
        return sum(one.bytes for one in entries if one.key.split("/")[1].partition(".")[0] in ids)

    def _where(self) -> "pc.Expression | None":
        import pyarrow.compute as pc

        return pc.field("sweep") == self.sweep if self._runs is None else None

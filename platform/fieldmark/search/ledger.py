"""What the store knows of the runs on one data set: the only truth from which a sweep goes on."""

from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ConfigDict

from fieldmark.config import digest
from fieldmark.search.objective import Objective
from fieldmark.store.records import stopped_id

if TYPE_CHECKING:
    from fieldmark.store import Store
    from fieldmark.store.records import RunRecord


class Known(BaseModel):
    """A recorded run, as the search sees it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    run_id: str
    status: Literal["completed", "stopped"]
    value: float | None
    """The objective on tune; at the last rung for a stopped run; None for a retracted one."""
    epochs: int
    seconds: float
    cpu_seconds: float


def evaluation_id(run_id: str, split: str, score: str) -> str:
    """Returns the id under which a run's evaluation is stored (that of `EvaluationRecord`)."""
    return digest({"runs": (run_id,), "split": split, "score": score})


class Ledger:
    """The recorded runs of one data set under one protocol, by id."""

    def __init__(self, store: "Store", fingerprint: str, protocol: str, objective: Objective, sweep: str = "") -> None:
        self._store = store
        self._objective = objective
        self._sweep = sweep
        self._retracted = set(store.retractions())
        self._known = self._read(fingerprint, protocol)
        self._stopped_ids: dict[str, str] = {}
        """By run id: a digest, asked for at every look at a run that is not recorded."""

    def __len__(self) -> int:
        return len(self._known)

    def get(self, run_id: str) -> Known | None:
        """Returns a run that is known to be recorded, whole or as stopped by this sweep."""
        return self._known.get(run_id) or self._known.get(self._stopped_id(run_id))

    def look_again(self, run_id: str) -> Known | None:
        """Asks the store for one run, e.g. when its worker says that it has ended."""
        if self.get(run_id) is None:
            for one in (run_id, self._stopped_id(run_id)):
                if self._store.has_run(one):
                    self._known[one] = self._of(self._store.run(one))
        return self.get(run_id)

    def _stopped_id(self, run_id: str) -> str:
        if run_id not in self._stopped_ids:
            self._stopped_ids[run_id] = stopped_id(run_id, self._sweep)
        return self._stopped_ids[run_id]

    def metrics(self, run_id: str, split: str, score: str) -> dict[str, float]:
        """Returns the metrics of a run's evaluation, or none where it has no such score or is retracted."""
        from fieldmark.errors import UserError

        if run_id in self._retracted:
            return {}

        try:
            return dict(self._store.evaluation(evaluation_id(run_id, split, score)).metrics)
        except (UserError, KeyError):
            return {}

    def _of(self, record: "RunRecord") -> Known:
        value = None if record.run_id in self._retracted else self._objective.of(record.metrics)
        if value is not None and record.status == "completed":
            metrics = self.metrics(record.run_id, "tune", self._objective.score)
            value = self._objective.of(metrics) if metrics else value
        return Known(
            run_id=record.run_id,
            status="stopped" if record.status == "stopped" else "completed",
            value=value,
            epochs=record.epochs,
            seconds=record.cost.seconds,
            cpu_seconds=record.cost.cpu_seconds,
        )

    def _read(self, fingerprint: str, protocol: str) -> dict[str, Known]:
        import pyarrow.compute as pc

        here = (pc.field("fingerprint") == fingerprint) & (pc.field("protocol") == protocol)
        runs = self._store.runs(
            ["run_id", "status", "epochs", "seconds", "cpu_seconds", self._objective.metric],
            here & pc.field("status").isin(["completed", "stopped"]),
            retracted=True,
        )
        judged = (pc.field("split") == "tune") & (pc.field("score") == self._objective.score)
        scores = self._store.evaluations(["run_id", "runs", self._objective.metric], here & judged)
        values = {row["run_id"]: row[self._objective.metric] for row in scores.to_pylist() if row["runs"] == 1}
        values |= dict.fromkeys(self._retracted)
        return {
            row["run_id"]: Known(
                run_id=row["run_id"],
                status=row["status"],
                value=values.get(row["run_id"], row[self._objective.metric]),
                epochs=row["epochs"],
                seconds=row["seconds"],
                cpu_seconds=row["cpu_seconds"],
            )
            for row in runs.to_pylist()
        }

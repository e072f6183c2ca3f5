"""What the store knows of an image sweep's runs: the only truth from which it goes on."""

from statistics import fmean
from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ConfigDict

from fieldmark.search.image_sweep.objectives import ObjectiveName
from fieldmark.search.image_sweep.plan import Group, ImageSweepPlan
from fieldmark.search.image_task import ImageTask
from fieldmark.search.ledger import evaluation_id
from fieldmark.search.training.image_bench import is_done
from fieldmark.store.records import stopped_id

if TYPE_CHECKING:
    from fieldmark.store import RunRecord, Store

State = Literal["complete", "pruned", "failed", "running"]


class Known(BaseModel):
    """A unit that is done, as the search sees it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    status: Literal["completed", "stopped"]
    accuracy: float | None
    """Top-1 on tune by the run's own view; at the last rung of a stopped run; None of a retracted one."""
    parameters: int
    multiply_adds: int
    epochs: int
    seconds: float
    cpu_seconds: float

    def value(self, name: ObjectiveName) -> float | None:
        """Returns an objective's value."""
        if self.accuracy is None:
            return None
        return float({"accuracy": self.accuracy, "parameters": self.parameters}.get(name, self.multiply_adds))


class Standing(BaseModel):
    """How a group stands."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    state: State
    values: tuple[float, ...] = ()
    """One an objective: means over the seeds on tune; of a pruned group its accuracy at the rung alone."""
    epochs: int = 0
    """After how many epochs a pruned group had that value."""


class ImageLedger:
    """The done units of one sweep; asked once for each, and again when its worker says that it has ended."""

    def __init__(self, store: "Store", plan: ImageSweepPlan) -> None:
        store.refresh()  # one look at all records: of what is there now none is asked for by itself
        self._store = store
        self._plan = plan
        self._retracted = set(store.retractions())
        self._known: dict[str, Known | None] = {}
        self._units: dict[tuple[str, int, int], ImageTask] = {}
        self.failed: set[str] = set()
        """Runs that this command gave up."""

    def get(self, unit: ImageTask) -> Known | None:
        """Returns what is known of a unit that is done, by whatever command, or None."""
        if unit.run_id not in self._known:
            self._known[unit.run_id] = self._read(unit)
        return self._known[unit.run_id]

    def look_again(self, unit: ImageTask) -> Known | None:
        """Asks the store once more, unless the unit is known to be done."""
        if self._known.get(unit.run_id) is None:
            self._known[unit.run_id] = self._read(unit)
        return self._known[unit.run_id]

    def unit(self, group: Group, seed: int) -> ImageTask:
        """Returns a group's unit of a seed, named once: its id is a digest, and is asked for at every glance."""
        key = (group.role, group.number, seed)
        if key not in self._units:
            self._units[key] = self._plan.unit(group, seed)
        return self._units[key]

    def standing(self, group: Group) -> Standing:
        """Returns how a group stands by what is recorded of its seeds."""
        known = [self.get(self.unit(group, seed)) for seed in group.seeds]
        if (first := known[0]) is not None and first.status == "stopped":
            values = () if first.accuracy is None else (first.accuracy,)
            return Standing(state="pruned", values=values, epochs=first.epochs)
        done = [one for one in known if one is not None]
        if any(one.accuracy is None for one in done) or self._gave_up(group):
            return Standing(state="failed")
        if len(done) < len(known):
            return Standing(state="running")
        return Standing(state="complete", values=tuple(_mean(done, name) for name in self._plan.objectives))

    def _gave_up(self, group: Group) -> bool:
        return any(self.unit(group, seed).run_id in self.failed for seed in group.seeds)

    def _read(self, unit: ImageTask) -> Known | None:
        if not is_done(unit, self._store):
            return None
        whole = self._store.has_run(unit.run_id)
        record = self._store.run(unit.run_id if whole else stopped_id(unit.run_id, unit.task.trial.sweep))
        return Known(
            status="completed" if whole else "stopped",
            accuracy=None if unit.run_id in self._retracted else self._accuracy(unit, record, whole),
            parameters=record.parameters,
            multiply_adds=record.multiply_adds,
            epochs=record.epochs,
            seconds=record.cost.seconds,
            cpu_seconds=record.cost.cpu_seconds,
        )

    def _accuracy(self, unit: ImageTask, record: "RunRecord", whole: bool) -> float | None:
        """Returns top-1 on tune; the run's record may hold another score, where another command recorded it."""
        if not whole:
            return record.metrics.get("top1")
        evaluation = self._store.evaluation(evaluation_id(unit.run_id, "tune", unit.task.objective.score))
        return evaluation.metrics["top1"]


def _mean(known: list[Known], name: ObjectiveName) -> float:
    return fmean(value for one in known if (value := one.value(name)) is not None)

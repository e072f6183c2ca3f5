"""What a sweep of image classifiers measured, read from the store by its plan."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from fieldmark.errors import UserError
from fieldmark.figures.drawing import Facts
from fieldmark.figures.sweep_scores import mean
from fieldmark.store import DatasetCard

if TYPE_CHECKING:
    from fieldmark.store import Store

KIND = "image_sweep"
TRIED = ("published", "search")
"""Roles of the settings that were tried; the baseline is a reference, a confirmation repeats."""
_COLUMNS = ("run_id", "split", "view", "score", "top1", "n")


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """One setting: its seeds that are recorded, on both parts."""

    number: int
    role: str
    label: str
    state: str
    config: Mapping[str, Any]
    params: Mapping[str, Any]
    distributions: Mapping[str, str]
    run_ids: tuple[str, ...]
    """Recorded and completed; of a setting that was stopped early, the runs that were stopped."""
    tune: Mapping[str, tuple[float, ...]]
    """View (empty: the run's own) to top-1, a value a seed."""
    test: Mapping[str, tuple[float, ...]]
    parameters: int
    multiply_adds: int

    @property
    def complete(self) -> bool:
        """Whether it was run to its end and evaluated on both parts."""
        return self.state == "complete" and bool(self.tune.get("")) and bool(self.test.get(""))

    @property
    def on_tune(self) -> float:
        """Mean over seeds by the run's own view; what chooses."""
        return mean(self.tune[""])

    @property
    def on_test(self) -> float:
        """Mean over seeds by the run's own view; what is reported."""
        return mean(self.test[""])

    @property
    def fusion(self) -> str:
        """The fusion's name."""
        return str(self.config["fusion"])


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageSweep:
    """A sweep with everything that it recorded so far."""

    sweep: str
    space: str
    card: DatasetCard
    scale: str
    """The sentence of the plan on the scale."""
    smoke: bool
    frozen: bool
    is_world: bool
    objectives: tuple[str, ...]
    sampler: str
    trials: tuple[Trial, ...]
    """By number; those without any recorded run, too."""
    warm: tuple[Mapping[str, Any], ...]
    """Parameters, distributions and objectives of other stored runs that the search was told of."""

    @property
    def tried(self) -> tuple[Trial, ...]:
        """What was tried to its end."""
        return tuple(one for one in self.trials if one.role in TRIED and one.complete)

    @property
    def cost(self) -> str:
        """The second objective, `parameters` where there is none."""
        return next((name for name in self.objectives if name != "accuracy"), "parameters")

    def facts(self, split: str) -> Facts:
        """Returns what a figure says of its numbers on a part."""
        return Facts(
            dataset=self.card.name, split=split, n=self.card.counts[split], smoke=self.smoke, frozen=self.frozen
        )


def read_image_sweep(store: "Store", sweep: str) -> ImageSweep:
    """Returns what a sweep measured.

    Raises:
        UserError: there is no such sweep of image classifiers.
    """
    plan = store.plan(sweep)
    if plan is None or plan.get("kind") != KIND:
        raise UserError(f"sweep {sweep}: the store {store.url} has no sweep of image classifiers of that name")
    card = DatasetCard.model_validate(plan["facts"]["card"])
    runs, evaluations = _recorded(store, plan)
    stopped = _stopped(store, sweep)
    return ImageSweep(
        sweep=sweep,
        space=plan["space"],
        card=card,
        scale=plan["scale"],
        smoke="smoke" in plan["scale"],
        frozen=plan["frozen"],
        is_world=plan["facts"]["is_world"],
        objectives=tuple(plan["objectives"]),
        sampler=plan["sampler"],
        trials=tuple(_trial(group, runs, evaluations, stopped) for group in plan["groups"]),
        warm=tuple(plan["warm"]),
    )


Runs = Mapping[str, Mapping[str, Any]]
Evaluations = Mapping[str, Sequence[Mapping[str, Any]]]


def _recorded(store: "Store", plan: Mapping[str, Any]) -> tuple[Runs, Evaluations]:
    """Returns the completed runs of a plan by id, and their evaluations."""
    ids = pa.array([run_id for group in plan["groups"] for run_id in group["run_ids"]], pa.string())
    where = pc.field("run_id").isin(ids)
    columns = ["run_id", "parameters", "multiply_adds", "status"]
    runs = {row["run_id"]: row for row in store.runs(columns, where & (pc.field("status") == "completed")).to_pylist()}
    evaluations = defaultdict(list)
    for row in store.evaluations(list(_COLUMNS), where & (pc.field("runs") == 1), views=True).to_pylist():
        evaluations[row["run_id"]].append(row)
    return runs, evaluations


def _stopped(store: "Store", sweep: str) -> Mapping[int, list[str]]:
    """Returns the runs that early stopping cut short by the number of their setting: they have ids of their own."""
    where = (pc.field("sweep") == sweep) & (pc.field("status") == "stopped")
    found = defaultdict(list)
    for row in store.runs(["run_id", "number"], where).sort_by("run_id").to_pylist():
        found[row["number"]].append(row["run_id"])
    return found


def _trial(group: Mapping[str, Any], runs: Runs, evaluations: Evaluations, stopped: Mapping[int, list[str]]) -> Trial:
    config = group["config"]
    score = "image" if config["fusion"] == "image_only" else "joint"
    done = [run_id for run_id in group["run_ids"] if run_id in runs]
    found: dict[str, dict[str, list[float]]] = {"tune": defaultdict(list), "test": defaultdict(list)}
    for run_id in done:
        for row in evaluations.get(run_id, ()):
            if row["score"] == score:
                found[row["split"]][row["view"] or ""].append(row["top1"])
    first = runs[done[0]] if done else {"parameters": 0, "multiply_adds": 0}
    return Trial(
        number=group["number"],
        role=group["role"],
        label=group["label"],
        state=group["state"],
        config=config,
        params=group["params"],
        distributions=group["distributions"],
        run_ids=tuple(done or stopped.get(group["number"], [])),
        tune={view: tuple(values) for view, values in found["tune"].items()},
        test={view: tuple(values) for view, values in found["test"].items()},
        parameters=first["parameters"] or 0,
        multiply_adds=first["multiply_adds"] or 0,
    )

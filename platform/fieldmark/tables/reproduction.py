"""What a reproduction consists of, as it is kept in the store: which runs and evaluations measure which value."""

from pydantic import BaseModel, ConfigDict

from fieldmark.config import ScaleName, digest
from fieldmark.papers.measurement import Measurement
from fieldmark.store.records import DatasetCard
from fieldmark.tables.sources import Results

KIND = "reproduction"


class DataChoice(BaseModel):
    """The data that stand for a published data set."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    spec: str
    """As typed after --data."""
    card: DatasetCard
    stands_in: bool
    """Whether they are not the published data set itself."""


class PlannedRun(BaseModel):
    """One seed of a value."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    seed: int
    run_id: str
    """Empty for an ensemble."""
    tune: str
    """Id of the evaluation on tune."""
    test: str


class PlannedCell(BaseModel):
    """One published accuracy and what measures it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    measurement: Measurement
    runs: tuple[PlannedRun, ...]
    """One a seed, in the order of seeds."""
    image_only: tuple[PlannedRun, ...] = ()
    """The image-only classifier of the same backbone on the same pictures, seed by seed, where the plan has one."""
    bound: str = ""
    """Id of the test evaluation of the world's Bayes classifier that sees the same fields, and pictures of the largest
    size that the view shows; empty for real data, whose bound nobody knows."""


class ReproductionPlan(BaseModel):
    """A reproduction of the supplement's tables."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: str = KIND
    scale: ScaleName
    data: dict[str, DataChoice]
    """By published name; data that are not at hand are missing."""
    cells: tuple[PlannedCell, ...]
    """All that can be measured with these data, whatever part of it a command asks for; S2's PriorsNet rows have a
    sweep of their own."""
    priorsnet_sweep: str = ""
    """The sweep that measures Table S2's PriorsNet rows; empty until it is planned."""
    figures: dict[str, dict[str, str]] = {}
    """Figure to what it is drawn from: labels to run ids."""
    command: str = ""
    """What fills the tables."""

    @property
    def plan_id(self) -> str:
        """The digest of what makes two reproductions different; more rows or seeds extend the same one."""
        data = {name: [choice.card.fingerprint, choice.card.protocol] for name, choice in self.data.items()}
        return digest({"kind": KIND, "scale": self.scale, "data": data})


def read_plan(store: Results, scale: ScaleName | None = None) -> ReproductionPlan | None:
    """Returns the reproduction that was planned at a scale (None: that with most recorded runs), or None.

    Commands that named different data made different plans. The one with most recorded runs counts, and what others
    have of data that it lacks joins it.
    """
    plans = [plan for name in store.sweeps() if (plan := store.plan(name)) is not None and plan.get("kind") == KIND]
    found = [ReproductionPlan.model_validate(plan) for plan in plans if scale in (None, plan["scale"])]
    if len(found) < 2:
        return found[0] if found else None
    recorded = set(store.runs(columns=["run_id"]).column("run_id").to_pylist())
    found.sort(key=lambda plan: -sum(run.run_id in recorded for cell in plan.cells for run in cell.runs))
    whole, *others = found
    for other in others:
        whole = _joined(whole, other)
    return whole


def _joined(plan: ReproductionPlan, other: ReproductionPlan) -> ReproductionPlan:
    """Returns a plan with another's data sets that it lacks, and what is measured on them."""
    new = {name: choice for name, choice in other.data.items() if name not in plan.data}
    if not new or other.scale != plan.scale:
        return plan
    cells = [cell for cell in other.cells if cell.measurement.dataset in new]
    return plan.model_copy(update={"data": {**plan.data, **new}, "cells": (*plan.cells, *cells)})

"""Accuracy against the size of the test pictures, for each training size (FixRes; Table S1's question)."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import pyarrow.compute as pc

from fieldmark.config import ClassifierConfig, View
from fieldmark.errors import UserError
from fieldmark.figures.drawing import Facts
from fieldmark.figures.image_sweep_reading import ImageSweep, Trial
from fieldmark.figures.trained_runs import information

if TYPE_CHECKING:
    from fieldmark.store import Store

FINE = 1.5
"""Fine marks need so many times the pixels of coarse ones (the world's planet)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SizePoint:
    """One setting seen at one size, or at several whose probabilities are averaged."""

    view: str
    sizes: tuple[int, ...]
    """Pixels of a side."""
    test: tuple[float, ...]
    """Top-1, a value a seed."""

    @property
    def place(self) -> float:
        """Where it stands: the mean of the sizes."""
        return sum(self.sizes) / len(self.sizes)


@dataclass(frozen=True, slots=True, kw_only=True)
class SizeLine:
    """One setting."""

    number: int
    label: str
    backbone: str
    fusion: str
    role: str
    trained_at: int
    """Pixels of a side."""
    tune: float
    """Top-1 at the training size, mean over seeds; what chooses."""
    chosen: bool
    """Whether it is the best of its training size on tune."""
    points: tuple[SizePoint, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolution:
    """Settings by training size, and what the world's pictures show at which size."""

    facts: Facts
    sweep: str
    lines: tuple[SizeLine, ...]
    """By training size."""
    marks: dict[str, float]
    """Kind of mark to the pixels from which it is seen; empty for real pictures."""
    bounds: dict[str, dict[int, float]]
    """What a Bayes classifier is told, to size, to its top-1 on test."""

    def to_json(self) -> dict[str, Any]:
        """Returns values that `json.dumps` takes."""
        return asdict(self)


def own(line: SizeLine) -> SizePoint:
    """Returns the point at the training size."""
    return next(point for point in line.points if not point.view)


def singles(line: SizeLine) -> list[SizePoint]:
    """Returns the points of one size by the centre crop, by size."""
    kept = [point for point in line.points if len(point.sizes) == 1 and point.view.partition(":")[0] in ("", "center")]
    return sorted(kept, key=lambda point: point.sizes)


def resolution(store: "Store", sweep: ImageSweep) -> Resolution:
    """Returns the accuracies by size.

    Raises:
        UserError: nothing was tried to its end.
    """
    lines = sorted(_lines(sweep), key=lambda line: (line.trained_at, line.number))
    if not lines:
        raise UserError(f"sweep {sweep.sweep}: nothing in it has been tried to its end and evaluated on test yet")
    shown = [one for one in sweep.trials if one.complete]
    told = [information(ClassifierConfig.model_validate(_classifier(one))) for one in shown]
    return Resolution(
        facts=sweep.facts("test"),
        sweep=sweep.sweep,
        lines=tuple(lines),
        marks=_marks(sweep),
        bounds={name: found for name in dict.fromkeys(told) if (found := _bounds(store, sweep, name))},
    )


def _classifier(trial: Trial) -> dict[str, Any]:
    return {name: value for name, value in trial.config.items() if name not in ("method", "views")}


def _lines(sweep: ImageSweep) -> Iterator[SizeLine]:
    shown = [one for one in sweep.trials if one.complete and one.role != "confirmation"]
    best: dict[int, Trial] = {}
    for one in sweep.tried:
        size = int(one.config["resolution"])
        best[size] = max(best.get(size, one), one, key=lambda trial: trial.on_tune)
    for one in shown:
        size = int(one.config["resolution"])
        points = [
            SizePoint(view=view, sizes=View.parse(view).sizes_of(size) if view else (size,), test=values)
            for view, values in one.test.items()
        ]
        yield SizeLine(
            number=one.number,
            label=one.label,
            backbone=one.config["backbone"],
            fusion=one.fusion,
            role=one.role,
            trained_at=size,
            tune=one.on_tune,
            chosen=best.get(size) is one,
            points=tuple(sorted(points, key=lambda point: (len(point.sizes), point.place))),
        )


def _marks(sweep: ImageSweep) -> dict[str, float]:
    if not sweep.is_world:
        return {}
    from fieldmark.data.world.config import parse_world

    coarse = parse_world(sweep.card.spec).mark_resolution
    return {"coarse marks": float(coarse), "fine marks": FINE * coarse}


def _bounds(store: "Store", sweep: ImageSweep, told: str) -> dict[int, float]:
    here = (pc.field("fingerprint") == sweep.card.fingerprint) & (pc.field("protocol") == sweep.card.protocol)
    where = here & (pc.field("method") == "bayes") & (pc.field("split") == "test")
    rows = store.evaluations(["config.resolution", "top1"], where & (pc.field("config.information") == told))
    return {int(row["config.resolution"]): row["top1"] for row in rows.sort_by("config.resolution").to_pylist()}

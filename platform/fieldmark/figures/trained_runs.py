"""What the figures of trained classifiers read from a store, and how they name the runs."""

import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow.compute as pc
from numpy.typing import NDArray

from fieldmark.config import ClassifierFields, FrozenConfig, RecipeConfig
from fieldmark.config.canonical import LOCATION_FIELDS
from fieldmark.errors import UserError
from fieldmark.store import EvaluationRecord, RunRecord

if TYPE_CHECKING:
    from fieldmark.store import Store

COLOURS = ("#1f6f8b", "#d1495b", "#3a9d6f", "#8a5fb0", "#c9891b", "#4c566a")
"""Of runs, in their order; they come round again after the last."""
BOUND_COLOUR = "#a8790c"
GREY = "#8a9099"
INK = "#22303c"
DPI = 160
IMAGE_ONLY = "image_only"
_SCORES = ("joint", "image")
_IMPLIED = {"fusion_settings", "fusion_version"}
_OF_A_METHOD = {"method", "views", *RecipeConfig.model_fields}
"""What is another where a fusion is trained on a frozen backbone, which the label says in words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainedRun:
    """A run with its evaluation on test."""

    record: RunRecord
    label: str
    colour: str
    test: EvaluationRecord | None

    @property
    def config(self) -> ClassifierFields:
        """The settings."""
        assert isinstance(self.record.spec.config, ClassifierFields)
        return self.record.spec.config

    @property
    def test_top1(self) -> float | None:
        """Top-1 on test, a fraction, or None."""
        return None if self.test is None else self.test.metrics.get("top1")


def read_runs(store: "Store", run_ids: Sequence[str]) -> tuple[TrainedRun, ...]:
    """Returns trained classifiers of one data set and protocol, labelled by what they differ in.

    Raises:
        UserError: no such run, no classifier, or runs whose figures must not stand side by side (SCIENCE rule 8).
    """
    records = [store.run(run_id) for run_id in run_ids]
    for record in records:
        if not isinstance(record.spec.config, ClassifierFields):
            raise UserError(f"run {record.run_id}: is no image classifier but {record.spec.config.method}")
    if len({(record.spec.fingerprint, record.spec.protocol) for record in records}) > 1:
        raise UserError("these runs are of different data sets or protocols, so one figure must not show them together")
    return tuple(
        TrainedRun(record=record, label=label, colour=colour, test=test_evaluation(store, record.run_id))
        for record, label, colour in zip(records, labels(records), _colours(records), strict=True)
    )


def _colours(records: Sequence[RunRecord]) -> list[str]:
    """Returns each run's colour: in their order, but what looks at the image alone first, as in every figure."""
    alone = [getattr(record.spec.config, "fusion", "") == IMAGE_ONLY for record in records]
    order = sorted(range(len(records)), key=lambda place: not alone[place])
    return [COLOURS[order.index(place) % len(COLOURS)] for place in range(len(records))]


def test_evaluation(store: "Store", run_id: str) -> EvaluationRecord | None:
    """Returns a run's own evaluation on test, or None."""
    where = (pc.field("run_id") == run_id) & (pc.field("split") == "test") & (pc.field("runs") == 1)
    found = {one.score: one for one in store.evaluation_records(where)}
    return next((found[score] for score in _SCORES if score in found), None)


def labels(records: Sequence[RunRecord]) -> list[str]:
    """Returns each run's fusion with the settings in which the runs differ, and its seed where that differs.

    A fusion that was trained on a frozen backbone says so.
    """
    settings = [{**record.spec.config.model_dump(mode="json"), "seed": record.spec.seed} for record in records]
    differing = [name for name in settings[0] if len(_values(name, settings)) > 1]
    if "fusion" in differing:
        differing = [name for name in differing if name not in _IMPLIED]
    implied = {"fusion", "views"} | (_OF_A_METHOD if "method" in differing else set())
    named = [name for name in differing if name not in implied]
    found = [
        ", ".join([_fusion(record), *(_word(name, one[name]) for name in named)])
        for record, one in zip(records, settings, strict=True)
    ]
    if len(set(found)) < len(found):
        found = [f"{text}, run {record.run_id[:6]}" for text, record in zip(found, records, strict=True)]
    return found


def _values(name: str, settings: Sequence[Mapping[str, Any]]) -> set[str]:
    """Returns the values of a field, of the runs for which it means something."""
    return {str(one.get(name)) for one in settings if not (name in LOCATION_FIELDS and one.get("fusion") == IMAGE_ONLY)}


def _fusion(record: RunRecord) -> str:
    config = record.spec.config
    assert isinstance(config, ClassifierFields)
    return f"{config.fusion} (frozen backbone)" if isinstance(config, FrozenConfig) else config.fusion


def _word(name: str, value: Any) -> str:
    if name == "backbone":
        return str(value)
    return f"{value} px" if name == "resolution" else f"{name.replace('_', ' ')} {value}"


def bounds(store: "Store", runs: Iterable[TrainedRun]) -> dict[str, float]:
    """Returns what the Bayes classifier reaches on test with the information of each run: its name to top-1."""
    found: dict[str, float] = {}
    for run in runs:
        config, spec = run.config, run.record.spec
        here = (pc.field("fingerprint") == spec.fingerprint) & (pc.field("protocol") == spec.protocol)
        where = here & (pc.field("method") == "bayes") & (pc.field("split") == "test")
        where = where & (pc.field("config.information") == information(config))
        rows = store.evaluations(["top1"], where & (pc.field("config.resolution") == config.resolution))
        if len(rows):
            found[information(config)] = float(rows["top1"][0].as_py())
    return found


def information(config: ClassifierFields) -> str:
    """Returns what a classifier looks at, as the bounds are named, e.g. `image+place+date`."""
    if not config.looks_at_location:
        return "image"
    return "image" + "+place" * (config.encoding != "none") + "+date" * config.date


def spread(wanted_N: Sequence[float], gap: float) -> NDArray[np.float64]:
    """Returns positions at least `gap` apart, in the order of the wanted ones and as near to them as may be."""
    if not len(wanted_N):
        return np.empty(0)
    order_N = np.argsort(wanted_N, kind="stable")
    steps_N = np.arange(len(wanted_N)) * gap
    # Positions less their steps must not fall: the nearest such sequence is that of pooled means.
    pools: list[list[float]] = []
    for value in (np.asarray(wanted_N, np.float64)[order_N] - steps_N).tolist():
        pools.append([value])
        while len(pools) > 1 and np.mean(pools[-2]) >= np.mean(pools[-1]):
            last = pools.pop()
            pools[-1].extend(last)
    placed_N = np.empty(len(wanted_N))
    placed_N[order_N] = np.concatenate([np.full(len(pool), np.mean(pool)) for pool in pools]) + steps_N
    return placed_N


def bare(axes: Any) -> None:
    """Takes the frame off a plot, all but its base, and makes its ticks small."""
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color("#b8c2cc")
    axes.tick_params(length=0, labelsize=8, labelcolor=INK)
    axes.set_axisbelow(True)


def save(figure: Any, path: Path) -> None:
    """Writes a figure as PNG; its folder is made. A letter that no font has is drawn as a box, without a word."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with warnings.catch_warnings():
        # Names are the user's, and the CSV has them whole: nobody can do anything about a font.
        warnings.filterwarnings("ignore", message="Glyph .* missing from", category=UserWarning)
        figure.savefig(path, dpi=DPI, metadata={"Software": None})


def title(axes: Any, text: str, below: str) -> None:
    """Writes a heading and one or more lines below it; dollar signs are no formulas here."""
    pad = 9 + 13 * len(below.splitlines())
    axes.set_title(text, loc="left", pad=pad, fontsize=12, fontweight="bold", color=INK, parse_math=False)
    axes.annotate(
        below, (0, 1), (0, 7), xycoords="axes fraction", textcoords="offset points", fontsize=8.5, color=GREY
    ).set_parse_math(False)

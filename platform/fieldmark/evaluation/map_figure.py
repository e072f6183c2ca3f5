"""Figure S3: activation maps of several models side by side, and on the world how often they point at the mark."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fieldmark.data.images.experiment import ImageExperiment
from fieldmark.data.observations import Split
from fieldmark.data.world.marks import Marks
from fieldmark.errors import UserError
from fieldmark.evaluation.activation import METHODS, Looked, looked_at
from fieldmark.evaluation.localisation import Localisation, marks_on_test, play
from fieldmark.evaluation.pictures import Pictures
from fieldmark.evaluation.stored import run_dataset
from fieldmark.export.load import Trained, load_stored
from fieldmark.export.stored import read_run
from fieldmark.figures.activation_maps import Circle, MapColumns, MapPanel, draw_activation_maps
from fieldmark.figures.drawing import write_figure
from fieldmark.figures.run_evaluations import facts, needed_evaluation
from fieldmark.store import EvaluationRecord, Store


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A model with the pictures that it is shown."""

    label: str
    trained: Trained
    data: ImageExperiment
    marks: Marks | None
    """Of the test pictures; None where the data set is no world."""
    evaluation: EvaluationRecord
    """Its own, on test."""
    right: frozenset[str]
    """Ids of the test pictures that it names rightly."""

    @property
    def side(self) -> int:
        """Of its pictures, in pixels."""
        return self.trained.config.resolution


def write_map_figure(
    store: Store,
    runs: Mapping[str, str],
    folder: Path,
    *,
    pictures: int = 6,
    data: str | None = None,
    device: str = "cpu",
    stem: str = "figS3",
) -> list[Path]:
    """Draws CAM and Grad-CAM of several runs on the same test pictures, and writes the pointing game beside.

    Pictures are chosen by a rule: the first of each category, in the data set's order, that every run names rightly
    and in which a mark can be seen, where the data set has marks; if these are too few, the first of other categories.

    Args:
        store: holds the runs.
        runs: label to run id; all of one data set and split.
        folder: where the files go; made where it is missing.
        pictures: rows.
        data: where the data set is now; default: where it was.
        device: as torch names it.
        stem: name of the files.

    Returns:
        PNG, SVG, and JSON with the pictures and the pointing game.

    Raises:
        UserError: no run, runs of different data, or a run without weights or predictions.
    """
    shown = _shown(store, runs, data)
    chosen = _chosen(shown, pictures)
    games = {one.label: _played(one, device) for one in shown}
    columns = [_columns(one, chosen, games[one.label], device) for one in shown]
    panel = _panel(shown, chosen, columns, games)
    found = {
        "dataset": shown[0].evaluation.spec.dataset,
        "rule": _rule(shown, chosen),
        "pictures": [
            {"image_id": name, "category": category} for name, category in zip(chosen.ids, chosen.names, strict=True)
        ],
        "pointing_game": [_row(one, games[one.label]) for one in shown],
    }
    return write_figure(draw_activation_maps(panel), found, folder, stem)


def _shown(store: Store, runs: Mapping[str, str], data: str | None) -> list[Shown]:
    stored = {label: read_run(store, run_id) for label, run_id in runs.items()}
    if not stored:
        raise UserError("activation maps: no run is named")
    if len({(one.record.spec.fingerprint, one.record.spec.protocol) for one in stored.values()}) > 1:
        raise UserError("activation maps: these runs are of different data sets or protocols, and see other pictures")
    dataset, found = run_dataset(next(iter(stored.values())), data), []
    for label, one in stored.items():
        give = Pictures(dataset, one.config, cache=None, say=lambda _: None, splits=[Split.TEST], pack=False)
        experiment = give(one.config.resolution, crops=False)
        evaluation = needed_evaluation(store, one.record.run_id, "test")
        found.append(
            Shown(
                label=label,
                trained=load_stored(one),
                data=experiment,
                marks=marks_on_test(dataset, experiment, one.config.resolution),
                evaluation=evaluation,
                right=_right(store, evaluation),
            )
        )
    return found


def _right(store: Store, evaluation: EvaluationRecord) -> frozenset[str]:
    predictions = store.predictions(evaluation.evaluation_id)
    if predictions is None:
        raise UserError(f"run {evaluation.run_ids[0]}: the store {store.url} has no predictions of it on test")
    rows = zip(predictions["image_id"].to_pylist(), predictions["hit1"].to_pylist(), strict=True)
    return frozenset(name for name, hit in rows if hit == 1)


@dataclass(frozen=True, slots=True)
class Chosen:
    """The pictures that are drawn."""

    ids: list[str]
    names: list[str]
    """Of their categories."""
    fallen_back: int
    """How many of them are not named rightly by every model."""


def _chosen(shown: Sequence[Shown], count: int) -> Chosen:
    first = shown[0]
    part, right = first.data.parts[Split.TEST], frozenset.intersection(*(one.right for one in shown))
    seen_N = part.category_N >= 0
    for one in shown:
        if one.marks is not None and one.marks.visible_N.any():
            seen_N = seen_N & one.marks.visible_N
    agreed_N = np.array([str(name) in right for name in part.image_id])
    taken: dict[int, int] = {}
    for wanted_N in (seen_N & agreed_N, seen_N):
        for position in np.flatnonzero(wanted_N).tolist():
            if len(taken) < count:
                taken.setdefault(int(part.category_N[position]), position)
    rows = sorted(taken.values())
    if not rows:
        raise UserError("activation maps: no test picture has a category")
    names = [first.data.categories[part.category_N[row]] for row in rows]
    return Chosen([str(part.image_id[row]) for row in rows], names, int((~agreed_N[rows]).sum()))


def _positions(one: Shown, chosen: Chosen) -> NDArray[np.int64]:
    place = {str(name): position for position, name in enumerate(one.data.parts[Split.TEST].image_id)}
    return np.array([place[name] for name in chosen.ids])


def _played(one: Shown, device: str) -> tuple[Localisation, ...]:
    if one.marks is None or not one.marks.visible_N.any():
        return ()
    return play(one.trained, one.data, one.marks, device=device)


def _columns(one: Shown, chosen: Chosen, games: Sequence[Localisation], device: str) -> MapColumns:
    found: list[Looked] = list(looked_at(one.trained, one.data, Split.TEST, _positions(one, chosen), device=device))
    by_method = zip(*(looked.maps for looked in found), strict=True)
    said = {game.method: f"{game.share:.1%} ± {game.standard_error:.1%}" for game in games}
    return MapColumns(
        label=one.label,
        image_PHW3=np.concatenate([looked.image_nHW3 for looked in found]),
        maps=tuple(_joined(list(maps)) for maps in by_method),
        below=tuple(said.get(method, "") for method in METHODS),
    )


def _joined(maps: Sequence[NDArray[np.float32] | None]) -> NDArray[np.float32] | None:
    there = [each for each in maps if each is not None]
    return np.concatenate(there) if len(there) == len(maps) else None


def _panel(
    shown: Sequence[Shown],
    chosen: Chosen,
    columns: Sequence[MapColumns],
    games: Mapping[str, Sequence[Localisation]],
) -> MapPanel:
    played = [game for each in games.values() for game in each]
    said = facts(one.evaluation for one in shown)
    sentences = [said.sentence, _rule(shown, chosen)]
    if played:
        sentences.append(_game_sentence(played))
    if any(maps is None for column in columns for maps in column.maps):
        sentences.append("none: the model's classifier does not read the map's channels, or no gradient gets to it.")
    chance = sorted({f"{game.chance:.1%}" for game in played})
    return MapPanel(
        title="Where the models look for the true category",
        sentences=sentences,
        methods=METHODS,
        names=chosen.names,
        circles=_circles(shown[0], chosen),
        columns=columns,
        below=f"at the mark\n(chance {' to '.join(chance)})" if played else "",
    )


def _circles(one: Shown, chosen: Chosen) -> list[list[Circle]]:
    if one.marks is None:
        return [[] for _ in chosen.ids]
    marks = one.marks.take(_positions(one, chosen))
    return [
        [(float(x + 0.5) / one.side, float(y + 0.5) / one.side, float(radius) / one.side) for x, y in centre_22]
        if np.isfinite(radius)
        else []
        for centre_22, radius in zip(marks.centre_N22, marks.radius_N, strict=True)
    ]


def _rule(shown: Sequence[Shown], chosen: Chosen) -> str:
    marked = " and in which a mark (circled) can be seen" if shown[0].marks is not None else ""
    fallen = chosen.fallen_back
    but = f"; {fallen} of the {len(chosen.ids)} are not: those were too few" if fallen else ""
    return f"Pictures: the first of each category that every model names rightly{marked}{but}."


def _game_sentence(played: Sequence[Localisation]) -> str:
    tolerances = sorted({f"{game.tolerance:.3g}" for game in played})
    counts = sorted({f"{game.n:,}" for game in played})
    return (
        f"Below: share of the {' or '.join(counts)} test pictures with a mark whose map has its maximum within the "
        f"mark or at most {' or '.join(tolerances)} pixels beside it, with its standard error."
    )


def _row(one: Shown, games: Sequence[Localisation]) -> dict[str, object]:
    """Returns a model's line of the pointing game; hits are None where it has no such maps or there are no marks."""
    hits = {game.method: game.hits for game in games}
    first = next(iter(games), None)
    return {
        "label": one.label,
        "run_id": one.trained.run_id,
        "resolution": one.side,
        "cam_hits": hits.get("CAM"),
        "grad_cam_hits": hits.get("Grad-CAM"),
        "n": None if first is None else first.n,
        "chance": None if first is None else first.chance,
        "tolerance_pixels": None if first is None else first.tolerance,
    }

"""Figure S3: activation maps of several models side by side, and on the world how often they point at the mark."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fieldmark.data.observations import Split
from fieldmark.evaluation.activation import METHODS, Looked, looked_at
from fieldmark.evaluation.localisation import Localisation, play
from fieldmark.evaluation.map_pictures import Chosen, Shown, chosen_pictures, positions_of, shown_runs
from fieldmark.figures.activation_maps import Circle, MapColumns, MapPanel, draw_activation_maps
from fieldmark.figures.drawing import write_figure
from fieldmark.figures.run_evaluations import facts
from fieldmark.store import Store


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
    shown = shown_runs(store, runs, data)
    chosen = chosen_pictures(shown, pictures)
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


def _played(one: Shown, device: str) -> tuple[Localisation, ...]:
    if one.marks is None or not one.marks.visible_N.any():
        return ()
    return play(one.trained, one.data, one.marks, device=device)


def _columns(one: Shown, chosen: Chosen, games: Sequence[Localisation], device: str) -> MapColumns:
    found: list[Looked] = list(looked_at(one.trained, one.data, Split.TEST, positions_of(one, chosen), device=device))
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
    marks = one.marks.take(positions_of(one, chosen))
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

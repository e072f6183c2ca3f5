"""The pointing game (Zhang et al. 2018, 1608.00507): does a model look at what tells its categories apart?

Only the world knows where that is: the marks of its creatures. A map hits where its maximum lies within a mark, or
no further from it than a tolerance.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from fieldmark.data.images.experiment import ImageExperiment
from fieldmark.data.observations import DataSet, Split
from fieldmark.data.world.marks import Marks
from fieldmark.data.world.world import marks_of
from fieldmark.errors import UserError
from fieldmark.evaluation.activation import METHODS, Maps, looked_at
from fieldmark.evaluation.pictures import Pictures
from fieldmark.export.load import Trained, load_stored
from fieldmark.export.stored import read_run
from fieldmark.store import Store

TOLERANCE = 15 / 224
"""As a share of the picture's side: Zhang et al. allow 15 pixels, at about the side of 224."""


class Localisation(BaseModel):
    """How often the maps of one method point at the mark."""

    model_config = ConfigDict(frozen=True)

    method: str
    """`CAM` or `Grad-CAM`."""
    hits: int
    n: int
    """Test pictures in which a mark can be seen."""
    chance: float
    """Mean share of a picture that counts as a hit: what pointing anywhere would score."""
    tolerance: float
    """In pixels."""

    @property
    def share(self) -> float:
        """Hits of all, a fraction."""
        return self.hits / self.n

    @property
    def standard_error(self) -> float:
        """Binomial, of the share."""
        return float(np.sqrt(self.share * (1 - self.share) / self.n))


def pointing_game(
    store: Store, run_id: str, dataset: DataSet, *, tolerance: float | None = None, device: str = "cpu"
) -> tuple[Localisation, ...]:
    """Plays the game on every test picture with a mark, whether or not the model names it rightly.

    Args:
        store: holds the run.
        run_id: its id or the first digits.
        dataset: that it learned from.
        tolerance: in pixels; None: `TOLERANCE` of the side.
        device: as torch names it.

    Returns:
        CAM, then Grad-CAM; a method that the model has no maps for is left out.

    Raises:
        UserError: no such run, other data than the run's, or pictures without marks.
    """
    stored = read_run(store, run_id)
    pictures = Pictures(dataset, stored.config, cache=None, say=lambda _: None, splits=[Split.TEST], pack=False)
    pictures.check(stored.record.run_id, stored.record.spec)
    trained = load_stored(stored)
    data = pictures(trained.config.resolution, crops=False)
    marks = marks_on_test(dataset, data, trained.config.resolution)
    if marks is None or not marks.visible_N.any():
        which = f"{trained.config.resolution} pixels" if marks is not None else stored.record.spec.dataset
        raise UserError(f"{which}: no mark is known in its pictures, so the pointing game cannot be played on them")
    return play(trained, data, marks, tolerance=tolerance, device=device)


def marks_on_test(dataset: DataSet, data: ImageExperiment, resolution: int) -> Marks | None:
    """Returns the marks in the pictures of the test part, in its order; None where the data set is no world."""
    place = {name: position for position, name in enumerate(dataset.observations.image_id.to_pylist())}
    indices = np.array([place[str(name)] for name in data.parts[Split.TEST].image_id], dtype=np.int64)
    return marks_of(dataset.observations, indices, resolution)


def play(
    trained: Trained, data: ImageExperiment, marks: Marks, *, tolerance: float | None = None, device: str = "cpu"
) -> tuple[Localisation, ...]:
    """Plays the game with a model in memory; see `pointing_game`.

    Args:
        trained: the model.
        data: with the test part.
        marks: of its pictures; one at least can be seen.
        tolerance: in pixels.
        device: as torch names it.
    """
    side = trained.config.resolution
    allowed = TOLERANCE * side if tolerance is None else tolerance
    shown = np.flatnonzero(marks.visible_N)
    hits: dict[str, int] = {}
    for looked in looked_at(trained, data, Split.TEST, shown, device=device):
        here = marks.take(looked.positions_n)
        for method, maps_nHW in zip(METHODS, looked.maps, strict=True):
            if maps_nHW is not None:
                hits[method] = hits.get(method, 0) + int(hits_of(maps_nHW, here, allowed).sum())
    chance = _chance(marks.take(shown), side, allowed)
    return tuple(
        Localisation(method=method, hits=count, n=len(shown), chance=chance, tolerance=allowed)
        for method, count in hits.items()
    )


class Points(NamedTuple):
    """Where N maps point, in pixels; NaN for a map that is the same everywhere."""

    column_N: NDArray[np.float64]
    row_N: NDArray[np.float64]


def points_of(maps_NHW: Maps) -> Points:
    """Returns the places of the maps' maxima; of a plateau, which enlarging makes at a border, its middle."""
    count, height, width = maps_NHW.shape
    flat_NK = maps_NHW.reshape(count, -1)
    top_NK = flat_NK >= flat_NK.max(axis=1, keepdims=True) - 1e-6
    size_N = np.where(top_NK.all(axis=1), np.nan, top_NK.sum(axis=1))
    row_K, column_K = (each.ravel() for each in np.mgrid[:height, :width])
    return Points((top_NK * column_K).sum(axis=1) / size_N, (top_NK * row_K).sum(axis=1) / size_N)


def hits_of(maps_NHW: Maps, marks: Marks, tolerance: float) -> NDArray[np.bool_]:
    """Returns which maps point within a mark, or at most `tolerance` pixels beside it."""
    points = points_of(maps_NHW)
    point_N12 = np.stack(points, axis=1)[:, None]
    away_N = np.linalg.norm(marks.centre_N22 - point_N12, axis=2).min(axis=1)
    within_N: NDArray[np.bool_] = away_N <= marks.radius_N + tolerance
    return within_N


def _chance(marks: Marks, side: int, tolerance: float) -> float:
    row_HW, column_HW = np.mgrid[:side, :side]
    pixel_K2 = np.stack([column_HW.ravel(), row_HW.ravel()], axis=1)
    share = 0.0
    for centre_22, radius in zip(marks.centre_N22, marks.radius_N, strict=True):
        away_K = np.linalg.norm(pixel_K2[:, None] - centre_22, axis=2).min(axis=1)
        share += float((away_K <= radius + tolerance).mean())
    return share / len(marks.radius_N)

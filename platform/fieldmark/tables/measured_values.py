"""A reproduction's values by published row, and sums of them with an interval over seeds and test images."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from fieldmark.papers import PublishedRow, published_accuracies
from fieldmark.tables.context import open_context
from fieldmark.tables.counts import categories_as_printed, full_size
from fieldmark.tables.definitions import definition
from fieldmark.tables.predictions import Predictions
from fieldmark.tables.reproduction import PlannedRun, ReproductionPlan
from fieldmark.tables.scope import open_scope
from fieldmark.tables.sources import Results
from fieldmark.tables.statistics import Difference, ImageResampler

PRIORSNET_TABLE = "S2"
_UNITS = {"params": 1e6, "flops": 1e9}
ONE_IMAGE_MODEL = (
    "Compared by seed {} of row {} alone: all seeds of PriorsNet multiply that seed's image model, so the intervals "
    "hold for this one image model and leave out how much seeds of row {} differ"
)
HELD = "All seeds of PriorsNet multiply one image model, so the intervals leave out how much image models differ"
APART = "Row {} is trained whole and shares no image model with the rows of PriorsNet, so their seeds are drawn apart"

Seeds = dict[int, str]
"""Seed to the id of its test evaluation."""
Terms = Sequence[tuple[int, PublishedRow]]
"""Signs and printed values of a sum."""


class MeasuredValues:
    """What was measured for the printed values of the supplement, in the unit of print."""

    def __init__(self, store: Results, plan: ReproductionPlan) -> None:
        """Reads the catalogue once; Table S2's PriorsNet rows come from the sweep that the plan names."""
        self._store = store
        self._plan = plan
        self._seeds: dict[str, Seeds] = {}
        self._priors: frozenset[str] = frozenset()
        self._starts = {cell.measurement.cell: cell.image_only[0].seed for cell in plan.cells if cell.image_only}
        self._top1: dict[str, float] = {}
        self._predictions: dict[str, Predictions] = {}
        self._resamplers: dict[int, ImageResampler] = {}
        self._read_cells()
        if plan.priorsnet_sweep:
            self._read_priorsnet()

    def value(self, row: PublishedRow) -> float | None:
        """Returns the mean over the recorded seeds in percent, or our own count at full size; None without any."""
        if row.metric in _UNITS:
            return self._count(row)
        seeds = self._seeds.get(_cell(row))
        return None if not seeds else 100 * float(np.mean([self._top1[one] for one in seeds.values()]))

    def seeds(self, row: PublishedRow) -> int:
        """Returns how many seeds are recorded."""
        return len(self._seeds.get(_cell(row), {}))

    def contrast(self, terms: Terms) -> Difference | None:
        """Returns a signed sum of values, in fractions, with its interval (SCIENCE rule 9).

        All values see the same images. Of a reproduction's own cells, what shares a seed shares an image model or the
        order of data, so the seeds that all of them have are drawn together; of PriorsNet's rows likewise. Between the
        two a seed's number means nothing: all seeds of PriorsNet multiply the first image model. A cell that starts
        from image models is held against them by its run on that first one only (SCIENCE rule 12), one that is trained
        whole by all its seeds, drawn apart from theirs.

        Args:
            terms: all on one data set.

        Returns:
            None where no seed is common to all, or predictions were not kept.
        """
        priors = [term for term in terms if _cell(term[1]) in self._priors]
        cells = [term for term in terms if term not in priors]
        if not priors or not cells:
            sums_SN, other_RN = self._sums(terms, None), None
        else:
            sums_SN, other_RN = self._sums(cells, self._start(cells)), self._sums(priors, None)
            if other_RN is None:
                return None
        if sums_SN is None:
            return None
        images = sums_SN.shape[1]
        resampler = self._resamplers.setdefault(images, ImageResampler(images))
        return resampler.difference(sums_SN, np.zeros((1, images)) if other_RN is None else -other_RN)

    def remark(self, terms: Terms) -> str:
        """Returns what a reader must know of how a sum's seeds are drawn, or nothing."""
        cells = [(sign, row) for sign, row in terms if _cell(row) not in self._priors]
        if len(cells) == len(terms):
            return ""
        if not cells:
            return HELD
        start, number = self._start(cells), cells[0][1].row
        return APART.format(number) if start is None else ONE_IMAGE_MODEL.format(start, number, number)

    def _start(self, cells: Terms) -> int | None:
        """Returns the seed of the image model that PriorsNet's rows multiply, if these cells start from image models.

        Which is the first one's, as the reproduction that runs those rows has it.
        """
        return next((self._starts[_cell(row)] for _, row in cells if _cell(row) in self._starts), None)

    def _sums(self, terms: Terms, only: int | None) -> NDArray[np.float64] | None:
        """Returns the signed sum (S, N) by seed and image, of one seed if it is named; None where there is none."""
        known = [(sign, self._seeds.get(_cell(row), {})) for sign, row in terms]
        shared = set.intersection(*(set(seeds) for _, seeds in known))
        chosen = sorted(shared if only is None else shared & {only})[: Predictions.MOST_SEEDS]
        (dataset,) = {row.dataset for _, row in terms}
        predictions = self._predictions.setdefault(dataset or "", Predictions(self._store))
        sums_SN = []
        for seed in chosen:
            hits = [(sign, predictions.hits_of(seeds[seed])) for sign, seeds in known]
            kept = [sign * hits_N for sign, hits_N in hits if hits_N is not None]
            if len(kept) < len(hits):
                return None
            sums_SN.append(np.sum(kept, axis=0))
        return np.stack(sums_SN) if sums_SN else None

    def _read_cells(self) -> None:
        planned = {cell.measurement.cell: cell.runs for cell in self._plan.cells}
        self._take({cell: _by_seed(runs) for cell, runs in planned.items()})

    def _read_priorsnet(self) -> None:
        scope = open_scope(self._store, None, self._plan.priorsnet_sweep)
        assert scope is not None
        context = open_context(self._store, definition(PRIORSNET_TABLE), scope, None, None)
        found: dict[str, Seeds] = {}
        for row in published_accuracies(PRIORSNET_TABLE):
            way = context.found(row.row)
            if way is not None and way[1] is not None:
                found[_cell(row)] = dict(zip(way[1].seeds, way[1].evaluation_ids, strict=True))
        self._priors = frozenset(found)
        self._take(found)

    def _take(self, planned: dict[str, Seeds]) -> None:
        ids = pa.array({one for seeds in planned.values() for one in seeds.values()}, pa.string())
        where = pc.field("evaluation_id").isin(ids)
        rows = self._store.evaluations(columns=["evaluation_id", "top1"], where=where, views=True).to_pylist()
        self._top1 |= {row["evaluation_id"]: row["top1"] for row in rows if row["top1"] is not None}
        for cell, seeds in planned.items():
            self._seeds[cell] = {seed: one for seed, one in seeds.items() if one in self._top1}

    def _count(self, row: PublishedRow) -> float | None:
        """Returns our count, to as many digits as are printed."""
        for cell in self._plan.cells:
            one = cell.measurement
            if (one.table, one.row) == (row.table, row.row) and one.full is not None:
                size = full_size(one.full, categories_as_printed(one))
                if size is not None:
                    found = size.parameters if row.metric == "params" else size.multiply_adds
                    return round(found / _UNITS[row.metric], 1)
        return None


def _by_seed(runs: Sequence[PlannedRun]) -> Seeds:
    return {run.seed: run.test for run in runs}


def _cell(row: PublishedRow) -> str:
    return f"{row.table}:{row.row}:{row.dataset}"

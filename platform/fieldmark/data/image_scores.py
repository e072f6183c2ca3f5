"""Image scores from files: the formats of geo_prior's releases, or Parquet, joined to a data set's records."""

import os
import re
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from fieldmark.data.experiment import ImageScores
from fieldmark.data.observations import DataSet, Indices, Split
from fieldmark.data.score_matrix import ChosenRows, Matrix, check_probabilities, load_matrix
from fieldmark.data.score_table import load_score_table
from fieldmark.errors import UserError

_ENDINGS = (".npz", ".npy", ".parquet")
_NAMED_PART = re.compile(r"(?:^|_)(train|val|test)(?:_|\.)")

Placed = tuple[Matrix, NDArray[np.int64]]
"""A matrix, and for each record of the data set its row in it (-1: none)."""


def load_image_scores(path: str, data: DataSet) -> dict[Split, ImageScores]:
    """Reads class probabilities of images.

    A matrix has its rows in the order of the annotations: of all records, or of those of one part, which is told by
    `_train_`, `_val_` or `_test_` in the file's name (the split as given), else by the number of rows. In a folder,
    every file named `*_preds*` is read. A Parquet file names its records in `image_id`.

    Args:
        path: An `.npz`, `.npy` or `.parquet` file, or a folder of `<name>_<split>_preds*` files.
        data: The data set the scores belong to.

    Returns:
        For each part that the files cover wholly, its scores, with rows in the order of `data.indices(part)`.

    Raises:
        UserError: if a file is missing, damaged, of the wrong shape, or no probabilities; or if no part is covered.
    """
    placed = [_placed(file, data) for file in _files(path)]
    scores = {part: _of_part(placed, data.indices(part), path) for part in (Split.TRAIN, Split.TUNE, Split.TEST)}
    covered = {part: value for part, value in scores.items() if value is not None}
    if not covered:
        raise UserError(f"{path}: no record of {data.observations.name} has scores in it")
    return covered


def _files(path: str) -> Iterator[str]:
    if not os.path.isdir(path):
        yield path
        return
    names = [name for name in sorted(os.listdir(path)) if "_preds" in name and name.endswith(_ENDINGS)]
    if not names:
        raise UserError(f"{path}: no file named like NAME_val_preds_sparse.npz or NAME_test_preds.npy in this folder")
    for name in names:
        yield os.path.join(path, name)


def _placed(path: str, data: DataSet) -> Placed:
    if path.endswith(".parquet"):
        return load_score_table(path, data)
    matrix = load_matrix(path)
    records = _records_of(path, matrix, data)
    check_probabilities(matrix, path)
    row_N = np.full(len(data.observations), -1, np.int64)
    row_N[records] = np.arange(len(records))
    return matrix, row_N


def _records_of(path: str, matrix: Matrix, data: DataSet) -> Indices:
    """Returns the records that a matrix's rows belong to, in order."""
    categories = len(data.observations.categories)
    candidates = _candidates(path, data)
    fitting = {name: records for name, records in candidates.items() if matrix.shape == (len(records), categories)}
    distinct = {records.tobytes(): records for records in fitting.values()}
    if len(distinct) > 1:
        raise UserError(
            f"{path}: {matrix.shape[0]:,} rows fit the records of {' and of '.join(fitting)}; "
            "put _val_ or _test_ into the file's name, or use Parquet with image_id"
        )
    if not distinct:
        raise UserError(_wrong_shape(path, matrix, candidates, data))
    return next(iter(distinct.values()))


def _candidates(path: str, data: DataSet) -> dict[str, Indices]:
    given = data.observations.given_split
    named = _NAMED_PART.search(os.path.basename(path))
    if given is not None and named is not None:
        return {named[1]: np.flatnonzero(given == named[1])}
    parts = {
        "all": np.arange(len(data.observations)),
        "test": data.indices(Split.TEST),
        "tune": data.indices(Split.TUNE),
        "tune and test": np.flatnonzero((data.split_N == Split.TUNE) | (data.split_N == Split.TEST)),
    }
    return {named[1]: parts["tune" if named[1] == "val" else "test"]} if named and named[1] != "train" else parts


def _wrong_shape(path: str, matrix: Matrix, candidates: dict[str, Indices], data: DataSet) -> str:
    categories = len(data.observations.categories)
    expected = " or ".join(f"{len(records):,} x {categories:,} ({name})" for name, records in candidates.items())
    report = data.observations.report
    dropped = report.read - report.kept
    hint = f"; {dropped:,} bad records were left out, so give scores as Parquet with image_id" if dropped else ""
    return (
        f"{path}: expected scores of records x categories {expected}, "
        f"found {matrix.shape[0]:,} x {matrix.shape[1]:,}{hint}"
    )


def _of_part(placed: list[Placed], records: Indices, path: str) -> ImageScores | None:
    """Returns the scores of these records, from whichever matrix has them; None if none has any."""
    best: Placed | None = max(placed, key=lambda entry: int((entry[1][records] >= 0).sum()), default=None)
    if best is None or not (best[1][records] >= 0).any():
        return None
    missing = int((best[1][records] < 0).sum())
    if missing:
        raise UserError(f"{path}: scores for only {len(records) - missing:,} of a part's {len(records):,} records")
    return ChosenRows(scores=best[0], row_N=best[1][records])

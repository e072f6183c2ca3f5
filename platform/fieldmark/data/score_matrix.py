"""Matrices of image scores as stored by others: scipy's CSR in `.npz`, dense `.npy` or `.npz`; numpy is enough."""

import zipfile
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fieldmark.data.experiment import ImageScores
from fieldmark.data.observations import Indices
from fieldmark.errors import UserError

_CSR_KEYS = {"data", "indices", "indptr", "shape"}
_SUM_TOLERANCE = 0.05
"""Authors zero what is below 1e-6, so a row may fall short of 1 by a little."""
_CHUNK = 4_096
_MATRIX = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class CsrScores:
    """A sparse matrix, compressed by rows."""

    data: NDArray[np.floating]
    indices: NDArray[np.integer]
    indptr: NDArray[np.integer]
    shape: tuple[int, int]

    def rows(self, indices: Indices) -> NDArray[np.float32]:
        """Returns these rows as float32 (n, C)."""
        start_n = self.indptr[indices].astype(np.int64)
        count_n = self.indptr[indices + 1].astype(np.int64) - start_n
        row = np.repeat(np.arange(len(indices)), count_n)
        # Position of every stored value: the row's start plus its place within the row.
        within = np.arange(len(row)) - np.repeat(np.cumsum(count_n) - count_n, count_n)
        stored = np.repeat(start_n, count_n) + within
        result = np.zeros((len(indices), self.shape[1]), np.float32)
        result[row, self.indices[stored]] = self.data[stored]
        return result


@dataclass(frozen=True, slots=True, kw_only=True)
class DenseMatrix:
    """A dense matrix of any floating type, perhaps on disk."""

    values: NDArray[np.floating]

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.values.shape[0], self.values.shape[1]

    def rows(self, indices: Indices) -> NDArray[np.float32]:
        """Returns these rows as float32 (n, C)."""
        return np.asarray(self.values[indices], np.float32)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChosenRows:
    """Rows of another matrix, in an order of their own."""

    scores: ImageScores
    row_N: Indices

    def rows(self, indices: Indices) -> NDArray[np.float32]:
        """Returns the rows at these positions of the choice."""
        return self.scores.rows(self.row_N[indices])


Matrix = CsrScores | DenseMatrix


def load_matrix(path: str) -> Matrix:
    """Returns the matrix in an `.npz` or `.npy` file.

    Raises:
        UserError: if the file is missing, damaged, or holds something else.
    """
    try:
        loaded = np.load(path, mmap_mode="r", allow_pickle=False)
        if isinstance(loaded, np.ndarray):
            return _dense(loaded, path)
        with loaded:
            arrays = {key: loaded[key] for key in loaded.files}
    except FileNotFoundError:
        raise UserError(f"{path}: no such file") from None
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise UserError(f"{path}: not image scores in .npz or .npy ({str(error)[:120]})") from None
    if set(arrays) >= _CSR_KEYS:
        return _csr(arrays, path)
    if len(arrays) == 1:
        return _dense(next(iter(arrays.values())), path)
    raise UserError(f"{path}: expected one array, or scipy's data, indices, indptr, shape; found {', '.join(arrays)}")


def check_probabilities(matrix: Matrix, path: str) -> None:
    """Refuses rows that are no class probabilities.

    Raises:
        UserError: naming the first row with a negative or non-finite value, or that does not sum to about 1.
    """
    for start in range(0, matrix.shape[0], _CHUNK):
        rows_NC = matrix.rows(np.arange(start, min(start + _CHUNK, matrix.shape[0])))
        sums_N = rows_NC.sum(axis=1, dtype=np.float64)
        # A NaN makes the sum NaN, and every comparison with it false.
        sound_N = (rows_NC >= 0).all(axis=1) & (np.abs(sums_N - 1) <= _SUM_TOLERANCE)
        if not sound_N.all():
            row = int(np.argmin(sound_N))
            raise UserError(
                f"{path}, row {start + row}: expected class probabilities (none negative, summing to 1), "
                f"found sum {sums_N[row]:.4g} and minimum {rows_NC[row].min():.4g}"
            )


def _dense(values: NDArray[np.floating], path: str) -> DenseMatrix:
    if values.ndim != _MATRIX or values.dtype.kind != "f":
        raise UserError(f"{path}: expected a matrix of floating-point scores, found {values.dtype} {values.shape}")
    return DenseMatrix(values=values)


def _csr(arrays: dict[str, NDArray[np.generic]], path: str) -> CsrScores:
    data, indices, indptr = (np.asarray(arrays[key]) for key in ("data", "indices", "indptr"))
    shape = np.asarray(arrays["shape"]).ravel()
    kind = np.asarray(arrays.get("format", np.array(b"csr"))).item()
    sound = (
        kind in (b"csr", "csr")
        and shape.dtype.kind in "iu"
        and len(shape) == _MATRIX
        and (data.dtype.kind, indices.dtype.kind, indptr.dtype.kind) == ("f", "i", "i")
        and data.ndim == indices.ndim == indptr.ndim == 1
        and len(data) == len(indices)
        and len(indptr) == shape[0] + 1
        and indptr[0] == 0
        and indptr[-1] == len(data)
        and bool((np.diff(indptr) >= 0).all())
        and bool(((indices >= 0) & (indices < shape[1])).all())
    )
    if not sound:
        raise UserError(f"{path}: not a sound sparse matrix in scipy's CSR format")
    return CsrScores(data=data, indices=indices, indptr=indptr, shape=(int(shape[0]), int(shape[1])))

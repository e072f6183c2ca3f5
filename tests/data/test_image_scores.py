"""Image scores that others stored, joined to records."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import scipy.sparse
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from fieldmark.data.image_scores import load_image_scores
from fieldmark.data.observations import DataSet, Split
from fieldmark.data.open import open_dataset
from fieldmark.data.score_matrix import CsrScores
from fieldmark.errors import UserError

PARTS = ["train"] * 6 + ["test"] * 3 + ["val"] * 2 + ["test"] * 2
N, C = len(PARTS), 3


@pytest.fixture
def data(tmp_path: Path) -> DataSet:
    rows = "".join(f"r{number},{'ABC'[number % 3]},{number},1,{part}\n" for number, part in enumerate(PARTS))
    (tmp_path / "t.csv").write_text("id,species,lat,lon,split\n" + rows)
    return open_dataset(f"table:{tmp_path / 't.csv'}")


@pytest.fixture
def scores_NC() -> NDArray[np.float32]:
    sharp = np.random.default_rng(0).dirichlet([0.2] * C, N)
    sharp[sharp < 1e-6] = 0
    return sharp.astype(np.float32)


def sparse(path: Path, matrix: NDArray[np.float32]) -> str:
    scipy.sparse.save_npz(path, scipy.sparse.csr_matrix(matrix))
    return str(path)


def dense(path: Path, matrix: NDArray[np.generic]) -> str:
    np.save(path, matrix)
    return str(path)


def assert_rows(path: str, data: DataSet, scores_NC: NDArray[np.float32], *parts: Split) -> None:
    loaded = load_image_scores(path, data)
    assert set(loaded) == set(parts)
    for part in parts:
        records = data.indices(part)
        order = np.arange(len(records))[::-1].copy()
        rows = loaded[part].rows(order)
        assert rows.dtype == np.float32
        np.testing.assert_allclose(rows, scores_NC[records[order]], rtol=1e-6)


ALL = (Split.TRAIN, Split.TUNE, Split.TEST)


def test_scores_of_every_record(tmp_path: Path, data: DataSet, scores_NC: NDArray[np.float32]) -> None:
    assert_rows(sparse(tmp_path / "s.npz", scores_NC), data, scores_NC, *ALL)
    assert_rows(dense(tmp_path / "s.npy", scores_NC), data, scores_NC, *ALL)
    np.savez(tmp_path / "d.npz", preds=scores_NC.astype(np.float64))
    assert_rows(str(tmp_path / "d.npz"), data, scores_NC, *ALL)


def test_scores_of_one_part_by_the_number_of_rows(
    tmp_path: Path, data: DataSet, scores_NC: NDArray[np.float32]
) -> None:
    assert_rows(dense(tmp_path / "s.npy", scores_NC[data.indices(Split.TEST)]), data, scores_NC, Split.TEST)
    assert_rows(dense(tmp_path / "s.npy", scores_NC[data.indices(Split.TUNE)]), data, scores_NC, Split.TUNE)
    both = data.split_N > 0
    assert_rows(dense(tmp_path / "s.npy", scores_NC[both]), data, scores_NC, Split.TUNE, Split.TEST)


def test_a_folder_of_official_names(tmp_path: Path, data: DataSet, scores_NC: NDArray[np.float32]) -> None:
    folder = tmp_path / "features_inception"
    folder.mkdir()
    dense(folder / "inat2018_val_net_feats.npy", np.zeros((2, 2048)))
    sparse(folder / "inat2018_val_preds_sparse.npz", scores_NC[data.indices(Split.TUNE)])
    assert_rows(str(folder), data, scores_NC, Split.TUNE)
    dense(folder / "YFCC_test_preds.npy", scores_NC[data.indices(Split.TEST)])
    assert_rows(str(folder), data, scores_NC, Split.TUNE, Split.TEST)


def test_tune_carved_from_train_takes_its_rows_from_the_training_file(
    tmp_path: Path, scores_NC: NDArray[np.float32]
) -> None:
    parts = ["train"] * 10 + ["val"] * (N - 10)
    rows = "".join(f"{'ABC'[number % 3]},{number},1,{part}\n" for number, part in enumerate(parts))
    (tmp_path / "t.csv").write_text("species,lat,lon,split\n" + rows)
    data = open_dataset(f"table:{tmp_path / 't.csv'}")
    assert len(data.indices(Split.TUNE)) == 1
    dense(tmp_path / "x_train_preds.npy", scores_NC[:10])
    dense(tmp_path / "x_val_preds.npy", scores_NC[10:])
    assert_rows(str(tmp_path), data, scores_NC, *ALL)


def test_parquet_by_image_id(tmp_path: Path, data: DataSet, scores_NC: NDArray[np.float32]) -> None:
    order = np.random.default_rng(1).permutation(N)
    ids = [f"r{number}" for number in order]
    path = str(tmp_path / "s.parquet")
    flat = pa.FixedSizeListArray.from_arrays(pa.array(scores_NC[order].ravel()), C)
    pq.write_table(pa.table({"image_id": ids, "scores": flat}), path)
    assert_rows(path, data, scores_NC, *ALL)
    pq.write_table(
        pa.table({"image_id": ids, **{"CAB"[k]: scores_NC[order, "ABC".index("CAB"[k])] for k in range(C)}}), path
    )
    assert_rows(path, data, scores_NC, *ALL)


@pytest.mark.parametrize(
    ("shape", "says"),
    [((N, C + 1), r"13 x 3 \(all\).*found 13 x 4"), ((N - 1, C), "found 12 x 3"), ((0, C), "found 0 x 3")],
)
def test_a_wrong_shape_names_both(tmp_path: Path, data: DataSet, shape: tuple[int, int], says: str) -> None:
    even = np.full(shape, 1 / shape[1], np.float32)
    for path in (dense(tmp_path / "s.npy", even), sparse(tmp_path / "s.npz", even)):
        with pytest.raises(UserError, match=f"expected scores of records x categories .*{says}"):
            load_image_scores(path, data)


@pytest.mark.parametrize("value", [np.nan, np.inf, -0.5, 3.0, 0.0])
def test_rows_that_are_no_probabilities(
    tmp_path: Path, data: DataSet, scores_NC: NDArray[np.float32], value: float
) -> None:
    scores_NC[4] = value
    with pytest.raises(UserError, match="row 4: expected class probabilities"):
        load_image_scores(dense(tmp_path / "s.npy", scores_NC), data)


def test_what_is_no_matrix(tmp_path: Path, data: DataSet, scores_NC: NDArray[np.float32]) -> None:
    (tmp_path / "noise.npz").write_bytes(b"noise" * 99)
    for path, says in [
        (str(tmp_path / "noise.npz"), "not image scores"),
        (str(tmp_path / "absent.npy"), "no such file"),
        (dense(tmp_path / "cube.npy", np.zeros((N, C, 1), np.float32)), "expected a matrix"),
        (dense(tmp_path / "labels.npy", np.zeros((N, C), np.int64)), "expected a matrix of floating-point"),
        (dense(tmp_path / "objects.npy", np.array([[{}]])), "not image scores"),
        (str(tmp_path), "found|no file named like"),
    ]:
        with pytest.raises(UserError, match=says):
            load_image_scores(path, data)
    csr = scipy.sparse.csr_matrix(scores_NC)
    np.savez(tmp_path / "bad.npz", data=csr.data, indices=csr.indices + 1, indptr=csr.indptr, shape=csr.shape)
    with pytest.raises(UserError, match="not a sound sparse matrix"):
        load_image_scores(str(tmp_path / "bad.npz"), data)


def test_parquet_that_lacks_something(tmp_path: Path, data: DataSet, scores_NC: NDArray[np.float32]) -> None:
    path = tmp_path / "s.parquet"
    for table, says in [
        ({"id": ["r1"]}, "no column image_id"),
        ({"image_id": ["r1"], "A": [1.0]}, "2 have none, the first 'B'"),
        ({"image_id": ["r1"], "scores": [[0.5, 0.5]]}, "found lists of length 2"),
        ({"image_id": ["other"], "scores": [[1.0, 0.0, 0.0]]}, "no record of t has scores"),
        ({"image_id": ["r6"], "scores": [[1.0, 0.0, 0.0]]}, "scores for only 1 of a part's 5 records"),
    ]:
        pq.write_table(pa.table(table), path)
        with pytest.raises(UserError, match=says):
            load_image_scores(str(path), data)


@given(st.integers(0, 10_000), st.integers(1, 12), st.integers(1, 8), st.floats(0, 1))
def test_sparse_rows_equal_dense_rows(seed: int, rows: int, columns: int, density: float) -> None:
    rng = np.random.default_rng(seed)
    whole = (rng.random((rows, columns)) * (rng.random((rows, columns)) < density)).astype(np.float32)
    csr = scipy.sparse.csr_matrix(whole)
    scores = CsrScores(data=csr.data, indices=csr.indices, indptr=csr.indptr, shape=whole.shape)
    asked = rng.integers(0, rows, rng.integers(0, 20))
    np.testing.assert_array_equal(scores.rows(asked), whole[asked])

"""Image scores in a Parquet file: `image_id`, and `scores` (a list) or one column a category."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from fieldmark.data.observations import DataSet
from fieldmark.data.score_matrix import DenseMatrix, check_probabilities
from fieldmark.errors import UserError


def load_score_table(path: str, data: DataSet) -> tuple[DenseMatrix, NDArray[np.int64]]:
    """Returns the scores, and for each record of the data set its row (-1: none).

    Raises:
        UserError: if the file is missing, damaged, or lacks the columns needed.
    """
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(path)
    except FileNotFoundError:
        raise UserError(f"{path}: no such file") from None
    except (pa.ArrowInvalid, OSError) as error:
        raise UserError(f"{path}: damaged Parquet file ({str(error).splitlines()[0][:120]})") from None
    if "image_id" not in table.column_names:
        raise UserError(f"{path}: no column image_id; found {', '.join(table.column_names[:10])}")
    matrix = DenseMatrix(values=_scores(table, data.observations.categories, path))
    check_probabilities(matrix, path)
    ids = table["image_id"].cast(pa.string()).combine_chunks()
    row_N = pc.index_in(data.observations.image_id, value_set=ids).fill_null(-1)
    return matrix, row_N.to_numpy(zero_copy_only=False).astype(np.int64)


def _scores(table: pa.Table, categories: tuple[str, ...], path: str) -> NDArray[np.float32]:
    if "scores" in table.column_names:
        return _listed(table["scores"].combine_chunks(), len(categories), path)
    absent = [name for name in categories if name not in table.column_names]
    if absent:
        raise UserError(
            f"{path}: expected a column scores, or one column for each of the {len(categories):,} categories; "
            f"{len(absent):,} have none, the first {absent[0]!r}"
        )
    columns = [table[name].to_numpy() for name in categories]
    return np.stack(columns, axis=1).astype(np.float32)


def _listed(column: pa.Array, categories: int, path: str) -> NDArray[np.float32]:
    lengths = pc.unique(pc.list_value_length(column)).to_pylist()
    if lengths != [categories]:
        raise UserError(
            f"{path}: expected scores of records x categories {len(column):,} x {categories:,}, "
            f"found lists of length {', '.join(map(str, lengths[:5]))}"
        )
    flat = column.flatten().to_numpy(zero_copy_only=False)
    scores_NC: NDArray[np.float32] = flat.astype(np.float32).reshape(len(column), categories)
    return scores_NC

"""Names what is on pictures, chunk by chunk: any number of them in little memory."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from torch import Tensor

from fieldmark.data.experiment import Part
from fieldmark.data.observations import Indices
from fieldmark.export.decoding import Decoded, Decoder, Found
from fieldmark.export.inputs import Inputs
from fieldmark.export.load import Trained
from fieldmark.machine import cores
from fieldmark.training.classifier.predict import predict_scores
from fieldmark.training.evaluation import first

BATCHES_A_CHUNK = 4
MOST_THREADS = 8


def schema(top_k: int) -> pa.Schema:
    """Returns the columns of an answer: image, status (`ok`, `partial`, `bad`), reason, k names, k probabilities."""
    names = [(f"category_{place}", pa.string()) for place in range(1, top_k + 1)]
    shares = [(f"probability_{place}", pa.float32()) for place in range(1, top_k + 1)]
    return pa.schema([("image", pa.string()), ("status", pa.string()), ("reason", pa.string()), *names, *shares])


def predict(
    trained: Trained, inputs: Inputs, *, top_k: int = 5, batch: int = 64, device: str = "cpu"
) -> Iterator[pa.RecordBatch]:
    """Yields the answers in the order of the inputs (columns: `schema`).

    `partial` is a row that was named without its place or date, which cannot be true; `bad` one that was not named.

    Args:
        trained: the model; it is moved to the device.
        inputs: what to name.
        top_k: how many categories a row gets, at most as many as there are.
        batch: pictures that go through the model together.
        device: as torch names it.
    """
    trained.model.to(device)
    top_k = min(top_k, len(trained.categories))
    config = trained.config
    decoder = Decoder(inputs, resolution=config.resolution, side=config.picture_side, center_share=trained.center_share)
    with ThreadPoolExecutor(min(MOST_THREADS, cores())) as pool:
        for rows, found in decoder.chunks(pool, BATCHES_A_CHUNK * batch):
            good = np.array([place for place, one in enumerate(found) if isinstance(one, Tensor)], np.int64)
            pictures = Decoded([one for one in found if isinstance(one, Tensor)])
            part = _part(inputs, rows.start + good)
            scores = predict_scores(
                trained.model, trained.config, part, pictures, device=device, batch=batch, exact=True
            )
            best_NK, share_NK = _best(scores, len(good), top_k)
            yield _answers(trained.categories, inputs, rows, found, (good, best_NK, share_NK))


def _part(inputs: Inputs, indices: Indices) -> Part:
    return Part(
        image_id=np.array([inputs.images[row] for row in indices], np.str_),
        category_N=np.full(len(indices), -1, np.int32),
        place_time=inputs.place_time.take(indices),
    )


def _best(
    scores: Iterator[tuple[Indices, NDArray[np.float32]]], count: int, top_k: int
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """Returns the best categories (N, k) and their scores (N, k); only a batch's scores are held at once."""
    best_NK, share_NK = np.zeros((count, top_k), np.int32), np.zeros((count, top_k), np.float32)
    for indices, scores_NC in scores:
        best_NK[indices] = first(scores_NC, top_k)
        share_NK[indices] = np.take_along_axis(scores_NC, best_NK[indices], axis=1)
    return best_NK, share_NK


def _answers(
    categories: Sequence[str],
    inputs: Inputs,
    rows: range,
    found: Sequence[Found],
    best: tuple[Indices, NDArray[np.int32], NDArray[np.float32]],
) -> pa.RecordBatch:
    good, best_NK, share_NK = best
    top_k = best_NK.shape[1]
    position_N: list[int | None] = [None] * len(rows)
    for position, place in enumerate(good.tolist()):
        position_N[place] = position
    take = pa.array(position_N, pa.int64())  # null: not named
    names = pa.array(categories, pa.string())
    reasons = [one if isinstance(one, str) else inputs.problems.get(row) for row, one in zip(rows, found, strict=True)]
    columns: list[Any] = [
        pa.array([inputs.images[row] for row in rows], pa.string()),
        pa.array(map(_status, found, reasons), pa.string()),
        pa.array(reasons, pa.string()),
        *(names.take(pa.array(best_NK[:, k])).take(take) for k in range(top_k)),
        *(pa.array(share_NK[:, k]).take(take) for k in range(top_k)),
    ]
    return pa.RecordBatch.from_arrays(columns, schema=schema(top_k))


def _status(found: Found, reason: str | None) -> str:
    if isinstance(found, str):
        return "bad"
    return "ok" if reason is None else "partial"

"""The scores of a prediction are those of the recorded evaluation, whatever the batch and whatever stands between."""

import shutil

import numpy as np
import pyarrow as pa
import pytest
import torch
from torchvision.io import write_jpeg

from fieldmark.export.inputs import read_inputs
from fieldmark.export.load import load_trained
from fieldmark.export.predict import BATCHES_A_CHUNK, predict, schema
from fieldmark.store import Store
from fieldmark.testing.trained_run import record_trained_run


def answers(trained, inputs, **options):
    return pa.Table.from_batches(list(predict(trained, inputs, **options)))


@pytest.mark.parametrize("batch", [1, 5, 64])
def test_pictures_in_files_get_the_scores_that_were_recorded(made, batch):
    folder, _ = made
    store, trained = Store.open(str(folder / "runs")), load_trained(folder / "export")
    (test,) = [one for one in store.evaluation_records() if one.split == "test"]
    recorded = store.predictions(test.evaluation_id)
    found = answers(trained, read_inputs(folder / "pictures" / "test.csv"), top_k=6, batch=batch)
    assert set(found["status"].to_pylist()) == {"ok"}
    names = [found[f"category_{k}"].to_pylist() for k in range(1, 7)]
    shares = np.stack([found[f"probability_{k}"].to_numpy() for k in range(1, 7)], axis=1)
    expected = np.array(recorded["top_probabilities"].to_pylist())
    np.testing.assert_allclose(shares, expected, rtol=1e-5, atol=1e-6)
    best = [trained.categories[row[0]] for row in recorded["top_categories"].to_pylist()]
    assert names[0] == best


@pytest.mark.parametrize("side", [None, 40])
def test_photographs_of_any_size_get_the_scores_that_were_recorded(tmp_path, side):
    rng = np.random.default_rng(0)
    for place in range(18):
        kind = tmp_path / "data" / ("train" if place < 10 else "test") / f"kind{place % 2}"
        kind.mkdir(parents=True, exist_ok=True)
        noise = torch.from_numpy(rng.integers(0, 255, (3, *rng.integers(20, 120, 2))).astype(np.uint8))
        write_jpeg(noise, str(kind / f"{place}.jpg"))
    store = Store.open("memory://")
    run_id = record_trained_run(store, f"folder:{tmp_path / 'data'}", fusion="image_only", picture_side=side)
    (test,) = [one for one in store.evaluation_records() if one.split == "test"]
    recorded = store.predictions(test.evaluation_id)
    found = answers(load_trained(store, run_id), read_inputs(tmp_path / "data" / "test"), top_k=2, batch=3)
    by_image = {f"test/{row['image']}": row["probability_1"] for row in found.to_pylist()}
    expected = {row["image_id"]: row["top_probabilities"][0] for row in recorded.to_pylist()}
    assert by_image == pytest.approx(expected, rel=1e-5)
    assert found["category_1"].to_pylist()[0] in ("kind0", "kind1")


def test_without_place_and_date_the_scores_are_others(made):
    folder, _ = made
    trained = load_trained(folder / "export")
    alone, told = (read_inputs(folder / "pictures" / name) for name in ("", "test.csv"))
    assert alone.images == told.images
    assert not answers(trained, alone)["probability_1"].equals(answers(trained, told)["probability_1"])


def test_bad_rows_keep_their_places_over_chunks_and_others_their_scores(made, tmp_path):
    folder, _ = made
    trained = load_trained(folder / "export")
    good = answers(trained, read_inputs(folder / "pictures" / "test.csv"))
    pictures = shutil.copytree(folder / "pictures", tmp_path / "pictures")
    (pictures / "bad.png").write_bytes(b"nothing")
    lines = (pictures / "test.csv").read_text().splitlines()
    at = [1, 2, 7, 13, 20]
    for place, line in zip(at, ["bad.png,1,2,", "none.png,1,2,", ",1,2,", "torn", "bad.png,,,"], strict=True):
        lines.insert(place, line)
    (pictures / "test.csv").write_text("\n".join(lines) + "\n")
    found = answers(trained, read_inputs(pictures / "test.csv"), batch=2)
    assert len(found) == len(good) + 5 > 2 * BATCHES_A_CHUNK
    status = found["status"].to_pylist()
    assert [row for row, word in enumerate(status) if word == "bad"] == [place - 1 for place in at]
    reasons = [reason for reason in found["reason"].to_pylist() if reason]
    assert reasons == ["not an image", "no such image file", "file: no image named", reasons[3], "not an image"]
    assert "fields" in reasons[3]
    named = found.filter(pa.array([word == "ok" for word in status]))
    assert named["image"].to_pylist() == good["image"].to_pylist()
    np.testing.assert_allclose(named["probability_1"], good["probability_1"], rtol=1e-5)
    assert named["category_1"].to_pylist() == good["category_1"].to_pylist()
    left_out = found.filter(pa.array([word == "bad" for word in status]))
    assert left_out["category_1"].null_count == left_out["probability_5"].null_count == 5


def test_only_bad_pictures_and_more_categories_than_there_are(made, tmp_path):
    (tmp_path / "a.png").write_bytes(b"")
    found = answers(load_trained(made[0] / "export"), read_inputs(tmp_path), top_k=99)
    assert found.schema == schema(6) and found["status"].to_pylist() == ["bad"]
    assert found["reason"].to_pylist() == ["empty file"]


def test_pictures_are_decoded_one_chunk_ahead_and_no_more(made, monkeypatch):
    from fieldmark.export.decoding import Decoder

    decoded, most_ahead, named = set(), 0, 0
    real = Decoder.one
    monkeypatch.setattr(Decoder, "one", lambda self, row: decoded.add(row) or real(self, row))
    trained, inputs = load_trained(made[0] / "export"), read_inputs(made[0] / "pictures" / "test.csv")
    for chunk in predict(trained, inputs, batch=1):
        most_ahead = max(most_ahead, len(decoded) - named)
        named += len(chunk)
    assert named == len(inputs) == len(decoded)
    assert most_ahead <= 2 * BATCHES_A_CHUNK

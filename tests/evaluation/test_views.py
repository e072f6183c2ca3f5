"""Sizes, crops and fields against a slow and plain program: one picture and one crop at a time."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision.transforms.v2 import functional

from fieldmark.config import View
from fieldmark.data.images.normalise import IMAGENET_MEAN, IMAGENET_STD
from fieldmark.data.images.sources import file_root
from fieldmark.data.observations import PlaceTime, Split
from fieldmark.models.metadata import encode_metadata, places
from fieldmark.training.classifier.execution import Execution
from fieldmark.training.classifier.predict import PREDICT_BATCH, predict_scores
from fieldmark.training.classifier.views import view_scores

SHARE = 0.875
FEW = 8
"""Records that the slow program scores."""


def scores(made, view, split=Split.TEST, trained=None):
    trained = trained or made.trained()
    pictures = made.pictures()
    return view_scores(trained.model, trained.config, pictures, split, View.parse(view), execution=Execution())


def plain_crops(observations, record, size, crops):
    """Returns the uint8 crops (3, size, size) of one picture."""
    shorter = round(size / SHARE)
    root = file_root(observations)
    if root is None:
        drawn = observations.images.pixels(np.array([record]), size if crops == "center" else shorter)[0]
        whole = torch.from_numpy(drawn).permute(2, 0, 1)
        if crops == "center":
            return [whole]
    else:
        opened = Image.open(f"{root}/{observations.image_path[record].as_py()}")
        whole = torch.from_numpy(np.asarray(opened.convert("RGB")).copy()).permute(2, 0, 1)
    scaled = functional.resize(whole, [shorter], antialias=True)
    if crops == "center":
        return [functional.center_crop(scaled, [size, size])]
    height, width = scaled.shape[-2:]
    found = [functional.crop(scaled, top, left, size, size) for top in (0, height - size) for left in (0, width - size)]
    found.append(functional.center_crop(scaled, [size, size]))
    if crops == "twelve":
        found.append(functional.resize(whole, [size, size], antialias=True))
    return found + [functional.horizontal_flip(crop) for crop in found]


def plain_scores(made, sizes, crops):
    """Returns the mean probability of the first test records, by loops."""
    trained, observations = made.trained(), made.dataset.observations
    mean, std = (torch.tensor(value, dtype=torch.float64).view(3, 1, 1) for value in (IMAGENET_MEAN, IMAGENET_STD))
    found = []
    for record in made.dataset.indices(Split.TEST)[:FEW].tolist():
        where = observations.place_time.take(np.array([record]))
        encoded, place = torch.from_numpy(encode_metadata(where, trained.config)), torch.from_numpy(places(where))
        by_size = []
        for size in sizes:
            seen = [(crop / 255.0 - mean) / std for crop in plain_crops(observations, record, size, crops)]
            with torch.no_grad():
                said = [trained.model(one[None].double(), encoded, place).softmax(dim=1)[0] for one in seen]
            by_size.append(torch.stack(said).mean(dim=0))
        found.append(torch.stack(by_size).mean(dim=0))
    return torch.stack(found).numpy()


@pytest.mark.parametrize(
    ("view", "sizes", "crops"),
    [
        ("", (32,), "center"),
        ("center:24+32+48", (24, 32, 48), "center"),
        ("ten", (32,), "ten"),
        ("ten:24+40", (24, 40), "ten"),
        ("twelve:28", (28,), "twelve"),
    ],
)
def test_every_view_is_the_mean_of_plain_probabilities(made, view, sizes, crops):
    found, expected = scores(made, view), plain_scores(made, sizes, crops)
    assert found.dtype == np.float32 and len(found) == len(made.dataset.indices(Split.TEST))
    np.testing.assert_allclose(found[:FEW], expected, atol=1e-6)
    if view:
        assert np.abs(found - scores(made, "")).max() > 1e-4, "the view shows nothing new"


MISSING = {"place": ("date",), "date": ("place",), "none": ("place", "date")}


@pytest.mark.parametrize("fields", list(MISSING))
@pytest.mark.parametrize("missing", ["each", "all"])
def test_withheld_fields_are_as_if_the_records_lacked_them(on_world, fields, missing):
    trained = on_world.trained()
    trained = replace(trained, config=trained.config.model_copy(update={"missing": missing}))
    data = on_world.pictures()(32, False)
    part, n = data.parts[Split.TEST], len(data.parts[Split.TEST])
    where, nowhere = part.place_time, np.full(n, np.nan)
    lacking = PlaceTime(
        latitude_N=nowhere if "place" in MISSING[fields] else where.latitude_N,
        longitude_N=nowhere if "place" in MISSING[fields] else where.longitude_N,
        date_N=np.full(n, "NaT", "datetime64[D]") if "date" in MISSING[fields] else where.date_N,
        observer_N=where.observer_N,
    )
    rows = predict_scores(
        trained.model, trained.config, replace(part, place_time=lacking), data.images[Split.TEST], exact=True
    )
    expected = np.concatenate([row for _, row in rows])
    found = scores(on_world, f" {fields}", trained=trained)
    np.testing.assert_array_equal(found, expected)
    assert np.abs(found - scores(on_world, "", trained=trained)).max() > 1e-4, "nothing was withheld"


def test_many_crops_do_not_make_larger_batches(on_world):
    trained, seen = on_world.trained(), []
    map_of = trained.model.backbone.map
    trained.model.backbone.map = lambda image: (seen.append(len(image)), map_of(image))[1]
    scores(on_world, "twelve:24", trained=trained)
    assert max(seen) <= PREDICT_BATCH and sum(seen) == 12 * len(on_world.dataset.indices(Split.TEST))


def test_records_may_be_chosen(on_world):
    trained, view = on_world.trained(), View.parse("ten:24+32")
    chosen = np.array([5, 0, 7])
    some = view_scores(
        trained.model,
        trained.config,
        on_world.pictures(),
        Split.TEST,
        view,
        execution=Execution(),
        positions=chosen,
    )
    np.testing.assert_allclose(some, scores(on_world, "ten:24+32")[chosen], atol=1e-7)


def test_pictures_are_opened_once_a_size(on_world):
    opened = on_world.pictures()
    assert opened(24, False) is opened(24, False) and opened(24, False) is not opened(28, False)
    assert opened(28, True).images[Split.TEST].image(0).shape == (3, 32, 32)
    assert set(opened(24, False).parts) == {Split.TUNE, Split.TEST}

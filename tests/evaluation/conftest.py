"""Classifiers with random weights, on the world and on a folder of pictures."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fieldmark.data.observations import DataSet
from fieldmark.data.open import open_dataset
from fieldmark.evaluation.pictures import Pictures
from fieldmark.export.load import Trained, load_trained
from fieldmark.store import Store
from fieldmark.testing.trained_run import WORLD, record_trained_run

SIZES = ((40, 56), (61, 44), (36, 36), (30, 33))
"""Heights and widths of pictures in the folder."""


@dataclass(frozen=True)
class Made:
    """A run, what it learned from, and its model in double precision."""

    store: Store
    run_id: str
    dataset: DataSet

    def pictures(self) -> Pictures:
        config = self.store.run(self.run_id).spec.config
        return Pictures(self.dataset, config, cache=None, say=lambda _: None, pack=False)

    def trained(self) -> Trained:
        found = load_trained(self.store, self.run_id)
        config = found.config.model_copy(update={"precision": "float64"})
        return replace(found, model=found.model.double(), config=config)

    def everything(self) -> dict[str, bytes | None]:
        return {key: self.store.get(key) for key in self.store.list("")}


@pytest.fixture(autouse=True)
def _cache_of_its_own(tmp_path_factory, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))


def make(data, **config):
    store = Store.open("memory://")
    return Made(store, record_trained_run(store, data, **config), open_dataset(data))


@pytest.fixture
def on_world():
    return make(WORLD)


@pytest.fixture(scope="session")
def folder(tmp_path_factory) -> Path:
    """Pictures of several sizes and three classes with places and dates, some missing."""
    folder = tmp_path_factory.mktemp("folder")
    rng = np.random.default_rng(0)
    lines = ["file,class,split,lat,lon,date"]
    for number in range(30):
        height, width = SIZES[number % len(SIZES)]
        name = f"{number:02d}.png"
        Image.fromarray(rng.integers(0, 256, (height, width, 3), dtype=np.uint8)).save(folder / name)
        split = ("train", "val", "test")[number % 3]
        place = "," if number % 5 == 0 else f"{number - 10},{3 * number}"
        lines.append(f"{name},{'abc'[number // 3 % 3]},{split},{place},{'' if number % 7 == 0 else '2020-05-17'}")
    (folder / "split.csv").write_text("\n".join(lines) + "\n")
    return folder


@pytest.fixture(params=["world", "folder"])
def made(request, folder):
    """The same on both kinds of pictures."""
    return make(WORLD if request.param == "world" else f"folder:{folder}")

"""A classifier with random weights in a store, its export, and its test pictures as files."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torchvision.io import write_png

from fieldmark.data.observations import Split
from fieldmark.data.open import open_dataset
from fieldmark.export.folder import export_run
from fieldmark.store import Store
from fieldmark.testing.trained_run import WORLD, record_trained_run


@pytest.fixture(scope="session")
def made(tmp_path_factory):
    """The store's folder, the run's id, and a folder with test.csv, its pictures, and an export."""
    folder = tmp_path_factory.mktemp("made")
    store = Store.open(str(folder / "runs"))
    run_id = record_trained_run(store)
    write_test_part(folder / "pictures", 32)
    export_run(store, run_id, folder / "export")
    return folder, run_id


def write_test_part(folder: Path, resolution: int) -> None:
    """Writes the world's test pictures and a table that says where and when they were taken."""
    observations = (data := open_dataset(WORLD)).observations
    rows = data.indices(Split.TEST)
    where = observations.place_time.take(rows)
    folder.mkdir()
    lines = ["file,lat,lon,date"]
    for place, pixels in enumerate(observations.images.pixels(rows, resolution)):
        write_png(torch.from_numpy(pixels).permute(2, 0, 1), str(folder / f"{place:02d}.png"))
        figures = (where.latitude_N[place], where.longitude_N[place])
        day = "" if np.isnat(where.date_N[place]) else str(where.date_N[place])
        lines.append(",".join([f"{place:02d}.png", *("" if np.isnan(x) else repr(float(x)) for x in figures), day]))
    (folder / "test.csv").write_text("\n".join(lines) + "\n")

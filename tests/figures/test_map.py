"""The map of a data set's records."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fieldmark.data.readers import read
from fieldmark.errors import UserError
from fieldmark.figures.map import draw_map


@pytest.mark.parametrize(("west", "east", "south", "north"), [(-180, 180, -90, 90), (24, 25, 60, 60.3), (5, 5, -7, -7)])
def test_a_map_of_any_extent(tmp_path: Path, west: float, east: float, south: float, north: float) -> None:
    rng = np.random.default_rng(0)
    rows = [f"{'AB'[k % 2]},{rng.uniform(south, north)},{rng.uniform(west, east)}\n" for k in range(60)]
    (tmp_path / "$t$.csv").write_text("species,lat,lon\n" + "".join(rows) + "A,,\n")
    draw_map(read(f"table:{tmp_path / '$t$.csv'}"), tmp_path / "map.png")
    with Image.open(tmp_path / "map.png") as picture:
        assert picture.width > 900
        assert len(picture.convert("RGB").getcolors(1 << 24) or []) > 50


def test_nothing_to_map(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("species,lat,lon\nA,,\nB,,\n")
    with pytest.raises(UserError, match="nothing to map"):
        draw_map(read(f"table:{tmp_path / 't.csv'}"), tmp_path / "map.png")

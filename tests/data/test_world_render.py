from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from fieldmark.data.world.config import WorldConfig
from fieldmark.data.world.render import render
from fieldmark.data.world.world import World
from fieldmark.figures.world import contact_sheet, style_sheet

CONFIG = WorldConfig()
WORLD = World(CONFIG)
COARSE, FINE = CONFIG.mark_resolution, CONFIG.mark_resolution * 3 // 2


def candidates(serial: int, resolution: int, *, marks: bool = True) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """What one record's picture would be for each species, with and without the planet's view of marks."""
    planet = WORLD.planet
    species_C = np.arange(planet.species)
    images = render(
        CONFIG,
        group_N=planet.group_C,
        mark_N=planet.marked(species_C, resolution) if marks else np.zeros_like(species_C),
        mark_from_N=planet.mark_from_G[planet.group_C],
        part_N=np.full(planet.species, 2),
        serial_N=np.full(planet.species, serial),
        resolution=resolution,
    )
    return images, planet.group_C * 100 + planet.marked(species_C, resolution)


def test_pixels_do_not_depend_on_the_selection() -> None:
    whole = WORLD.images.pixels(np.arange(150), 24)
    assert whole.shape == (150, 24, 24, 3) and whole.dtype == np.uint8
    picked = np.array([149, 3, 77])
    np.testing.assert_array_equal(WORLD.images.pixels(picked, 24), whole[picked])
    assert len(np.unique(whole.reshape(150, -1), axis=0)) == 150


@pytest.mark.parametrize("resolution", [16, 48, COARSE - 1])
def test_below_the_threshold_a_mark_is_not_there(resolution: int) -> None:
    with_marks, _ = candidates(5, resolution)
    without, _ = candidates(5, resolution, marks=False)
    np.testing.assert_array_equal(with_marks, without)
    for group in range(CONFIG.groups):
        of_group = with_marks[WORLD.planet.group_C == group]
        assert (of_group == of_group[0]).all(), "look-alikes are bit-identical"


@pytest.mark.parametrize(("resolution", "looks"), [(48, 20), (COARSE, 30), (FINE, 40)])
def test_an_oracle_reads_group_and_mark_from_the_pixels(resolution: int, looks: int) -> None:
    """With pose, ground and light known, the nearest template of every look is the right one, and far from the next."""
    for serial in range(4):
        images, look_C = candidates(serial, resolution)
        assert len(np.unique(look_C)) == looks
        flat = images.reshape(len(images), -1).astype(np.float32)
        changed = (np.abs(flat[:, None] - flat) > 24).sum(axis=2)
        same = look_C[:, None] == look_C
        assert (changed[same] == 0).all()
        assert changed[~same].min() >= 6, "at least two pixels tell two looks apart"


def test_a_mark_is_a_small_change() -> None:
    images, look_C = candidates(1, FINE)
    plain, marked = images[0].astype(int), images[1].astype(int)
    assert look_C[0] == 0 and look_C[1] == 1
    assert 0 < (np.abs(plain - marked).max(axis=-1) > 12).mean() < 0.03


def test_styles_are_nuisances_and_differ() -> None:
    world = World(WorldConfig(styles=4))
    indices = np.arange(3000)
    style_N = world.images.styles(indices)
    assert np.allclose(np.bincount(style_N) / 3000, 0.25, atol=0.04)
    brightness = [world.images.pixels(indices[style_N == style][:40], 16).mean() for style in range(4)]
    assert brightness[1] < 0.7 * brightness[0] and brightness[0] < min(brightness[2:]), "dusk is dark, paper is pale"
    assert set(World(WorldConfig(styles=1)).images.styles(indices)) == {0}


def test_sheets_are_drawn(tmp_path: Path) -> None:
    world = World(WorldConfig(species=5, group_size=3, test_per_category=6))
    assert contact_sheet(world, tmp_path / "sheet.png", resolutions=(16, 24)).stat().st_size > 5_000
    assert style_sheet(world, tmp_path / "styles.png", examples=2, resolution=16).stat().st_size > 1_000

"""Pictures of the world for the documentation."""

from pathlib import Path

import numpy as np

from fieldmark.data.observations import Indices
from fieldmark.data.world.scene import STYLES
from fieldmark.data.world.world import World


def contact_sheet(
    world: World, path: Path, *, groups: int = 6, resolutions: tuple[int, ...] = (32, 48, 64, 96)
) -> Path:
    """Draws test pictures: a row for each group of look-alikes, a column for each species at each resolution.

    Args:
        world: where the pictures come from.
        path: the image file to write; its directory must exist.
        groups: rows, at most the world's groups.
        resolutions: pixels of a picture's side; marks appear from `mark_resolution` on.

    Returns:
        The path.
    """
    from matplotlib.figure import Figure

    members = world.config.group_size
    rows = min(groups, world.config.groups)
    figure = Figure(figsize=(1.15 * members * len(resolutions), 1.3 * rows), layout="constrained")
    axes = figure.subplots(rows, members * len(resolutions), squeeze=False, subplot_kw={"xticks": [], "yticks": []})
    names = world.observations().categories
    for group in range(rows):
        for column, (resolution, member) in enumerate((r, m) for r in resolutions for m in range(members)):
            cell = axes[group, column]
            species = group * members + member
            if species >= world.config.species:
                cell.set_axis_off()
                continue
            cell.imshow(world.images.pixels(_example(world, species, column), resolution)[0], interpolation="nearest")
            cell.set_title(f"{names[species]} {resolution} px", fontsize=6, pad=2)
    figure.savefig(path, dpi=150)
    return path


def style_sheet(world: World, path: Path, *, species: int = 0, examples: int = 6, resolution: int = 96) -> Path:
    """Draws one species in every style of the world, `examples` pictures in a row.

    Returns:
        The path.
    """
    from matplotlib.figure import Figure

    styles = world.config.styles
    figure = Figure(figsize=(1.3 * examples, 1.4 * styles), layout="constrained")
    axes = figure.subplots(styles, examples, squeeze=False, subplot_kw={"xticks": [], "yticks": []})
    indices = np.flatnonzero(world.records.category_N == species)
    style_N = world.images.styles(indices)
    for style in range(styles):
        axes[style, 0].set_ylabel(STYLES[style], fontsize=8)
        for cell, index in zip(axes[style], indices[style_N == style], strict=False):
            cell.imshow(world.images.pixels(np.array([index]), resolution)[0], interpolation="nearest")
    figure.savefig(path, dpi=150)
    return path


def _example(world: World, species: int, number: int) -> Indices:
    indices = np.flatnonzero(world.records.category_N == species)
    return indices[[number % len(indices)]]

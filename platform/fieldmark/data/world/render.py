"""Draws the butterflies: numpy only, all pictures of a block at once, at any resolution.

Names: `_NHW` is one number a pixel. Coordinates run over [-1, 1], y upwards; in the creature's frame the body is the
line u = 0.
"""

import numpy as np
from numpy.typing import NDArray

from fieldmark.data.world.config import WorldConfig
from fieldmark.data.world.looks import (
    MARK_COLOURS,
    MARK_PLACES,
    Looks,
    Pixels,
    make_looks,
    mark_place,
    mark_radius,
)
from fieldmark.data.world.scene import Scene, draw_scene

BLOCK_PIXELS = 64 * 48 * 48  # pixels drawn at once: what stays in a core's cache
INK = np.array([0.08, 0.06, 0.07], dtype=np.float32)
NIGHT = np.array([0.42, 0.47, 0.62], dtype=np.float32)
FOREWING_CENTRE = (0.42, 0.28)
HINDWING_CENTRE = (0.31, -0.28)


def render(
    config: WorldConfig,
    *,
    group_N: NDArray[np.int64],
    mark_N: NDArray[np.int64],
    mark_from_N: NDArray[np.float64],
    part_N: NDArray[np.int64],
    serial_N: NDArray[np.int64],
    resolution: int,
) -> NDArray[np.uint8]:
    """Returns RGB pictures (N, resolution, resolution, 3).

    Args:
        config: the world; its seed and styles matter.
        group_N: the group of look-alikes, which sets colour, pattern and shape.
        mark_N: number of the mark to draw, 0 for none; the caller has looked whether it can be seen.
        mark_from_N: resolution from which the mark is visible, which sets its size.
        part_N: part of the data set; with the serial number it sets all nuisances.
        serial_N: number within the part.
        resolution: side in pixels.
    """
    looks = make_looks(config)
    images = np.empty((len(group_N), resolution, resolution, 3), dtype=np.uint8)
    block = max(1, BLOCK_PIXELS // resolution**2)
    for start in range(0, len(group_N), block):
        rows = slice(start, start + block)
        scene = draw_scene(config, part_N[rows], serial_N[rows], resolution)
        images[rows] = _draw(looks.take(group_N[rows]), mark_N[rows], mark_from_N[rows], scene, resolution)
    return images


def _draw(
    looks: Looks, mark_N: NDArray[np.int64], mark_from_N: NDArray[np.float64], scene: Scene, resolution: int
) -> NDArray[np.uint8]:
    x_HW, y_HW = _grid(resolution)
    u_NHW, v_NHW, scale_N = _creature_frame(scene, x_HW, y_HW)
    sharp_N = 0.5 * resolution * scale_N  # pixels in a unit of the creature's frame
    wing_NHW, ink_NHW = _wings(looks, u_NHW, v_NHW, sharp_N)
    ink_NHW = np.maximum(ink_NHW, _body(v_NHW, u_NHW, sharp_N))
    cover_NHW = np.maximum(wing_NHW, ink_NHW)
    pattern_NHW = _pattern(looks, u_NHW, v_NHW)
    colour_NHW3 = _mix(looks.base_G3[:, None, None], looks.second_G3[:, None, None], pattern_NHW)
    colour_NHW3 = _mix(colour_NHW3, INK, ink_NHW)
    colour_NHW3 = _add_marks(colour_NHW3, mark_N, mark_from_N, u_NHW, v_NHW, sharp_N)
    image_NHW3 = _mix(_background(scene, x_HW, y_HW), colour_NHW3, cover_NHW)
    return _expose(image_NHW3, scene, x_HW, y_HW)


def _grid(resolution: int) -> tuple[Pixels, Pixels]:
    axis = ((np.arange(resolution) + 0.5) * 2 / resolution - 1).astype(np.float32)
    x_HW, y_HW = np.meshgrid(axis, -axis)
    return x_HW, y_HW


def _creature_frame(scene: Scene, x_HW: Pixels, y_HW: Pixels) -> tuple[Pixels, Pixels, Pixels]:
    """Returns distance from the body's axis, height along it, and the scale, after shift, turn, size and opening."""
    pose = scene.pose()
    x_NHW = x_HW - pose.right
    y_NHW = y_HW - pose.up
    cos, sin = np.cos(pose.turn) / pose.scale, np.sin(pose.turn) / pose.scale
    u_NHW = np.abs(cos * x_NHW + sin * y_NHW) / pose.opening
    return u_NHW, cos * y_NHW - sin * x_NHW, pose.scale


def _wings(looks: Looks, u_NHW: Pixels, v_NHW: Pixels, sharp_N: Pixels) -> tuple[Pixels, Pixels]:
    """Returns the wings' cover and their dark margins."""
    margin_N = looks.margin_G[:, None, None]
    fore_NHW, fore_width = _ellipse(looks.fore_G3, FOREWING_CENTRE, u_NHW, v_NHW)
    hind_NHW, hind_width = _ellipse(looks.hind_G3, HINDWING_CENTRE, u_NHW, v_NHW)
    fore_cover = np.clip((1 - fore_NHW) * fore_width * sharp_N + 0.5, 0, 1)
    hind_cover = np.clip((1 - hind_NHW) * hind_width * sharp_N + 0.5, 0, 1)
    fore_edge = np.clip((fore_NHW - margin_N) * fore_width * sharp_N + 0.5, 0, 1) * fore_cover
    hind_edge = np.clip((hind_NHW - margin_N) * hind_width * sharp_N + 0.5, 0, 1) * hind_cover * (1 - fore_cover)
    return np.maximum(fore_cover, hind_cover), np.maximum(fore_edge, hind_edge)


def _ellipse(shape_N3: Pixels, centre: tuple[float, float], u_NHW: Pixels, v_NHW: Pixels) -> tuple[Pixels, Pixels]:
    """Returns the normalised radius (1 on the rim) and the half width (N, 1, 1)."""
    length, width, angle = (shape_N3[:, i, None, None] for i in range(3))
    du, dv = u_NHW - np.float32(centre[0]), v_NHW - np.float32(centre[1])
    cos, sin = np.cos(angle), np.sin(angle)
    along, across = (cos * du + sin * dv) / length, (cos * dv - sin * du) / width
    return np.sqrt(along * along + across * across), width


def _body(v_NHW: Pixels, u_NHW: Pixels, sharp_N: Pixels) -> Pixels:
    """Returns the cover of the trunk and the two antennae."""
    trunk = np.sqrt((u_NHW / 0.07) ** 2 + (v_NHW / 0.44) ** 2)
    trunk_cover = np.clip((1 - trunk) * 0.07 * sharp_N + 0.5, 0, 1)
    off_line = np.abs(u_NHW - 0.04 - 0.55 * (v_NHW - 0.4))
    antenna = np.clip((0.02 - off_line) * sharp_N + 0.5, 0, 1) * ((v_NHW > 0.4) & (v_NHW < 0.78))  # from head to tip
    return np.maximum(trunk_cover, antenna)


def _pattern(looks: Looks, u_NHW: Pixels, v_NHW: Pixels) -> Pixels:
    """Returns the share of the second colour: bands by radius, rays by angle, spots by both."""
    radial, angular, threshold = (looks.pattern_G3[:, i, None, None] for i in range(3))
    radius_NHW = np.sqrt(u_NHW * u_NHW + v_NHW * v_NHW)
    wave = np.cos(radial * radius_NHW) * np.cos(angular * np.arctan2(v_NHW, u_NHW))
    share_NHW: Pixels = np.clip(0.5 + 4 * (wave - threshold), 0, 1)
    return share_NHW


def _add_marks(
    colour_NHW3: Pixels,
    mark_N: NDArray[np.int64],
    mark_from_N: NDArray[np.float64],
    u_NHW: Pixels,
    v_NHW: Pixels,
    sharp_N: Pixels,
) -> Pixels:
    """Draws a pair of eyespots on the pictures whose mark is not 0."""
    rows = np.flatnonzero(mark_N)
    if not len(rows):
        return colour_NHW3
    tint = (mark_N[rows] - 1) // len(MARK_PLACES)
    at_u, at_v = (axis_N.astype(np.float32)[:, None, None] for axis_N in mark_place(mark_N[rows]).T)
    distance = np.sqrt((u_NHW[rows] - at_u) ** 2 + (v_NHW[rows] - at_v) ** 2)
    radius = mark_radius(mark_from_N[rows]).astype(np.float32)[:, None, None]
    ring = np.clip((radius - distance) * sharp_N[rows] + 0.5, 0, 1)
    core = np.clip((0.6 * radius - distance) * sharp_N[rows] + 0.5, 0, 1)
    spotted = _mix(colour_NHW3[rows], INK, ring)
    colour_NHW3[rows] = _mix(spotted, MARK_COLOURS[tint].astype(np.float32)[:, None, None], core)
    return colour_NHW3


def _background(scene: Scene, x_HW: Pixels, y_HW: Pixels) -> Pixels:
    """Returns a soft, wavy ground in one colour."""
    wave = np.sin(scene.uniform(11, 2, 6) * x_HW + scene.uniform(12, 0, 6)) * np.sin(
        scene.uniform(13, 2, 6) * y_HW + scene.uniform(14, 0, 6)
    )
    strength = np.where(scene.style_N >= 2, 0.03, 0.22).astype(np.float32)[:, None, None]  # paper is even
    ground: Pixels = scene.background_N3()[:, None, None] * (1 + strength * wave)[..., None]
    return ground


def _expose(image_NHW3: Pixels, scene: Scene, x_HW: Pixels, y_HW: Pixels) -> NDArray[np.uint8]:
    """Applies style, light falling from one side, and grain."""
    style_N = scene.style_N[:, None, None, None]
    pale = np.where(style_N == 2, np.float32(0.4), np.float32(0))  # watercolour
    image_NHW3 = image_NHW3 * (1 - pale) + pale
    image_NHW3 = image_NHW3 * np.where(style_N == 1, NIGHT, np.float32(1))
    light = scene.uniform(6, 0.8, 1.1) + scene.uniform(7, -0.12, 0.12) * x_HW + scene.uniform(15, -0.12, 0.12) * y_HW
    image_NHW3 = image_NHW3 * light[..., None] + np.float32(0.05) * scene.grain_NHW3
    levels_NHW3: Pixels = np.clip(image_NHW3, 0, 1) * np.float32(255) + np.float32(0.5)
    return levels_NHW3.astype(np.uint8)


def _mix(under: Pixels, over: Pixels, share_NHW: Pixels) -> Pixels:
    """Returns `under` covered by `over` to this share."""
    return under + (over - under) * share_NHW[..., None]

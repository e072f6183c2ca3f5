"""From a split data set to what the training of a classifier gets: good pictures only, and a report on the others."""

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from fieldmark.config import digest
from fieldmark.data.experiment import part_of
from fieldmark.data.images.experiment import ImageExperiment
from fieldmark.data.images.pack import pictures_a_shard
from fieldmark.data.images.packed import Pack, PartImages
from fieldmark.data.images.report import ImageReport, image_report, require_enough
from fieldmark.data.images.sources import file_root, pictures_of
from fieldmark.data.observations import DataSet, Indices, Observations, Split
from fieldmark.data.open import MAX_BAD_SHARE
from fieldmark.errors import UserError

PACK_NUMERICS = 1
"""Raise it when decoding or resizing gives other pixels: packs of before are then made anew."""

_PARTS = (Split.TRAIN, Split.TUNE, Split.TEST)


def prepare_images(
    dataset: DataSet,
    *,
    resolution: int,
    side: int | None = None,
    cache: Path | None = None,
    pack: bool = True,
    max_bad_share: float = MAX_BAD_SHARE,
    processes: int = 1,
    parts: Sequence[Split] = _PARTS,
    say: Callable[[str], None],
) -> tuple[ImageExperiment, ImageReport]:
    """Looks at every picture once, leaves the bad ones out, and keeps the good ones at the size a training needs.

    Asked again, it looks only at files that were bad and have changed since. Whether pictures are packed changes no
    pixel: without a pack they are decoded and resized in the same way each time.

    Args:
        dataset: a data set that has pictures.
        resolution: side of the square input. The world's pictures are drawn at it, which is what its bound holds for.
        side: shorter side that files are shrunk to (`ClassifierConfig.picture_side`); None leaves them as they are,
            and then they are read each time, for a pack of them would be enormous.
        cache: folder of this machine's packs; None: see `cache_folder`.
        pack: False reads files that could be packed each time, too.
        max_bad_share: largest share of records, in [0, 1], that may be left out, for their picture or when reading.
        processes: cores to use.
        parts: those that are given; none of them may be without pictures.
        say: told how it goes.

    Returns:
        The arrays and pictures of every part (the images are cheap to pickle, and are made where they are missing),
        and the report.

    Raises:
        UserError: no pictures, too many bad ones, a part without any, no space, or a cache that cannot be written.
    """
    observations = dataset.observations
    if observations.images is None:
        raise UserError(f"{observations.name}: a classifier needs pictures, and this data set has none")
    packed = _pack(observations, resolution, side, cache, pack)
    bad = packed.bad(processes, say)
    report = image_report(observations, packed.pictures, bad)
    require_enough(report, max_bad_share)
    chosen = {split: _good(dataset, split, bad) for split in parts}
    experiment = ImageExperiment(
        categories=observations.categories,
        parts={split: part_of(observations, indices) for split, indices in chosen.items()},
        images={split: PartImages(packed, indices) for split, indices in chosen.items()},
        exact=packed.pictures.exact,
    )
    return experiment, report


def _pack(observations: Observations, resolution: int, side: int | None, cache: Path | None, pixels: bool) -> Pack:
    size = resolution if file_root(observations) is None else side
    # A selection of records has the fingerprint of the whole.
    records = hashlib.sha256("\n".join(observations.image_id.to_pylist()).encode()).hexdigest()
    decisive = {"numerics": PACK_NUMERICS, "data": observations.fingerprint, "records": records, "size": size}
    key = digest({**decisive, "a_shard": pictures_a_shard(size)})
    pictures = pictures_of(observations, resolution=resolution, side=side)
    return Pack(pictures=pictures, size=size, key=key, cache=cache, pixels=pixels and size is not None)


def _good(dataset: DataSet, split: Split, bad: dict[int, str]) -> Indices:
    indices = dataset.indices(split)
    good = indices[~np.isin(indices, list(bad))]
    if not len(good):
        raise UserError(f"{dataset.observations.name}: no picture of the {split.name.lower()} part can be used")
    return good

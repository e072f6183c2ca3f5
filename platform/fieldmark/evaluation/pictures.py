"""The tune and test pictures of one data set, at whatever size a view shows them."""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np

from fieldmark.config import ClassifierFields, RunSpec
from fieldmark.data.images.experiment import ImageExperiment
from fieldmark.data.images.prepare import prepare_images
from fieldmark.data.images.sources import file_root
from fieldmark.data.images.transforms import cropped_from
from fieldmark.data.observations import DataSet, Split
from fieldmark.data.open import MAX_BAD_SHARE
from fieldmark.data.select import take
from fieldmark.errors import UserError

HELD_OUT = (Split.TUNE, Split.TEST)


class Pictures:
    """Opens pictures at a size when first asked for them, and keeps them open.

    The world's are drawn at the very size that a crop, or the square that crops are taken from, has: none is resized.
    Files are shrunk to `picture_side` at the training resolution only: shrunk for that, they would lack detail at
    another.
    """

    def __init__(
        self,
        dataset: DataSet,
        config: ClassifierFields,
        *,
        cache: Path | None,
        say: Callable[[str], None],
        splits: Sequence[Split] = HELD_OUT,
        pack: bool = True,
        max_bad_share: float = MAX_BAD_SHARE,
    ) -> None:
        """Takes a split data set, and what to show of it.

        Args:
            dataset: that the run learned from; its training pictures are not looked at.
            config: of the run: its resolution, `picture_side` and `center_share`.
            cache: folder of this machine's packs; None: wherever it keeps them.
            say: told how it goes.
            splits: parts to give; those without records are left out.
            pack: whether what can be packed is, to be read again more quickly.
            max_bad_share: largest share of bad records or pictures that is passed over.
        """
        asked = np.flatnonzero(np.isin(dataset.split_N, sorted(splits)))
        observations = take(dataset.observations, asked)
        self._dataset = DataSet(observations=observations, protocol=dataset.protocol, split_N=dataset.split_N[asked])
        self.splits = tuple(split for split in HELD_OUT if (self._dataset.split_N == split).any())
        self._drawn = observations.images is not None and file_root(observations) is None
        self._config = config
        self._prepare = partial(prepare_images, cache=cache, pack=pack, max_bad_share=max_bad_share, say=say)
        self._say = say
        self._kept: dict[int | None, ImageExperiment] = {}

    def __call__(self, size: int, crops: bool) -> ImageExperiment:
        """Returns the parts with pictures that crops of side `size` can be made of.

        Args:
            size: side of a crop, in pixels.
            crops: whether there are others than the central one.
        """
        drawn = cropped_from(size, self._config.center_share) if crops else size
        side = self._config.picture_side if size == self._config.resolution else None
        key = drawn if self._drawn else side
        if key not in self._kept:
            self._kept[key], report = self._prepare(self._dataset, resolution=drawn, side=side, parts=self.splits)
            for line in report.lines():
                self._say(line)
        return self._kept[key]

    def check(self, run_id: str, spec: RunSpec) -> None:
        """Looks whether these are the data that a run learned from.

        Raises:
            UserError: they are not.
        """
        found = self._dataset.observations.fingerprint, self._dataset.protocol
        if found != (spec.fingerprint, spec.protocol):
            raise UserError(
                f"run {run_id[:10]} learned from {spec.dataset}, fingerprint {spec.fingerprint[:10]}, {spec.protocol}; "
                f"these pictures are of {found[0][:10]}, {found[1]}"
            )

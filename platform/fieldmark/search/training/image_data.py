"""The data sets and pictures of image units, kept between them."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from fieldmark.config.classifier import ClassifierFields
from fieldmark.data.observations import DataSet
from fieldmark.errors import UserError
from fieldmark.search.image_task import ImageTask
from fieldmark.search.training.kept import Kept
from fieldmark.store import layout

if TYPE_CHECKING:
    from fieldmark.data.images.experiment import ImageExperiment
    from fieldmark.evaluation.pictures import Pictures
    from fieldmark.store import Store

MOST_DATASETS = 2
"""At a time: of iNaturalist's one alone takes gigabytes."""
MOST_SIZES = 4
"""Sets of pictures at a time; packed, each is a map of files."""

Say = Callable[[str], None]


class ImageData:
    """Opens data sets, and makes packs of their pictures, once each; several processes may make the same pack."""

    def __init__(self, store: "Store", *, cache: str | None, max_bad_share: float, say: Say) -> None:
        """Takes what every data set has in common.

        Args:
            store: where what tables and exports need to know of a data set is kept.
            cache: folder of packed pictures; None: the user's.
            max_bad_share: of records or pictures that may be left out.
            say: told how it goes.
        """
        self._store = store
        self._cache = None if cache is None else Path(cache)
        self._max_bad_share = max_bad_share
        self._say = say
        self._datasets: Kept[DataSet] = Kept(MOST_DATASETS)
        self._experiments: Kept[ImageExperiment] = Kept(MOST_SIZES)
        self._pictures: Kept[Pictures] = Kept(MOST_SIZES)

    def dataset(self, unit: ImageTask) -> DataSet:
        """Returns a unit's data set.

        Raises:
            UserError: it cannot be read, or has changed since the unit was planned.
        """
        spec = unit.task.spec
        dataset = self._datasets.get((unit.data, spec.protocol), lambda: self._open(unit))
        if dataset.observations.fingerprint != spec.fingerprint:
            raise UserError(f"--data {unit.data}: its records are not those that run {unit.run_id[:10]} is planned on")
        return dataset

    def experiment(self, unit: ImageTask) -> "ImageExperiment":
        """Returns the arrays and pictures on which a unit is trained."""
        config = fields_of(unit)
        key = (unit.data, unit.task.spec.protocol, config.resolution, config.picture_side)
        return self._experiments.get(key, lambda: self._prepare(unit, config))

    def pictures(self, unit: ImageTask) -> "Pictures":
        """Returns the pictures for a unit's views."""
        from fieldmark.evaluation.pictures import Pictures

        config = fields_of(unit)
        sizes = (config.resolution, config.picture_side, config.center_share)
        return self._pictures.get(
            (unit.data, unit.task.spec.protocol, *sizes),
            lambda: Pictures(
                self.dataset(unit), config, cache=self._cache, say=self._say, max_bad_share=self._max_bad_share
            ),
        )

    def _open(self, unit: ImageTask) -> DataSet:
        from fieldmark.data.open import open_dataset
        from fieldmark.search.facts import dataset_card

        protocol = unit.task.spec.protocol
        dataset = open_dataset(unit.data, protocol=protocol, max_bad_share=self._max_bad_share)
        observations = dataset.observations
        if not self._store.objects.exists(layout.card(observations.fingerprint, dataset.protocol)):
            self._store.put_card(dataset_card(dataset, unit.data))
        self._store.put_categories(observations.fingerprint, observations.categories)
        return dataset

    def _prepare(self, unit: ImageTask, config: ClassifierFields) -> "ImageExperiment":
        from fieldmark.data.images.prepare import prepare_images
        from fieldmark.search.training.seen import keep_seen

        data, report = prepare_images(
            self.dataset(unit),
            resolution=config.resolution,
            side=config.picture_side,
            cache=self._cache,
            max_bad_share=self._max_bad_share,
            say=self._say,
        )
        keep_seen(self._store, unit.task.spec.fingerprint, report)
        return data


def fields_of(unit: ImageTask) -> ClassifierFields:
    """Returns the configuration of a unit's run."""
    config = unit.task.spec.config
    assert isinstance(config, ClassifierFields)
    return config

"""A world: records, pictures and bounds, all functions of one configuration."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from fieldmark.config import digest
from fieldmark.data.observations import Indices, Observations, ReadReport
from fieldmark.data.select import SelectedImages
from fieldmark.data.world.bayes import Information, posterior
from fieldmark.data.world.config import WorldConfig
from fieldmark.data.world.marks import Marks, find_marks
from fieldmark.data.world.observers import Observers, make_observers
from fieldmark.data.world.planet import Planet, make_planet
from fieldmark.data.world.records import PARTS, Records, draw_records, join_records, training_counts
from fieldmark.data.world.render import render
from fieldmark.data.world.scene import draw_scene


@dataclass(frozen=True, slots=True)
class WorldImages:
    """Draws the pictures of a world's records; one record gives the same pixels in any selection."""

    config: WorldConfig
    planet: Planet
    records: Records

    def pixels(self, indices: Indices, resolution: int) -> NDArray[np.uint8]:
        """Returns images as uint8 of shape (n, resolution, resolution, 3), RGB."""
        category_N = self.records.category_N[indices]
        group_N = self.planet.group_C[category_N]
        return render(
            self.config,
            group_N=group_N,
            mark_N=self.planet.marked(category_N, resolution),
            mark_from_N=self.planet.mark_from_G[group_N],
            part_N=self.records.part_N[indices],
            serial_N=self.records.serial_N[indices],
            resolution=resolution,
        )

    def marks(self, indices: Indices, resolution: int) -> Marks:
        """Returns where the marks are that can be seen in these pictures."""
        category_N = self.records.category_N[indices]
        scene = draw_scene(self.config, self.records.part_N[indices], self.records.serial_N[indices], 1)
        mark_from_N = self.planet.mark_from_G[self.planet.group_C[category_N]]
        return find_marks(scene, self.planet.marked(category_N, resolution), mark_from_N, resolution)

    def styles(self, indices: Indices) -> NDArray[np.int64]:
        """Returns the style of each picture, an index into `scene.STYLES` (n)."""
        return draw_scene(self.config, self.records.part_N[indices], self.records.serial_N[indices], 1).style_N


class World:
    """A generated planet with train, val and test records (`records`), and a superset of the training records."""

    def __init__(self, config: WorldConfig) -> None:
        self.config = config

    @cached_property
    def planet(self) -> Planet:
        """The species."""
        return make_planet(self.config)

    @cached_property
    def _observers(self) -> Observers:
        return make_observers(self.config)

    @cached_property
    def records(self) -> Records:
        """Train, then val, then test records."""
        ones_C = np.ones(self.config.species, dtype=np.int64)
        return join_records(
            [
                self._draw("train", training_counts(self.config)),
                self._draw("val", ones_C * self.config.val_per_category),
                self._draw("test", ones_C * self.config.test_per_category),
            ]
        )

    @cached_property
    def superset_records(self) -> Records:
        """The training records, then `full - 1` times as many new ones from the same distribution."""
        count_C = training_counts(self.config)
        return join_records([self._draw("train", count_C), self._draw("extra", (self.config.full - 1) * count_C)])

    def observations(self) -> Observations:
        """Returns train, val and test with their given split; no picture is drawn yet."""
        return self._observations(self.records, self.config.variant)

    def superset(self) -> Observations:
        """Returns the `full` training set, which contains this world's training records under the same ids."""
        return self._observations(self.superset_records, "full")

    @property
    def images(self) -> WorldImages:
        """The pictures of `observations()`."""
        return WorldImages(self.config, self.planet, self.records)

    def posterior(self, indices: Indices, information: Information, resolution: int) -> NDArray[np.float64]:
        """Returns the Bayes classifier's p(category | fields) for these records of `observations()`, (n, C).

        Args:
            indices: positions in `observations()`.
            information: the fields it may see, e.g. `image+place+date`; a field that a record lacks is not seen.
            resolution: pixels of a picture's side.
        """
        where = self.records.place_time.take(indices)
        return posterior(self.planet, self.records.category_N[indices], where, information, resolution)

    def _draw(self, part: str, count_C: NDArray[np.int64]) -> Records:
        return draw_records(self.config, self.planet, self._observers, part, count_C)

    def _observations(self, records: Records, name: str) -> Observations:
        part_N = np.array(["train", "val", "test", "train"])[records.part_N]
        ids = [f"{PARTS[part]}-{serial:07d}" for part, serial in zip(records.part_N, records.serial_N, strict=True)]
        return Observations(
            name=f"world-{name}",
            categories=species_names(self.config),
            image_id=pa.array(ids, type=pa.string()),
            category_N=records.category_N.astype(np.int32),
            place_time=records.place_time,
            given_split=part_N,
            image_path=None,
            images=WorldImages(self.config, self.planet, records),
            fingerprint=self.fingerprint(name),
            report=ReadReport(read=len(records), kept=len(records)),
        )

    def fingerprint(self, name: str) -> str:
        """Returns the digest of the configuration, the world's numerics version and the set's name."""
        return digest(
            {"world": self.config.model_dump(mode="json"), "numerics": type(self.config).numerics_version, "set": name}
        )


def species_names(config: WorldConfig) -> tuple[str, ...]:
    """Returns a name for each category: the group's number and a letter, `g007b`."""
    groups, members = np.divmod(np.arange(config.species), config.group_size)
    return tuple(f"g{group:03d}{chr(ord('a') + member)}" for group, member in zip(groups, members, strict=True))


def marks_of(observations: Observations, indices: Indices, resolution: int) -> Marks | None:
    """Returns the marks in the pictures of these records; None where the observations are of no world."""
    source = observations.images
    while isinstance(source, SelectedImages):
        indices, source = source.chosen[indices], source.source
    return source.marks(indices, resolution) if isinstance(source, WorldImages) else None

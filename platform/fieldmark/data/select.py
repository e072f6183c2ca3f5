"""A part of a set of observations, as observations."""

from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from fieldmark.data.observations import ImageSource, Indices, Observations


@dataclass(frozen=True, slots=True)
class SelectedImages:
    """Pictures of chosen records."""

    source: ImageSource
    chosen: Indices

    def pixels(self, indices: Indices, resolution: int) -> NDArray[np.uint8]:
        """Returns images as uint8 of shape (n, resolution, resolution, 3), RGB."""
        return self.source.pixels(self.chosen[indices], resolution)


def take(observations: Observations, indices: Indices) -> Observations:
    """Returns the records at these positions, in that order; fingerprint and report stay the whole's."""
    given = observations.given_split
    return replace(
        observations,
        image_id=observations.image_id.take(pa.array(indices)),
        category_N=observations.category_N[indices],
        place_time=observations.place_time.take(indices),
        given_split=None if given is None else given[indices],
        image_path=None if observations.image_path is None else observations.image_path.take(pa.array(indices)),
        images=None if observations.images is None else SelectedImages(observations.images, indices),
    )


def without(observations: Observations, image_id: pa.StringArray) -> Observations:
    """Returns the records whose id is not among these."""
    listed_N = pc.is_in(observations.image_id, value_set=image_id).to_numpy(zero_copy_only=False)
    return take(observations, np.flatnonzero(~listed_N))

"""What training hands out and asks for: three small protocols that know neither Ray nor the store."""

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from fieldmark.data.observations import PlaceTime


class Report(Protocol):
    """Told after every epoch; answers whether to go on."""

    def __call__(self, epoch: int, metrics: Mapping[str, float]) -> bool:
        """Takes the number of finished epochs and their metrics; False asks the training to stop here."""
        ...


class Checkpoints(Protocol):
    """Where an unfinished run leaves its state."""

    def load(self) -> dict[str, Any] | None:
        """Returns the last saved state, or None."""
        ...

    def due(self) -> bool:
        """Whether enough time has passed since the last save."""
        ...

    def save(self, state: dict[str, Any]) -> None:
        """Replaces the state atomically."""
        ...


class FittedPrior(Protocol):
    """A trained prior: scores of categories given place and time."""

    @property
    def training_class_prior_C(self) -> NDArray[np.float64]:
        """The class distribution the training sampler showed it (sums to 1): what its scores already contain."""
        ...

    def applies(self, where: PlaceTime) -> NDArray[np.bool_]:
        """Returns for N records whether the prior can be asked (a missing place: no)."""
        ...

    def raw(self, where: PlaceTime) -> NDArray[np.float32]:
        """Returns scores as published, (N, C), positive, not normalised. Rows where it does not apply are 1."""
        ...

    def corrected(self, where: PlaceTime) -> NDArray[np.float32]:
        """Returns scores proportional to p(category | place, date) under the training sampler (SCIENCE rule 3)."""
        ...

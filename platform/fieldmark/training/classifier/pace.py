"""How fast a training goes."""

import time
from dataclasses import dataclass, field


@dataclass(slots=True)
class Pace:
    """Counts pictures and the seconds that training took for them; evaluation is left out."""

    images: int = 0
    seconds: float = 0.0
    _since: float = field(default_factory=time.perf_counter)

    def begin(self) -> None:
        """Starts the clock."""
        self._since = time.perf_counter()

    def add(self, images: int) -> None:
        """Counts pictures that were trained on since the last call."""
        now = time.perf_counter()
        self.images += images
        self.seconds += now - self._since
        self._since = now

    @property
    def images_per_second(self) -> float:
        """Pictures a second; 0 before the first."""
        return self.images / self.seconds if self.seconds else 0.0

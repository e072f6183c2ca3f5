"""How a classifier is trained without changing its numbers: device, loader, compiling, workers."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class StepInfo:
    """Where a training stands."""

    epoch: int
    """The epoch that is running, from 1."""
    epochs: int
    step: int
    """Finished steps of this epoch."""
    steps: int
    """Steps an epoch."""
    loss: float
    """Mean over this epoch so far."""
    images_per_second: float
    """Over all workers, since this process began."""
    eta_seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Execution:
    """Settings that are recorded, and change no number beyond rounding."""

    device: str = "cpu"
    loader_processes: int = 0
    """Processes that prepare pictures, a worker; 0: the training process itself."""
    compile: bool = False
    channels_last: bool = True
    on_step: Callable[[StepInfo], None] | None = None
    """Told after every step, on worker 0."""
    on_step_every: float = 1.0
    """Seconds between two calls of `on_step`."""
    on_epoch: Callable[[int, Mapping[str, float]], None] | None = None
    """Told the number of finished epochs and their metrics on every worker, after the state is saved; metrics that
    worker 0 alone has are missing elsewhere."""

    on_batch: Callable[[], object] | None = None
    """Told after every batch of pictures that is scored: training is not the only thing that takes long."""

    @property
    def pins(self) -> bool:
        """Whether pictures go through page-locked memory."""
        return self.device.startswith("cuda")

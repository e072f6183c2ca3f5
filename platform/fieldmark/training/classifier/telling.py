"""Says where a training stands, now and then."""

import time

from fieldmark.training.classifier.execution import Execution, StepInfo
from fieldmark.training.classifier.order import Order
from fieldmark.training.classifier.pace import Pace
from fieldmark.training.classifier.state import Progress


class Teller:
    """Tells `Execution.on_step`, on worker 0, no more often than it wants."""

    def __init__(self, epochs: int, order: Order, execution: Execution) -> None:
        """Takes what does not change."""
        self._epochs = epochs
        self._order = order
        self._execution = execution
        self._told_at = time.monotonic()

    def tell(self, progress: Progress, pace: Pace) -> None:
        """Says it, if it is time; only then waits for the device."""
        on_step = self._execution.on_step
        if on_step is None or not self._order.workers.is_first:
            return
        now = time.monotonic()
        if now - self._told_at < self._execution.on_step_every:
            return
        self._told_at = now
        steps, speed = self._order.steps, pace.images_per_second
        left = (self._epochs - progress.epoch) * steps - progress.step
        on_step(
            StepInfo(
                epoch=progress.epoch + 1,
                epochs=self._epochs,
                step=progress.step,
                steps=steps,
                loss=progress.mean_loss,
                images_per_second=speed,
                eta_seconds=left * self._order.batch / speed,
            )
        )

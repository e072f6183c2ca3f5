"""How a training is going, on standard error: one live line on a terminal, plain lines elsewhere."""

import time
from typing import TYPE_CHECKING

from fieldmark.config import FrozenConfig
from fieldmark.search.progress import BETWEEN_FRAMES, BETWEEN_LINES, Progress
from fieldmark.search.tasks import Task
from fieldmark.search.training.plan import config_of
from fieldmark.search.words import duration

if TYPE_CHECKING:
    from fieldmark.training.classifier.execution import StepInfo


class TrainProgress(Progress):
    """Shows the run that is trained, its epoch, step, loss, speed and time left."""

    _label = ""
    _signs = 0

    @property
    def signs(self) -> int:
        """How many signs of life there have been."""
        return self._signs

    def run(self, task: Task) -> None:
        """Says which run comes next."""
        config = config_of(task)
        self._signs += 1
        frozen = "frozen " if isinstance(config, FrozenConfig) else ""
        self._label = config.fusion
        self.say(f"{config.fusion}: {frozen}{config.backbone} at {config.resolution} px, run {task.run_id[:10]}")

    def step(self, info: "StepInfo") -> None:
        """Shows where the run is, if enough time has passed."""
        self._signs += 1
        now = time.monotonic()
        last = info.epoch == info.epochs and info.step == info.steps
        if now - self._shown < (BETWEEN_LINES if self._live is None else BETWEEN_FRAMES) and not last:
            return
        self._shown = now
        line = f"{self._label}: {headline(info)}"
        if self._live is not None:
            from rich.text import Text

            self._live.update(Text(line))
        else:
            self.say(line)


def headline(info: "StepInfo") -> str:
    """Returns the state in a line."""
    return (
        f"epoch {info.epoch} of {info.epochs}, step {info.step} of {info.steps}, loss {info.loss:.4f}, "
        f"{info.images_per_second:.0f} images/s, about {duration(info.eta_seconds)} left"
    )

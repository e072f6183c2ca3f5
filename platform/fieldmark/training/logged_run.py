"""What a training log of the authors shows: curve, learning rates, gaps and speed (SPEC section 9)."""

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from statistics import median

GAP_SECONDS = 600.0
"""A pause between two lines that is longer than this is a gap, and no part of the training time."""


@dataclass(frozen=True, slots=True)
class Step:
    """One logged training step."""

    line: int
    """Line number in the file, from 1."""
    time: float
    """Seconds since the first line, gaps included."""
    epoch: int
    """From 0, as everywhere in the log."""
    step: int
    speed: float
    """Batches a second."""
    passed: float
    """Seconds since this epoch began, or was begun again."""
    lr: float
    loss: float


@dataclass(frozen=True, slots=True)
class Validation:
    """The scores after an epoch, as fractions; the loss in nats."""

    line: int
    time: float
    epoch: int
    top1: float
    top5: float
    loss: float


@dataclass(frozen=True, slots=True)
class Gap:
    """A pause of the training."""

    line: int
    """The first line after it."""
    epoch: int
    step: int
    """Where the training went on; the number of steps where it ended in a validation."""
    seconds: float


@dataclass(frozen=True)
class LoggedRun:
    """Everything a log says."""

    name: str
    """The file's name."""
    digest: str
    """SHA-256 of the text: the same whether the file is compressed or not."""
    epochs: int
    """As announced; the log may end earlier."""
    steps: int
    """Steps an epoch."""
    train: tuple[Step, ...]
    validations: tuple[Validation, ...]
    """One an epoch, in order; of an epoch that was validated twice, the later."""

    @property
    def best(self) -> Validation:
        """The first validation with the highest top-1."""
        return max(self.validations, key=lambda one: one.top1)

    @property
    def last(self) -> Validation:
        """The last validation."""
        return self.validations[-1]

    @property
    def is_whole(self) -> bool:
        """Whether the last epoch that was announced has been validated."""
        return self.last.epoch == self.epochs - 1

    @cached_property
    def largest_rate(self) -> float:
        """The highest learning rate."""
        return max(step.lr for step in self.train)

    @cached_property
    def rates(self) -> dict[int, float]:
        """The learning rate at the end of every epoch."""
        return {step.epoch: step.lr for step in self.train}

    @cached_property
    def gaps(self) -> tuple[Gap, ...]:
        """The pauses of more than ten minutes."""
        lines: list[Step | Validation] = sorted([*self.train, *self.validations], key=lambda one: one.line)
        return tuple(
            Gap(
                line=after.line,
                epoch=after.epoch,
                step=after.step if isinstance(after, Step) else self.steps,
                seconds=after.time - before.time,
            )
            for before, after in pairwise(lines)
            if after.time - before.time > GAP_SECONDS
        )

    @cached_property
    def clock_seconds(self) -> float:
        """From the first line to the last."""
        return max(self.train[-1].time, self.last.time)

    @property
    def running_seconds(self) -> float:
        """The same without the gaps."""
        return self.clock_seconds - sum(gap.seconds for gap in self.gaps)

    @cached_property
    def batches_per_second(self) -> float:
        """Median over the logged steps."""
        return median(step.speed for step in self.train)

    @cached_property
    def epoch_seconds(self) -> float:
        """Median time of an epoch's training."""
        return median({step.epoch: step.passed for step in self.train}.values())

    @cached_property
    def validation_seconds(self) -> float:
        """Median time from an epoch's last logged step to its scores."""
        ended = {step.epoch: step.time for step in self.train}
        return median(one.time - ended.get(one.epoch, one.time) for one in self.validations)

    def curve(self) -> list[dict[str, float]]:
        """Returns a row for every epoch that was trained and validated.

        Its epoch (from 0), lr (at its end), top1 and top5 (fractions), validation_loss, train_loss (mean of the logged
        steps) and train_seconds.
        """
        losses: dict[int, list[float]] = {}
        for step in self.train:
            losses.setdefault(step.epoch, []).append(step.loss)
        passed = {step.epoch: step.passed for step in self.train}
        return [
            {
                "epoch": one.epoch,
                "lr": self.rates[one.epoch],
                "top1": one.top1,
                "top5": one.top5,
                "validation_loss": one.loss,
                "train_loss": sum(losses[one.epoch]) / len(losses[one.epoch]),
                "train_seconds": passed[one.epoch],
            }
            for one in self.validations
            if one.epoch in passed
        ]

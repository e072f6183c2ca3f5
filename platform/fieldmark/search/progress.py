"""How a sweep is going, on standard error: a live panel on a terminal, plain lines elsewhere."""

import sys
import time
from collections.abc import Mapping
from typing import Any, Self

from fieldmark.search.executors.base import Executor
from fieldmark.search.schedule import Schedule
from fieldmark.search.tasks import Task
from fieldmark.search.words import describe, duration

BETWEEN_LINES = 5.0
BETWEEN_FRAMES = 0.5
SHOWN_RUNNING = 8


class Progress:
    """Shows the state of a sweep; a context, so that a live panel is taken down in any case."""

    def __init__(self, *, live: bool | None = None) -> None:
        """Chooses the panel on a terminal unless told otherwise."""
        self._live: Any = None
        self._wanted = sys.stderr.isatty() if live is None else live
        self._started = time.monotonic()
        self._shown = 0.0
        self._last = ""
        self._failures = self._retried = 0

    def __enter__(self) -> Self:
        """Puts the panel up."""
        if self._wanted:
            from rich.console import Console
            from rich.live import Live

            self._live = Live(console=Console(stderr=True), refresh_per_second=2, transient=True)
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Takes the panel down."""
        if self._live is not None:
            self._live.stop()

    def say(self, line: str) -> None:
        """Shows one line that stays."""
        if self._live is not None:
            self._live.console.print(line, highlight=False)
        else:
            print(line, file=sys.stderr, flush=True)

    def show(self, scheduler: Schedule, executor: Executor) -> None:
        """Shows the state, if it changed and enough time has passed."""
        for one in scheduler.retried[self._retried :]:
            self.say(f"trying again: {_named(one.task.task)}: {one.message}")
        for one in scheduler.failures[self._failures :]:
            self.say(f"failed: {_named(one.task.task)}: {one.message}")
        self._failures, self._retried = len(scheduler.failures), len(scheduler.retried)
        now = time.monotonic()
        if now - self._shown < (BETWEEN_LINES if self._live is None else BETWEEN_FRAMES):
            return
        headline = self.headline(scheduler)
        if self._live is not None:
            self._live.update(self._panel(headline, scheduler, executor.epochs()))
        elif self._without_clock(headline) != self._last:
            self.say(headline)
        self._last = self._without_clock(headline)
        self._shown = now

    def headline(self, scheduler: Schedule) -> str:
        """Returns the state in a line."""
        left = max(0, scheduler.planned - scheduler.recorded - len(scheduler.failures))
        parts = [
            f"{scheduler.recorded} of {scheduler.planned} runs recorded",
            f"{len(scheduler.running)} running",
            f"{len(scheduler.failures)} failed",
            scheduler.standing(),
            f"{scheduler.cpu_seconds:.0f} CPU-seconds",
            self._eta(scheduler, left),
        ]
        return "; ".join(filter(None, parts))

    def _eta(self, scheduler: Schedule, left: int) -> str:
        share = scheduler.share_done
        if not left:
            return "nothing left"
        if not share:
            return "time left unknown"
        return f"about {duration((time.monotonic() - self._started) * (1 - share) / share)} left"

    def _without_clock(self, headline: str) -> str:
        return headline.rpartition(";")[0]

    def _panel(self, headline: str, scheduler: Schedule, epochs: Mapping[str, int]) -> Any:
        from rich.console import Group as Lines
        from rich.progress_bar import ProgressBar
        from rich.text import Text

        lines = [Text(headline)]
        for task in (unit.task for unit in scheduler.running[:SHOWN_RUNNING]):
            total = getattr(task.spec.config, "epochs", None)
            at = f"epoch {epochs.get(task.run_id, 0)} of {total}" if total else ""
            lines.append(
                Text(f"  {task.trial.role:<12} {describe(task.spec.config)} seed {task.spec.seed}  {at}", "dim")
            )
        return Lines(ProgressBar(total=max(1, scheduler.planned), completed=scheduler.recorded, width=60), *lines)


def _named(task: Task) -> str:
    return f"{describe(task.spec.config)} seed {task.spec.seed} (run {task.run_id[:10]})"

"""Reads the training log that the authors released (SPEC section 9).

A log has no header: every line is one training step or one validation, with a time of day and a day of a month that is
not named.
"""

import gzip
import hashlib
import re
import zlib
from collections.abc import Iterator
from pathlib import Path

from fieldmark.errors import UserError
from fieldmark.training.logged_run import LoggedRun, Step, Validation

_SHORTEST_MONTH = 28
_SHOWN = 60
_GZIP = b"\x1f\x8b"

_NUMBER = r"(\d+(?:\.\d+)?)"
_SCORES = rf"acc1:{_NUMBER}\tacc5:{_NUMBER}\tloss:{_NUMBER}"
_TIME = re.compile(r"\[(0[1-9]|[12]\d|3[01]) ([01]\d|2[0-3]):([0-5]\d):([0-5]\d) [^\]]*\] (.*)")
_TRAIN = re.compile(
    rf"e:(\d+)/(\d+),(\d+)/(\d+)\t{_NUMBER} mb/s\tpassed:{_NUMBER}\teta:{_NUMBER}\tlr:{_NUMBER}\t{_SCORES}"
    rf"(?:\tdp/tot: {_NUMBER})?"
)
_VALIDATION = re.compile(rf"val e:(\d+)\t{_SCORES}")


def read_official_log(path: Path) -> LoggedRun:
    """Reads a log, plain or gzipped.

    Raises:
        UserError: a file that cannot be read, or is no such log; names the file and the line.
    """
    text = _text(path)
    reader = _Reader(path)
    for number, line in _lines(path, text):
        reader.read(number, line)
    return reader.log(hashlib.sha256(text).hexdigest())


def _text(path: Path) -> bytes:
    try:
        data = path.read_bytes()
        return gzip.decompress(data) if data.startswith(_GZIP) else data
    except (OSError, EOFError, zlib.error) as error:
        reason = getattr(error, "strerror", None) or error
        raise UserError(f"{path}: cannot be read as a log: {reason}") from None


def _lines(path: Path, text: bytes) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(text.splitlines(), start=1):
        if line.strip():
            try:
                yield number, line.decode("ascii")
            except UnicodeDecodeError:
                raise UserError(f"{path}, line {number}: no text; expected the official training log") from None


class _Reader:
    """What has been read so far."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._train: list[Step] = []
        self._validations: dict[int, Validation] = {}
        self._sizes: tuple[int, int] | None = None
        self._day, self._days, self._time = 0, 0, 0.0
        self._first: float | None = None

    def read(self, number: int, line: str) -> None:
        head = _TIME.fullmatch(line.rstrip())
        body = "" if head is None else head[5]
        step, validation = _TRAIN.fullmatch(body), _VALIDATION.fullmatch(body)
        if head is None or (step is None and validation is None):
            raise self._bad(number, f"neither a training step nor a validation: {line[:_SHOWN]!r}")
        self._advance(*map(int, head.groups()[:4]))
        if step is not None:
            self._add_step(number, step)
        elif validation is not None:
            self._add_validation(number, validation)

    def log(self, digest: str) -> LoggedRun:
        if self._sizes is None or not self._validations:
            missing = "training step" if self._sizes is None else "validation"
            raise UserError(f"{self._path}: no {missing} in it; expected the official training log")
        return LoggedRun(
            name=self._path.name,
            digest=digest,
            epochs=self._sizes[0],
            steps=self._sizes[1],
            train=tuple(self._train),
            validations=tuple(sorted(self._validations.values(), key=lambda one: one.epoch)),
        )

    def _advance(self, day: int, hours: int, minutes: int, seconds: int) -> None:
        """Moves the clock on; a smaller day begins the next month, as short as the last day allows.

        A clock that is set back by less than a day counts as no time passed.
        """
        if self._first is not None and day != self._day:
            self._days += day - self._day if day > self._day else max(self._day, _SHORTEST_MONTH) - self._day + day
        now = 86_400.0 * self._days + 3600 * hours + 60 * minutes + seconds
        if self._first is None:
            self._first = now
        self._day = day
        self._time = max(self._time, now - self._first)

    def _add_step(self, number: int, found: re.Match[str]) -> None:
        epoch, last_epoch, step, steps = map(int, found.groups()[:4])
        speed, passed, _, lr, top1, top5, loss = map(float, found.groups()[4:11])
        self._check(number, top1, top5)
        if epoch > last_epoch or step >= steps:
            raise self._bad(number, f"epoch {epoch} of 0 to {last_epoch}, step {step} of {steps}")
        self._sizes = self._sizes or (last_epoch + 1, steps)
        if self._sizes != (last_epoch + 1, steps):
            expected = f"{self._sizes[0]} epochs of {self._sizes[1]} steps"
            raise self._bad(number, f"{last_epoch + 1} epochs of {steps} steps, but the lines before say {expected}")
        self._train.append(Step(number, self._time, epoch, step, speed, passed, lr, loss))

    def _add_validation(self, number: int, found: re.Match[str]) -> None:
        top1, top5, loss = map(float, found.groups()[1:])
        self._check(number, top1, top5)
        epoch = int(found[1])
        self._validations[epoch] = Validation(number, self._time, epoch, _share(top1), _share(top5), loss)

    def _check(self, number: int, top1: float, top5: float) -> None:
        if not top1 <= top5 <= 100:
            raise self._bad(number, f"acc1 {top1:g} and acc5 {top5:g}: expected percentages, the first the smaller")

    def _bad(self, number: int, what: str) -> UserError:
        return UserError(f"{self._path}, line {number}: {what}")


def _share(percent: float) -> float:
    return round(percent / 100, 8)

"""What a person can ask of a simulation: one field a flag."""

import re
from typing import Annotated, Literal, Self

from cyclopts import Parameter
from pydantic import BaseModel, ConfigDict, model_validator

TRIAL_SECONDS = 600.0


class SimulateOptions(BaseModel):
    """The flags of a simulation."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    trials: int = 10_000
    """Settings that Optuna tries; of an image sweep fewer where the space has no more."""
    nodes: int = 1000
    """Simulated machines."""
    slots: int = 1
    """Trials at a time on a node."""
    trial_seconds: float | None = None
    """Length of a trial; with --like their mean is brought to it. Default: 600, with --like as recorded."""
    spread: float = 0.0
    """Standard deviation of a trial's length as a share of its mean (log-normal); not with --like."""
    like: str | None = None
    """STORE[:SWEEP]: trials take as long and learn as well as runs recorded there, drawn by the seed."""
    sweep: Literal["priorsnet", "fusion"] = "priorsnet"
    """Whose scheduler and space."""
    sampler: Literal["tpe", "random"] = "tpe"
    """Optuna's sampler."""
    failures: float = 0.01
    """Failures of a node an hour; its trials are lost back to their checkpoints."""
    back_after: float = 120.0
    """Seconds until a failed node is back."""
    noticed_after: float = 20.0
    """Seconds until the driver hears of a lost trial."""
    dispatch: float = 0.0
    """Seconds of the driver's that Ray takes to hand a trial over: no part of what is measured here."""
    clock: Literal["wall", "processor"] = "wall"
    """What measures the driver's work: real time, or this process's processor time, which on a machine that is busy
    with other things is nearer to what a driver with a core of its own takes."""
    seed: int = 0
    """Of the sampler, the trials and the failures."""
    figure: str | None = None
    """Draw driver time by trial number, and overhead by slots, to this PNG."""
    json_output: Annotated[bool, Parameter(name="--json", negative=())] = False
    """Print one JSON object at the end."""

    @model_validator(mode="after")
    def _sensible(self) -> Self:
        for flag, value in {"trials": self.trials, "nodes": self.nodes, "slots": self.slots}.items():
            if value < 1:
                raise ValueError(f"--{flag} {value}: expected a whole number of at least 1")
        times = {"back-after": self.back_after, "noticed-after": self.noticed_after, "dispatch": self.dispatch}
        for flag, number in {"failures": self.failures, "spread": self.spread, **times}.items():
            if number < 0:
                raise ValueError(f"--{flag} {number}: expected a number of at least 0")
        if self.trial_seconds is not None and self.trial_seconds <= 0:
            raise ValueError(f"--trial-seconds {self.trial_seconds}: expected a positive number")
        if self.like is not None and self.spread:
            raise ValueError("--spread: recorded trials (--like) have a spread of their own")
        if self.like is not None and not self.like.strip():
            raise ValueError("--like: expected STORE or STORE:SWEEP, a store with recorded runs")
        if self.figure is not None and not self.figure.endswith(".png"):
            raise ValueError(f"--figure {self.figure!r}: expected a file that ends in .png")
        return self

    @property
    def like_store(self) -> tuple[str, str]:
        """The store of --like, and the first digits of its sweep, if any."""
        found = re.fullmatch(r"(.+?)(?::([0-9a-f]{4,32}))?", self.like or "")
        assert found is not None
        return found[1], found[2] or ""

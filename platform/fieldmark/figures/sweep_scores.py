"""What a sweep measured, as its figures and its page need it."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from fieldmark.config import Scale
from fieldmark.store.records import DatasetCard

ROLES = ("published", "search", "baseline", "stage", "bound")
"""The roles in the order of a figure; a confirmation is a further seed of the setting it confirms."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Goal:
    """What the search was after: one metric of one score on the tune part."""

    score: str
    metric: str

    def better(self, value: float) -> float:
        """Returns the value with its sign turned so that more is better."""
        return -value if self.metric == "log_loss" else value


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One configuration of a sweep with what its seeds scored on the test part."""

    config_id: str
    label: str
    """In the paper's units, or the baseline's name."""
    role: str
    """One of ROLES."""
    confirmed: bool
    """Whether it was run again on fresh seeds because it won: then it is judged by these alone."""
    permitted: bool
    """False where the prior was learned from the superset: it stands apart."""
    information: str
    """What a bound's classifier is told; empty for everything else."""
    test: Mapping[tuple[str, str], tuple[float, ...]]
    """(score source, metric) to one value a seed; fractions, or nats."""
    goal: float | None
    """The search's goal on the tune part, mean over the seeds that the search saw."""

    @property
    def scores(self) -> tuple[str, ...]:
        """The score sources it has on the test part."""
        return tuple(sorted({score for score, _ in self.test}))

    def values(self, score: str, metric: str = "top1") -> tuple[float, ...]:
        """Returns the seeds' values under a score source, or under the only one it has (image-only, bounds)."""
        if score not in self.scores and len(self.scores) == 1:
            score = self.scores[0]
        return self.test.get((score, metric), ())


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """One run of the search as the sampler saw it, in the paper's units."""

    number: int
    seed: int
    label: str
    role: str
    status: str
    epochs: int
    batch: int
    lr: float
    sampler: str
    goal: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepScores:
    """Everything that a sweep's figures draw."""

    sweep: str
    dataset: str
    fingerprint: str
    protocol: str
    scale: Scale
    test_records: int
    card: DatasetCard | None
    score: str
    """The score source that the figures lead with."""
    goal: Goal
    settings: tuple[Setting, ...]
    """In the order published rows, search, baselines, then what stands alone (image-only, bounds)."""
    tried: tuple[Tried, ...] = ()

    def of_role(self, *roles: str) -> tuple[Setting, ...]:
        """Returns the settings of these roles that have a value, in order."""
        return tuple(one for one in self.settings if one.role in roles and one.values(self.score))

    @property
    def best(self) -> Setting | None:
        """The permitted setting that the tune part chose; the test part has no say (SCIENCE rule 5)."""
        candidates = [one for one in self.of_role("published", "search") if one.permitted and one.goal is not None]
        return max(candidates, key=lambda one: self.goal.better(one.goal or 0.0), default=None)

    def image_only(self) -> float | None:
        """Returns the image's top-1 alone on the test part, mean over the stage's seeds."""
        return next((mean(one.values("image")) for one in self.of_role("stage")), None)

    @property
    def bound_setting(self) -> Setting | None:
        """The Bayes classifier told what the leading score is told, at the image stage's resolution; None without."""
        told = "place+date" if self.score.startswith("prior") else "image+place+date"
        return next((one for one in self.of_role("bound") if one.information == told), None)

    def bound(self) -> float | None:
        """Returns the top-1 that the leading score cannot exceed but by luck, where the data have a bound."""
        return None if self.bound_setting is None else mean(self.bound_setting.values("joint"))


def mean(values: Iterable[float]) -> float:
    """Returns the arithmetic mean of at least one value."""
    listed = list(values)
    return math.fsum(listed) / len(listed)

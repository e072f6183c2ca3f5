"""A table of settings and baselines as a value."""

from dataclasses import dataclass
from typing import Any

from fieldmark.tables.statistics import Difference, Summary


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingRow:
    """One setting under one score source; all measures are fractions, log_loss is in nats."""

    label: str
    """The setting in words, in the paper's units."""
    role: str
    """published, search, confirmation, baseline, bound or stage (the image classifier alone)."""
    published_rows: tuple[int, ...]
    """The rows of Table S2 that run it here."""
    method: str
    config_id: str
    config: dict[str, Any]
    score: str
    n: int
    metrics: dict[str, Summary]
    raw_top1: Summary | None
    """Of a prior's scores: the top-1 of the same prior as published, its sampler's class prior left in."""
    to_class_frequency: Difference | None
    """Top-1 minus that of class frequency under the same score, paired over images and seeds."""
    to_nearest_neighbours: Difference | None
    loss_to_class_frequency: Difference | None
    """Log-loss minus that of class frequency, nats; under the main score only. Below zero is better."""
    loss_to_nearest_neighbours: Difference | None
    permitted: bool
    """False for a prior learned on a superset of the training set."""
    turned_right: float | None
    """Test images a run turned right against image-only; None without pictures."""
    turned_wrong: float | None
    superseded: bool
    """Whether its sweep chose another setting later."""
    parameters: int | None
    seconds: float | None
    footnotes: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingsTable:
    """All settings and baselines on one data set and protocol, by score source, the best top-1 first."""

    title: str
    dataset: str
    fingerprint: str
    protocol: str
    test_records: int | None
    main_scores: tuple[str, ...]
    """The score sources shown where there is little room."""
    rows: tuple[SettingRow, ...]
    minimum_detectable_difference: float | None = None
    """Between a setting and a baseline under the main score, as a fraction."""
    header: tuple[str, ...] = ()
    closing: tuple[str, ...] = ()
    footnotes: tuple[str, ...] = ()

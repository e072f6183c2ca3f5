"""The sentences that stand under a comparison table."""

import math
import shlex
from collections.abc import Hashable

import numpy as np

from fieldmark.tables.context import Context
from fieldmark.tables.evidence import Measured
from fieldmark.tables.selection import default_scale
from fieldmark.tables.statistics import (
    minimum_detectable_difference,
    nested_effects,
    pooled_std,
    summarise,
)

DEFAULT_SEEDS = 3
ALPHA = 0.05
PRIORS_ONLY = "No image scores: this ranks priors, not priors times image scores."
POWER_REACH = 1.96 + 0.84  # a two-sided 5 % test finds such a multiple of the standard error in 80 % of cases


def settings(context: Context) -> dict[str, tuple[tuple[int, ...], Measured | None]]:
    """Returns the distinct permitted settings: config id to the rows it serves and its seeds."""
    found: dict[str, tuple[tuple[int, ...], Measured | None]] = {}
    for row in context.wanted.rows:
        joined = context.found(row.row)
        if joined is None or not row.allowed:
            continue
        way, measured = joined
        served, _ = found.get(way.config.config_id, ((), None))
        found[way.config.config_id] = ((*served, row.row), measured)
    return found


def smallest_difference(context: Context) -> float | None:
    """Returns the smallest true difference between two rows that the table would show, as a fraction.

    From the median standard error of paired differences between its settings; without predictions, from the spread
    over seeds alone. None with a single setting and seed.
    """
    measured = [found for _, found in settings(context).values() if found is not None]
    pairs = [context.difference(one, measured[0]) for one in measured[1:]]
    errors = [pair.error for pair in pairs if pair is not None]
    if errors:
        return POWER_REACH * float(np.median(errors))
    spread, freedom = pooled_std([summarise(one.metrics["top1"]) for one in measured])
    if spread is None:
        return None
    return minimum_detectable_difference(spread, freedom, min(one.n for one in measured if one.n > 1))


def effects_sentence(context: Context) -> str | None:
    """Returns what batch/rate and the sampler do on this data, against the spread over seeds; None without repeats."""
    cells: dict[Hashable, list[list[float]]] = {}
    for _, measured in settings(context).values():
        if measured is not None:
            config = measured.record.spec.config
            assert config.method == "priorsnet"
            cells.setdefault((config.batch, config.lr), []).append([100 * value for value in measured.metrics["top1"]])
    effects = nested_effects(cells) if cells else None
    if effects is None:
        return None
    parts = [
        f"Measured rows: the seed standard deviation, pooled over {sum(map(len, cells.values()))} settings, is "
        f"{effects.std:.3f} points on {effects.freedom} degrees of freedom",
        _effect("batch/lr", effects.outer_f, effects.outer_p) or "only one batch/lr cell was run",
        _effect("the sampler within it", effects.inner_f, effects.inner_p)
        or "within a batch/lr cell the sampler rows are one setting here",
    ]
    return "; ".join(parts) + "."


def _effect(name: str, f: float | None, p: float | None) -> str | None:
    if f is None or p is None:
        return None
    seen = "visible" if p < ALPHA else "no effect visible"
    return f"for {name} F = {f:.2f} (p = {p:.2g}): {seen}"


def completeness(context: Context) -> tuple[bool, str]:
    """Returns whether every permitted row has all its seeds, and the line that says so."""
    found = settings(context)
    seeds = max([one.n for _, one in found.values() if one is not None], default=DEFAULT_SEEDS)
    have = {name: min(one.n, seeds) if one is not None else 0 for name, (_, one) in found.items()}
    wanted = seeds * len(found)
    line = f"{sum(have.values())} of {wanted} runs ({len(found)} settings x {seeds} seeds)"
    missing = [_missing(found[name][0], seeds - count, seeds) for name, count in have.items() if count < seeds]
    if not missing:
        return bool(found), line
    return False, f"{line}; missing: {'; '.join(missing)}"


def _missing(rows: tuple[int, ...], count: int, seeds: int) -> str:
    named = f"row{'s' * (len(rows) > 1)} {', '.join(map(str, rows))}"
    return f"{named} ({'all' if count == seeds else count} of {seeds} seeds)"


def command(context: Context) -> str:
    """Returns the command that fills the table."""
    found = [one for _, one in settings(context).values() if one is not None]
    seeds = max([one.n for one in found], default=DEFAULT_SEEDS)
    words = ["fieldmark", "sweep", "priorsnet", "--data", context.card.spec, "--seeds", str(seeds)]
    if context.scale.name != default_scale(context.card):
        words += ["--scale", context.scale.name]
    if any(getattr(one.record.spec.config, "loss", "") == "sampled" for one in found):
        words += ["--loss", "sampled"]
    return shlex.join([*words, *store_flag(context.store.url)])


def store_flag(url: str) -> list[str]:
    """Returns the flag that names a store, or nothing for the default one."""
    return [] if url.rstrip("/").rsplit("/", 1)[-1] == "runs" and "://" not in url else ["--store", url]


def difference_sentence(smallest: float | None, between: str = "two rows") -> str:
    """Says what the table could have shown."""
    if smallest is None or math.isnan(smallest):
        return "Minimum detectable difference: unknown; it needs two settings with stored predictions, or two seeds."
    return (
        f"Minimum detectable difference between {between}: {100 * smallest:.2f} points of top-1 "
        "(two-sided 5 % test, 80 % power)."
    )

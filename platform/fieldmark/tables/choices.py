"""The settings that were chosen on tune and run again on fresh seeds."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from fieldmark.config import PriorsNetConfig, Scale, effective
from fieldmark.tables.evidence import Evidence, Measured
from fieldmark.tables.scope import Scope, at_scale_only

FRESH = ("confirmation",)
CHOSEN = "The setting that did best on tune, published or searched, on fresh seeds that took no part in choosing it."
SUPERSEDED = "Superseded: chosen on tune once, before further trials or seeds of the same sweep chose another setting."


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """A chosen setting on its fresh seeds."""

    measured: Measured
    superseded: bool
    """Whether the same sweep chose another setting later."""


def choices(evidence: Evidence, scope: Scope, scale: Scale, score: str) -> list[Choice]:
    """Returns the confirmed settings under a score, the latest first.

    With a sweep only those that it chose. Of each sweep the setting whose fresh seeds were started last is its choice,
    with the sampled and the exact loss; those before are superseded.

    Args:
        evidence: the test evaluations.
        scope: what the table is about.
        scale: only settings at this scale, where no sweep says which.
        score: the score source.
    """
    found = []
    for config_id, sweep in _confirmed(evidence, scope, scale, score).items():
        measured = evidence.measured(config_id, score, FRESH)
        if measured is not None:
            found.append((evidence.started(measured), sweep, measured))
    found.sort(key=lambda one: one[0], reverse=True)
    current: dict[str, str] = {}
    for _, sweep, measured in found:
        current.setdefault(sweep, _setting(measured, scope))
    return [
        Choice(measured=measured, superseded=current[sweep] != _setting(measured, scope))
        for _, sweep, measured in sorted(found, key=lambda one: current[one[1]] != _setting(one[2], scope))
    ]


def _confirmed(evidence: Evidence, scope: Scope, scale: Scale, score: str) -> Mapping[str, str]:
    """Returns config id to the sweep that confirmed it."""
    rows = evidence.catalogue
    keep = pc.and_(pc.equal(rows.column("role"), "confirmation"), pc.equal(rows.column("score"), score))
    rows = rows.filter(keep)
    if scope.sweep is None:
        rows = rows.filter(at_scale_only(rows, scale))
        return dict(_pairs(rows))
    own = rows.filter(pc.equal(rows.column("sweep"), scope.sweep))
    if not len(own):  # an earlier sweep had confirmed the same setting already
        own = rows.filter(pc.is_in(rows.column("config_id"), value_set=pa.array(sorted(scope.settings), pa.string())))
    return {config_id: scope.sweep for config_id, _ in _pairs(own)}


def _pairs(rows: pa.Table) -> Sequence[tuple[str, str]]:
    by_config: dict[str, list[str]] = defaultdict(list)
    for config_id, sweep in zip(rows.column("config_id").to_pylist(), rows.column("sweep").to_pylist(), strict=True):
        by_config[config_id].append(sweep)
    return [(config_id, max(sweeps)) for config_id, sweeps in by_config.items()]


def _setting(measured: Measured, scope: Scope) -> str:
    """Returns an id that the sampled and the exact loss of one setting share."""
    config = measured.record.spec.config
    assert isinstance(config, PriorsNetConfig), config
    return effective(config.model_copy(update={"loss": "exact"}), scope.card.largest_category).config_id

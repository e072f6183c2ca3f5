"""How far settings are from the best one, image by image, and which distances are more than noise."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from fieldmark.figures.sweep_scores import Setting, SweepScores
from fieldmark.tables.evidence import Evidence, Measured
from fieldmark.tables.predictions import Predictions
from fieldmark.tables.scope import LATEST, open_scope
from fieldmark.tables.statistics import Difference, ImageResampler, holm

if TYPE_CHECKING:
    from fieldmark.store import Store

ALPHA = 0.05


@dataclass(frozen=True, slots=True)
class Distance:
    """A setting's top-1 minus that of the best setting, as a fraction."""

    difference: Difference
    """From a paired bootstrap over test images and seeds."""
    differs: bool
    """Whether it is more than noise, after Holm's correction over all settings and baselines."""


def distances_to_best(store: "Store", scores: SweepScores) -> dict[str, Distance]:
    """Returns setting to its distance from the best; without stored predictions nothing."""
    best = scores.best
    others = [one for one in scores.of_role("published", "search", "baseline") if one is not best and one.permitted]
    if best is None or scores.card is None:
        return {}
    scope = open_scope(store, None, scores.sweep)
    evidence, predictions = Evidence.of(store, scores.card, stage=scope.stage if scope else LATEST), Predictions(store)
    reference = _measured(evidence, best, scores.score)
    best_SN = predictions.hits(reference) if reference else None
    if best_SN is None:
        return {}
    resampler = ImageResampler(predictions.images)
    found: dict[str, Difference] = {}
    for one in others:
        measured = _measured(evidence, one, scores.score)
        hits_RN = predictions.hits(measured) if measured else None
        if hits_RN is not None:
            found[one.config_id] = resampler.difference(hits_RN, best_SN)
    return _judged(found)


def _measured(evidence: Evidence, setting: Setting, score: str) -> Measured | None:
    return evidence.measured(setting.config_id, score, ("confirmation",) if setting.confirmed else ())


def _judged(found: dict[str, Difference]) -> dict[str, Distance]:
    p_values = holm([one.p_value for one in found.values()])
    return {name: Distance(one, p < ALPHA) for (name, one), p in zip(found.items(), p_values, strict=True)}

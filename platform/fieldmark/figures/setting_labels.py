"""Names for people: settings as the tables call them, metrics and score sources."""

from collections.abc import Mapping
from typing import Any, get_args

from pydantic import TypeAdapter

from fieldmark.config import BaselineConfig, MethodConfig, PriorsNetConfig, Scale
from fieldmark.tables.labels import NAMES, setting_label

SCORES = {
    "image": "image alone",
    "prior_raw": "prior, raw",
    "prior_corrected": "prior, corrected",
    "prior_calibrated": "prior, corrected and calibrated",
    "product_raw": "image × prior, as published",
    "product_corrected": "image × prior, corrected",
    "product_bayes": "image × prior ÷ shared class prior",
    "joint": "one classifier of everything",
}
METRIC_NAMES = {
    "top1": "top-1 (%)",
    "top3": "top-3 (%)",
    "top5": "top-5 (%)",
    "top10": "top-10 (%)",
    "mrr": "mean reciprocal rank",
    "log_loss": "log-loss (nats, smaller is better)",
}
_CONFIG: TypeAdapter[MethodConfig] = TypeAdapter(MethodConfig)


def name_setting(config: Mapping[str, Any], scale: Scale, paper_rows: tuple[int, ...] = ()) -> str:
    """Returns the tables' name of a setting with the rows of Table S2 that run it.

    Baselines have the method's name alone, and what learned on the superset is not named so: figures set it apart.

    Args:
        config: a configuration as JSON, with its ``method``.
        scale: brings batch, rate and cap back to the paper's units.
        paper_rows: row numbers.
    """
    parsed = _CONFIG.validate_python(dict(config))
    if isinstance(parsed, get_args(get_args(BaselineConfig)[0])):
        return NAMES[parsed.method]
    if isinstance(parsed, PriorsNetConfig):
        parsed = parsed.model_copy(update={"train_on": "train"})
    named = f" (S2 row{'s' * (len(paper_rows) > 1)} {', '.join(map(str, paper_rows))})" if paper_rows else ""
    return setting_label(parsed, scale) + named


def rate_label(rate: float) -> str:
    """Returns a learning rate as a paper prints it, e.g. ``5e-4``."""
    return f"{rate:.1e}".replace("e-0", "e-").replace(".0e", "e")

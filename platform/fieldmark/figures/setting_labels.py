"""A setting in words, in the units of the paper whatever the scale it ran at."""

import math
from collections.abc import Mapping
from typing import Any

from fieldmark.config import PriorsNetConfig, Scale
from fieldmark.config.scale import PAPER_CATEGORY_SIZE

METHODS = {
    "class_frequency": "class frequency",
    "grid": "grid histogram",
    "nearest_neighbours": "nearest neighbours",
    "radius_neighbours": "neighbours in a radius",
    "kernel_density": "kernel density",
    "tang": "Tang et al.",
    "image_only": "image alone",
    "bayes": "Bayes bound",
}

SCORES = {
    "image": "image alone",
    "prior_raw": "prior, raw",
    "prior_corrected": "prior, corrected",
    "prior_calibrated": "prior, corrected and calibrated",
    "product_raw": "image × prior, as published",
    "product_corrected": "image × prior, corrected",
    "product_bayes": "image × prior ÷ shared class prior",
    "joint": "Bayes classifier",
}

METRIC_NAMES = {
    "top1": "top-1 (%)",
    "top3": "top-3 (%)",
    "top5": "top-5 (%)",
    "top10": "top-10 (%)",
    "mrr": "mean reciprocal rank",
    "log_loss": "log-loss (nats)",
}

_OPTIONS = ("dropout", "width", "blocks", "decay", "epochs", "encoding", "loss", "train_on")


def setting_label(config: Mapping[str, Any], scale: Scale, paper_rows: tuple[int, ...] = ()) -> str:
    """Returns e.g. ``batch 1024, rate 5e-4, IB (S2 rows 1, 4, 7)``, or a baseline's name.

    Args:
        config: a configuration as JSON, with its ``method``.
        scale: brings batch, rate and cap back to the paper's units.
        paper_rows: the rows of Table S2 that run this setting.
    """
    if config["method"] != "priorsnet":
        return _method_label(config)
    cap = config["images_per_class"]
    sampler = "IB" if cap is None else f"CB {max(1, round(cap * PAPER_CATEGORY_SIZE / scale.category_size))}"
    defaults = PriorsNetConfig().model_dump(mode="json")
    further = [f"{name} {_short(config[name])}" for name in _OPTIONS if config[name] != defaults[name]]
    rate = config["lr"] * math.sqrt(scale.k)
    words = [f"batch {config['batch'] * scale.k}", f"rate {_rate(rate)}", sampler, *further]
    named = f" (S2 row{'s' * (len(paper_rows) > 1)} {', '.join(map(str, paper_rows))})" if paper_rows else ""
    return ", ".join(words).replace("train_on superset", "learned on the superset") + named


def _method_label(config: Mapping[str, Any]) -> str:
    name = METHODS.get(config["method"], config["method"])
    if config["method"] == "bayes":
        return f"{name}: {config['information'].replace('+', ' + ')}"
    return f"{name} (k = {config['k']})" if "k" in config else name


def _rate(rate: float) -> str:
    digits = f"{rate:.2g}" if rate >= 0.1 else f"{rate:.1e}".replace("e-0", "e-").replace(".0e", "e")
    return digits


def _short(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)

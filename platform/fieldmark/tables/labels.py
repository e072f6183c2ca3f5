"""Settings in words, in the paper's units whatever the scale they ran at."""

import math
from typing import Any

from fieldmark.config import MethodConfig, PriorsNetConfig, Scale
from fieldmark.config.scale import PAPER_CATEGORY_SIZE
from fieldmark.tables import numbers

NAMES = {
    "image_only": "image only",
    "class_frequency": "class frequency",
    "nearest_neighbours": "nearest neighbours",
    "radius_neighbours": "neighbours in a radius",
    "grid": "grid histogram",
    "kernel_density": "kernel density",
    "tang": "Tang et al.",
    "bayes": "Bayes bound",
    "priorsnet": "PriorsNet",
}
_NAMED_ALREADY = {"method", "batch", "lr", "sampler", "images_per_class", "train_on"}
_ALL_BY_NATURE = {"sampled_categories", "sampled_background"}


def setting_label(config: MethodConfig, scale: Scale) -> str:
    """Returns e.g. `batch 1024, lr 5e-4, CB 100, width 128`, or a method's name with its own figures."""
    if isinstance(config, PriorsNetConfig):
        return _priorsnet(config, scale)
    name = NAMES.get(config.method, config.method)
    if config.method == "bayes":
        return f"{name} ({config.information})"
    own = _changed(config, {"method"})
    if config.method == "nearest_neighbours":
        own = [f"k {config.k}", *(part for part in own if not part.startswith("k "))]
    return ", ".join([name, *own])


def paper_units(config: PriorsNetConfig, scale: Scale) -> dict[str, Any]:
    """Returns batch, rate, sampler and cap as they were before the scale brought them to the data."""
    cap = config.images_per_class
    if cap is not None and scale.name != "paper":
        cap = max(1, round(cap * PAPER_CATEGORY_SIZE / scale.category_size))
    rate = float(f"{config.lr * math.sqrt(scale.k):.3g}")
    return {"batch": config.batch * scale.k, "lr": rate, "sampler": config.sampler, "images_per_class": cap}


def _priorsnet(config: PriorsNetConfig, scale: Scale) -> str:
    asked = paper_units(config, scale)
    sampler = f"{asked['sampler']} {asked['images_per_class'] or ''}".strip()
    words = [f"batch {asked['batch']}", f"lr {numbers.setting(asked['lr'])}", sampler]
    words += _changed(config, _NAMED_ALREADY | _ALL_BY_NATURE)
    return ", ".join(words) + (" on the superset" if config.train_on == "superset" else "")


def _changed(config: MethodConfig, hidden: set[str]) -> list[str]:
    """Returns the fields that are not at their default."""
    defaults = type(config)().model_dump()
    return [
        f"{name} {numbers.setting(value)}"
        for name, value in config.model_dump().items()
        if name not in hidden and value != defaults[name]
    ]

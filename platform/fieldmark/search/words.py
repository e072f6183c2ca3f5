"""Figures and settings for people."""

from fieldmark.config import MethodConfig, PriorsNetConfig

MINUTE, HOUR = 60, 3600


def duration(seconds: float) -> str:
    """Returns e.g. ``45 s``, ``3.2 min`` or ``1.5 h``."""
    if seconds < MINUTE:
        return f"{seconds:.0f} s"
    return f"{seconds / MINUTE:.1f} min" if seconds < HOUR else f"{seconds / HOUR:.1f} h"


def describe(config: MethodConfig) -> str:
    """Returns a setting in a few words."""
    if not isinstance(config, PriorsNetConfig):
        return config.method
    cap = "" if config.images_per_class is None else str(config.images_per_class)
    superset = " superset" if config.train_on == "superset" else ""
    return f"batch {config.batch} lr {config.lr:.3g} {config.sampler}{cap}{superset}"

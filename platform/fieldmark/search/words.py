"""Figures and settings for people."""

from fieldmark.config import ClassifierFields, FrozenConfig, Fusions, MethodConfig, PriorsNetConfig

MINUTE, HOUR = 60, 3600


def duration(seconds: float) -> str:
    """Returns e.g. ``45 s``, ``3.2 min`` or ``1.5 h``."""
    if seconds < MINUTE:
        return f"{seconds:.0f} s"
    return f"{seconds / MINUTE:.1f} min" if seconds < HOUR else f"{seconds / HOUR:.1f} h"


def counted(number: int, noun: str) -> str:
    """Returns e.g. ``1 epoch`` or ``1,200 epochs``."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def describe(config: MethodConfig) -> str:
    """Returns a setting in a few words."""
    if isinstance(config, ClassifierFields):
        return _classifier(config)
    if not isinstance(config, PriorsNetConfig):
        return config.method
    cap = "" if config.images_per_class is None else str(config.images_per_class)
    superset = " superset" if config.train_on == "superset" else ""
    return f"batch {config.batch} lr {config.lr:.3g} {config.sampler}{cap}{superset}"


def _classifier(config: ClassifierFields) -> str:
    defaults, _ = Fusions.completed(config.fusion, {})
    settings = [f"{name}={value}" for name, value in config.fusion_settings.items() if defaults.get(name) != value]
    frozen = " frozen" if isinstance(config, FrozenConfig) else ""
    return " ".join([config.fusion, *settings, f"on{frozen} {config.backbone} at {config.resolution} px"])

"""What a fusion sweep searches: how place and date come in, the fusion's widths and depth, and its recipe.

The supplement's fusions at its own settings (Yang et al. 2022, Tables S3 to S5) are tried first; at smoke scale their
widths are divided by 8.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from fieldmark.config import ClassifierConfig, ClassifierFields, Fusions, ScaleName

if TYPE_CHECKING:
    from optuna.trial import BaseTrial

IMAGE_ONLY = "image_only"

PUBLISHED = (
    "dynamic_mlp_a",
    "dynamic_mlp_b",
    "dynamic_mlp_c",
    "concat_star",
    "add_star",
    "multiply_star",
    "concat_dagger",
    "add_dagger",
    "multiply_dagger",
    "attention_image",
    "attention_location",
    "attention_concat",
)
"""The fusions that the supplement compares under one recipe, each at d = 256, h = 64, N = 2."""

CHOICES: dict[ScaleName, dict[str, tuple[int, ...]]] = {
    "smoke": {"d": (32, 48, 64), "h": (8, 16, 32), "blocks": (1, 2, 3)},
    "paper": {"d": (128, 256, 512), "h": (32, 64, 128), "blocks": (1, 2, 3)},
}
"""What is tried of a setting, where the fusion has it."""
AS_PUBLISHED: dict[ScaleName, dict[str, int]] = {
    "smoke": {"d": 32, "h": 8, "blocks": 2},
    "paper": {"d": 256, "h": 64, "blocks": 2},
}

RATES = (1 / 8, 4.0)
"""Least and largest learning rate, as factors of the recipe's."""
DECAYS = (1 / 5, 20.0)
"""Least and largest weight decay, as factors of the recipe's."""
MIXUPS = (0.0, 0.1, 0.2, 0.4, 0.8)

BASE: dict[ScaleName, dict[str, Any]] = {
    "smoke": {"epochs": 6, "resolution": 32, "location_width": 32},
    "paper": {},
}
"""What this space changes of a scale's ordinary training, where the flags say nothing: at smoke, a model of the
fusions' width, small pictures, on which place and date must tell the look-alikes apart, and six epochs, some 280
updates in less than half a minute of one core."""


def suitable(*, has_places: bool, frozen: bool) -> tuple[str, ...]:
    """Returns the fusions that can be searched on data.

    Args:
        has_places: whether the records have places; GeoNet looks at nothing else.
        frozen: whether fusions are trained on cached features, which are no maps to be modulated; and image-only is
            then the model that they come from.
    """
    found = [name for name in Fusions.names() if name not in Fusions.untrained]
    if not has_places:
        found = [name for name in found if not name.startswith("geonet_")]
    if frozen:
        found = [name for name in found if name != IMAGE_ONLY and not name.startswith("geonet_modulate_")]
    return tuple(found)


@dataclass(frozen=True, kw_only=True)
class FusionSpace:
    """The space around a base configuration."""

    NAME: ClassVar[str] = "fusion"

    base: ClassifierConfig
    """Everything that is not searched, and the recipe that the ranges lie around."""
    scale: ScaleName
    fusions: tuple[str, ...]
    frozen: bool = False
    """Whether fusions are trained on cached features, where pictures cannot be mixed."""

    def suggest(self, trial: "BaseTrial") -> ClassifierConfig:
        """Returns the setting that a trial proposes; a width is asked for only where the fusion has it."""
        fusion = trial.suggest_categorical("fusion", self.fusions)
        settings = {name: trial.suggest_categorical(name, CHOICES[self.scale][name]) for name in _searched(fusion)}
        values: dict[str, Any] = {"lr": trial.suggest_float("lr", *self._around(self.base.lr, RATES), log=True)}
        if self.base.weight_decay:
            decays = self._around(self.base.weight_decay, DECAYS)
            values["weight_decay"] = trial.suggest_float("weight_decay", *decays, log=True)
        if not self.frozen:
            values["mixup"] = trial.suggest_categorical("mixup", sorted({*MIXUPS, self.base.mixup}))
        return self._with(fusion, settings, values)

    def parameters(self, config: ClassifierFields) -> dict[str, Any]:
        """Returns the parameters with which `suggest` would propose a setting, or one like it in all that it varies."""
        names = ["lr", *(["weight_decay"] if self.base.weight_decay else []), *([] if self.frozen else ["mixup"])]
        settings = {name: config.fusion_settings[name] for name in _searched(config.fusion)}
        return {"fusion": config.fusion, **settings, **{name: getattr(config, name) for name in names}}

    def published(self) -> tuple[ClassifierConfig, ...]:
        """Returns what is tried first: image-only, where it is searched, and the supplement's fusions."""
        first = (name for name in (IMAGE_ONLY, *PUBLISHED) if name in self.fusions)
        return tuple(
            self._with(name, {key: AS_PUBLISHED[self.scale][key] for key in _searched(name)}, {}) for name in first
        )

    def references(self) -> tuple[ClassifierConfig, ...]:
        """Returns the settings whose image-only model stands beside the search, where that is no part of it."""
        return () if IMAGE_ONLY in self.fusions else (self.base,)

    def views(self, config: ClassifierFields) -> tuple[str, ...]:
        """Returns the views beside a run's own: none."""
        return ()

    def _around(self, value: float, factors: tuple[float, float]) -> tuple[float, float]:
        return value * factors[0], value * factors[1]

    def _with(self, fusion: str, settings: Mapping[str, Any], values: Mapping[str, Any]) -> ClassifierConfig:
        kept = self.base.model_dump(mode="json", exclude={"fusion", "fusion_settings", "fusion_version"})
        return ClassifierConfig.model_validate({**kept, "fusion": fusion, "fusion_settings": dict(settings), **values})


def _searched(fusion: str) -> list[str]:
    """Returns those of a fusion's settings that are searched."""
    known = Fusions.settings(fusion, {})
    return [name for name in ("d", "h", "blocks") if name in type(known).model_fields]

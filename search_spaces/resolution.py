"""What a resolution sweep searches: the side of the training pictures and the backbone; every run is tested at several.

Table S1 (Yang et al. 2022) trains at 224, 384 and 448 pixels and tests at larger sizes, several of them averaged.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from fieldmark.config import ClassifierConfig, ClassifierFields, ScaleName, View

if TYPE_CHECKING:
    from optuna.trial import BaseTrial

SIDES: dict[ScaleName, tuple[int, int, int]] = {"smoke": (24, 112, 8), "paper": (160, 448, 32)}
"""Smallest and largest training side and the step between, in pixels. The default world's marks show from 64 (coarse)
and 96 pixels (fine): the smoke range has sides below, between and above."""
AS_PUBLISHED: dict[ScaleName, tuple[int, ...]] = {"smoke": (56, 96, 112), "paper": (224, 384, 448)}
"""Table S1's training sides; divided by 4 at smoke scale."""
BACKBONES: dict[ScaleName, tuple[str, ...]] = {
    "smoke": ("test_resnet", "test_efficientnet"),
    "paper": ("resnet50", "sk2res2net101"),
}
LARGER = (8 / 7, 12 / 7)
"""Test sides beside a run's own, as factors of it: Table S1's 256 and 384 of 224."""
AVERAGED = (8 / 7, 10 / 7, 12 / 7)
"""Test sides whose probabilities are averaged: every other one of Table S1's 256, 288, 320, 352, 384."""

BASE: dict[ScaleName, dict[str, Any]] = {"smoke": {"epochs": 5, "location_width": 32}, "paper": {}}
"""What this space changes of a scale's ordinary training, where the flags say nothing: at smoke, five epochs, some
230 updates in 10 (24 pixels) to 90 seconds (112 pixels) of one core."""
FUSION_SETTINGS: dict[ScaleName, tuple[str, ...]] = {"smoke": ("d=32", "h=8"), "paper": ()}
"""Of the Dynamic MLPs and what is built like them."""


@dataclass(frozen=True, kw_only=True)
class ResolutionSpace:
    """The space around a base configuration."""

    NAME: ClassVar[str] = "resolution"

    base: ClassifierConfig
    """Everything that is not searched."""
    scale: ScaleName
    backbones: tuple[str, ...]

    def suggest(self, trial: "BaseTrial") -> ClassifierConfig:
        """Returns the setting that a trial proposes."""
        low, high, step = SIDES[self.scale]
        side = trial.suggest_int("resolution", low, high, step=step)
        return self._with(side, trial.suggest_categorical("backbone", self.backbones))

    def parameters(self, config: ClassifierFields) -> dict[str, Any]:
        """Returns the parameters with which `suggest` would propose a setting, or one like it in all that it varies."""
        return {"resolution": config.resolution, "backbone": config.backbone}

    def published(self) -> tuple[ClassifierConfig, ...]:
        """Returns Table S1's training sides, with the first backbone."""
        return tuple(self._with(side, self.backbones[0]) for side in AS_PUBLISHED[self.scale])

    def references(self) -> tuple[ClassifierConfig, ...]:
        """Returns the settings whose image-only model stands beside the search.

        They are the published ones, and the smallest of them with each further backbone.
        """
        others = (self._with(AS_PUBLISHED[self.scale][0], backbone) for backbone in self.backbones[1:])
        return (*self.published(), *others)

    def views(self, config: ClassifierFields) -> tuple[str, ...]:
        """Returns the views beside a run's own: larger pictures, and several sizes averaged."""
        one = [View(sizes=(_larger(config.resolution, factor),)) for factor in LARGER]
        several = View(sizes=tuple(_larger(config.resolution, factor) for factor in AVERAGED))
        return tuple(view.text for view in (*one, several))

    def _with(self, side: int, backbone: str) -> ClassifierConfig:
        picture_side = self.base.picture_side
        if picture_side is not None:
            picture_side = round(picture_side * side / self.base.resolution)
        changes = {"resolution": side, "picture_side": picture_side, "backbone": backbone}
        return ClassifierConfig.model_validate({**self.base.model_dump(mode="json"), **changes})


def _larger(side: int, factor: float) -> int:
    return round(side * factor)

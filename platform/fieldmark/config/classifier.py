"""An image classifier that may look at place and date, too (Yang et al. 2022; SPEC sections 4 and 5)."""

from typing import Any, ClassVar, Literal, Self

from pydantic import Field, model_validator

from fieldmark.config.fusions import Fusions, FusionValues
from fieldmark.config.recipe import RecipeConfig

Normalisation = Literal["imagenet", "half"]


class ClassifierFields(RecipeConfig):
    """Backbone, fusion, resolution and recipe: what every training of a classifier has."""

    backbone: str = "resnet50"
    """A timm model name, or sk2res2net101, botnet152, pvt_large_v1."""
    weights: str = Field("none", pattern=r"^(none|unknown|timm:[^.]+\..+|sha256:.+)$")
    """What the backbone starts from: `none`, `timm:NAME.TAG` (timm's pretrained weights of that tag), or `sha256:...`
    of a file."""
    normalisation: Normalisation = "imagenet"
    """Mean and spread that pixels are brought to before the network: less ImageNet's mean by its standard deviation, or
    less a half by a half, which is what some pretrained weights want."""
    resolution: int = Field(224, ge=16)
    """Side of the square input, in pixels."""
    picture_side: int | None = Field(None, ge=16)
    """Pictures are shrunk to this shorter side before any crop, which makes them small enough to be packed; None: they
    are cropped as they are, as in the released code. (The world draws its pictures at the resolution itself.)"""
    center_share: float = Field(0.875, gt=0, le=1)
    """Share of the shorter side that the centre crop of evaluation covers: 224 of 256."""

    fusion: str = "dynamic_mlp_c"
    fusion_settings: FusionValues = Field(default_factory=dict)
    """The fusion's own settings; defaults are filled in."""
    fusion_version: int = 0
    """The fusion's numerics version; filled in."""

    encoding: Literal["wrap", "sphere", "none"] = "wrap"
    """Place: sine and cosine of both angles, unit-sphere XYZ, or no place at all."""
    date: bool = True
    """Whether the date is an input."""
    feature_order: Literal["priorsnet", "dynamic_mlp"] = "dynamic_mlp"
    date_convention: Literal["priorsnet", "dynamic_mlp"] = "dynamic_mlp"
    missing: Literal["each", "all"] = "each"
    """A missing field that is asked for leaves its own features zero (`each`), or all of them (`all`, the authors')."""
    location_width: int = Field(256, ge=1)
    """Units of the location encoder's layers."""
    location_blocks: int = Field(4, ge=0)
    location_dropout: float = Field(0.5, ge=0, lt=1)

    @model_validator(mode="before")
    @classmethod
    def _fill_in_the_fusion(cls, values: Any) -> Any:
        if not isinstance(values, dict):
            return values
        name = values.get("fusion", "dynamic_mlp_c")
        settings, version = Fusions.completed(str(name), dict(values.get("fusion_settings", {})))
        given = values.get("fusion_version") or version
        return {**values, "fusion_settings": settings, "fusion_version": given}

    @property
    def looks_at_location(self) -> bool:
        """Whether place or date can change a score."""
        return self.fusion != "image_only"


class ClassifierConfig(ClassifierFields):
    """A classifier that is trained as a whole: every choice that can change its numbers."""

    numerics_version: ClassVar[int] = 1
    method: Literal["classifier"] = "classifier"


class FrozenConfig(ClassifierFields):
    """A fusion that is trained on the cached features of a frozen image-only model (SCIENCE rule 18).

    The model is a stage of the run (`IMAGE_MODEL`). It has been trained on the same pictures, so a fusion sees features
    of several augmented views; features of models trained on other folds would lie in another space each, and no
    feature-level fusion could be trained on them together.
    """

    numerics_version: ClassVar[int] = 1
    method: Literal["frozen"] = "frozen"

    views: int = Field(4, ge=1)
    """Augmented views of every training picture whose features are cached; epoch e sees view e mod `views`."""

    @model_validator(mode="after")
    def _pictures_are_not_mixed(self) -> Self:
        if self.mixup or self.cutmix:
            raise ValueError("features of pictures are cached one by one: mixup and cutmix must be 0")
        return self

    @property
    def classifier(self) -> ClassifierConfig:
        """The same model as one that is trained as a whole."""
        kept = self.model_dump(mode="json", exclude={"method", "views"})
        return ClassifierConfig.model_validate(kept)

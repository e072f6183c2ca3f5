"""The image-only classifier whose scores a prior is multiplied with."""

from typing import ClassVar, Literal

from pydantic import Field

from fieldmark.config.base import Configuration


class ImageStageConfig(Configuration):
    """A small timm backbone trained once on a data set's training images."""

    numerics_version: ClassVar[int] = 1
    method: Literal["image_only"] = "image_only"
    backbone: str = "test_resnet"
    """A timm model name."""
    resolution: int = Field(48, ge=16)
    """Side of the square input, in pixels."""
    epochs: int = Field(6, ge=1)
    batch: int = Field(64, ge=1)
    lr: float = Field(3e-3, gt=0)
    """AdamW's peak rate; one cosine cycle."""
    weight_decay: float = Field(1.0, ge=0)
    """Strong, so that the labels of look-alikes' pictures are not learned by heart."""
    threads: int = Field(1, ge=1)
    """Threads it is trained with: they add up sums in another order, and so change the last digits."""
    label_smoothing: float = Field(0.0, ge=0, lt=1)


class BayesConfig(Configuration):
    """The world's Bayes classifier for one information set; a bound, not a method."""

    numerics_version: ClassVar[int] = 1
    method: Literal["bayes"] = "bayes"
    information: Literal["image", "place", "date", "place+date", "image+place", "image+date", "image+place+date"] = (
        "image+place+date"
    )
    resolution: int = Field(48, ge=16)
    """Resolution at which the pictures are seen; marks vanish below a threshold."""

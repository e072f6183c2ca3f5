"""PriorsNet's configuration (Mac Aodha et al. 2019; SPEC sections 1 and 2)."""

from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from fieldmark.config.base import Configuration


class PriorsNetConfig(Configuration):
    """Every choice of a PriorsNet run; the defaults are the authors' own, without the photographer terms."""

    numerics_version: ClassVar[int] = 1

    method: Literal["priorsnet"] = "priorsnet"

    batch: int = Field(1024, ge=1)
    """Global batch, in observations."""
    lr: float = Field(5e-4, gt=0)
    """Adam's rate in the first epoch."""
    decay: float = Field(0.98, gt=0, le=1)
    """The rate is multiplied by this after every epoch."""
    epochs: int = Field(30, ge=1)
    """Passes of the sampler; the last one is reported."""

    sampler: Literal["CB", "IB"] = "CB"
    """Class-balanced (each epoch at most `images_per_class` of a category, drawn anew) or instance-balanced."""
    images_per_class: int | None = Field(100, ge=1)
    """The cap N/C of the class-balanced sampler; none for the instance-balanced one."""

    width: int = Field(256, ge=1)
    """Units of every hidden layer."""
    blocks: int = Field(4, ge=0)
    """Residual blocks."""
    dropout: float = Field(0.5, ge=0, lt=1)
    """Dropout inside the blocks."""

    encoding: Literal["wrap", "sphere", "raw", "none"] = "wrap"
    """Place: sine and cosine of both angles, unit-sphere XYZ, the raw pair, or no place at all."""
    feature_order: Literal["priorsnet", "dynamic_mlp"] = "priorsnet"
    """Order of the wrapped features; a permutation that only checkpoints care about."""
    date: bool = True
    """Whether the date is an input."""
    date_convention: Literal["priorsnet", "dynamic_mlp"] = "priorsnet"
    """(days before month + day - 1)/365 of a 2018 calendar, or day of year / days in year."""
    missing_date: Literal["zero", "drop"] = "zero"
    """A record with a place and no date: date features are zero (off the unit circle), or it is not used."""

    photographer: bool = False
    """Whether the loss has the two photographer terms; needs observers in the training set."""
    background: Literal["sphere", "iccv2019", "degrees"] = "sphere"
    """Where background points are drawn: uniform on the sphere, the biased 2019 formula, uniform in degrees."""
    positive_weight: float | None = Field(None, gt=0)
    """Lambda of the presence loss; none means the number of categories."""

    loss: Literal["exact", "sampled"] = "exact"
    """All categories in every step, or an unbiased estimate from some of them."""
    sampled_categories: int = Field(256, ge=1)
    """Negative categories drawn a step by the sampled loss."""
    sampled_background: float = Field(0.25, gt=0, le=1)
    """Background points a step of the sampled loss, as a share of the batch."""

    train_on: Literal["train", "superset"] = "train"
    """`superset`: the prior is learned from the larger set that contains the training set (S2's starred row)."""

    @model_validator(mode="after")
    def _sampler_and_cap_agree(self) -> Self:
        if (self.sampler == "CB") != (self.images_per_class is not None):
            raise ValueError("images_per_class belongs to sampler CB, and only to it")
        return self

"""From a setting in the paper's units to the one that is run on the data at hand (SCIENCE rules 11 and 16)."""

import math
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from fieldmark.config.priorsnet import PriorsNetConfig

PAPER_CATEGORY_SIZE = 50  # images a category in iNat2021-mini, to which S2's caps refer
PAPER_EPOCHS = 30
LARGEST_PUBLISHED_BATCH = 4096
FEWEST_UPDATES = 300

ScaleName = Literal["smoke", "paper"]
RateRule = Literal["scaled", "published"]


class Scale(BaseModel):
    """How published settings are brought to the size of the data: `paper` changes nothing."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: ScaleName
    k: int = Field(1, ge=1)
    """Batches are divided by k, Adam's rate by the square root of k."""
    rate: RateRule = "scaled"
    """Whether Adam's rate follows the batch, or stays as published."""
    category_size: float = Field(PAPER_CATEGORY_SIZE, gt=0)
    """Median training images a category; caps are scaled by its ratio to the paper's 50."""

    def describe(self) -> str:
        """Returns the sentence that stands in a table's header."""
        if self.name == "paper":
            return "scale paper: settings as published"
        rate = f"rate / sqrt({self.k})" if self.rate == "scaled" else "rate as published"
        return (
            f"scale smoke: a demonstration of the method, never a test of a published number; batch / {self.k}, "
            f"{rate}, cap x {self.category_size / PAPER_CATEGORY_SIZE:.2f}"
        )


def choose_scale(name: ScaleName, *, train_records: int, category_size: float, rate: RateRule = "scaled") -> Scale:
    """Returns the scale of that name for a training set.

    Smoke divides by the smallest power of two that leaves the largest published batch 300 updates in 30 epochs.

    Args:
        name: `smoke` or `paper`.
        train_records: training observations, at least 1.
        category_size: median of them a category.
        rate: whether Adam's rate is divided too.
    """
    if name == "paper":
        return Scale(name="paper")
    needed = FEWEST_UPDATES * LARGEST_PUBLISHED_BATCH / (PAPER_EPOCHS * train_records)
    k = min(2 ** max(0, math.ceil(math.log2(needed))), 256)
    return Scale(name="smoke", k=k, rate=rate, category_size=category_size)


def at_scale(config: PriorsNetConfig, scale: Scale) -> PriorsNetConfig:
    """Returns the configuration with batch, rate and cap brought to the scale."""
    if scale.name == "paper":
        return config
    cap = config.images_per_class
    return config.model_copy(
        update={
            "batch": max(1, config.batch // scale.k),
            "lr": config.lr / math.sqrt(scale.k) if scale.rate == "scaled" else config.lr,
            "images_per_class": None if cap is None else max(1, round(cap * scale.category_size / PAPER_CATEGORY_SIZE)),
        }
    )


def effective(config: PriorsNetConfig, largest_category: int) -> PriorsNetConfig:
    """Returns the simplest configuration with the same numbers on data whose largest category has that many records.

    A cap that never binds visits every record once an epoch, which is the instance-balanced sampler
    (`data.samplers` draws both from the same keys, so the numbers are equal, not just their distribution).
    """
    if config.images_per_class is not None and config.images_per_class >= largest_category:
        config = config.model_copy(update={"sampler": "IB", "images_per_class": None})
    if config.loss == "exact":
        defaults = PriorsNetConfig()
        config = config.model_copy(
            update={
                "sampled_categories": defaults.sampled_categories,
                "sampled_background": defaults.sampled_background,
            }
        )
    return config

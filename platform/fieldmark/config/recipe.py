"""How a classifier is trained: the recipes of SPEC section 5 as named configurations."""

from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from fieldmark.config.base import Configuration


class RecipeConfig(Configuration):
    """Every choice of the training of an image classifier; the defaults are the paper's CNN recipe."""

    optimizer: Literal["sgd", "adamw"] = "sgd"
    batch: int = Field(512, ge=1)
    """Global batch, in images, over all workers; the last, partial batch of an epoch is left out."""
    bn_batch: int = Field(64, ge=1)
    """Images that go through the network together: batch-norm statistics and dropout draws belong to this group, and
    a worker takes whole groups, so that nothing depends on the number of workers (SCIENCE rule 17)."""
    lr: float = Field(0.04, gt=0)
    """Peak rate, for the global batch."""
    momentum: float = Field(0.9, ge=0, lt=1)
    """SGD's momentum, or AdamW's first beta."""
    weight_decay: float = Field(1e-4, ge=0)
    decay_all: bool = True
    """Whether biases, norm layers, position embeddings and class tokens decay, too."""
    epochs: int = Field(90, ge=1)
    warmup_epochs: int = Field(2, ge=0)
    """Epochs in which the rate rises linearly, iteration by iteration."""
    schedule: Literal["cosine_epoch", "cosine", "constant"] = "cosine_epoch"
    """Cosine held within an epoch and not shifted by the warm-up (the paper's), cosine by iteration, or constant."""
    clip_norm: float | None = Field(None, gt=0)
    """Largest norm of the gradient; None: not clipped."""

    label_smoothing: float = Field(0.1, ge=0, lt=1)
    smoothing_over: Literal["others", "all"] = "others"
    """Whether the smoothed mass goes to the C - 1 other categories, or to all C."""
    mixup: float = Field(0.4, ge=0)
    """Alpha of the Beta distribution that lambda is drawn from; 0: off. Metadata are mixed like the images."""
    cutmix: float = Field(0.0, ge=0)
    """Alpha of CutMix, chosen instead of mixup half of the time where both are on; metadata are mixed by area."""
    mixup_group: int = Field(64, ge=1)
    """Images that share one lambda and are mixed among themselves. The released code presumably mixes over its whole
    batch, in one process: `mixup_group` = `batch`, which one worker can train, is that form."""

    crop_area: tuple[float, float] = (0.08, 1.0)
    """Smallest and largest share of the picture that a random crop covers; its sides' ratio is 3/4 to 4/3."""
    flip: float = Field(0.5, ge=0, le=1)
    """Chance of a horizontal flip."""
    rand_augment: int = Field(0, ge=0, le=30)
    """Magnitude of RandAugment with two operations, on torchvision's scale of 0 to 30, not on timm's of 0 to 10: DeiT's
    m9 is 27 here, which turns a picture by 27 degrees. 0: off."""
    random_erasing: float = Field(0.0, ge=0, le=1)
    """Chance that a rectangle is filled with noise."""
    drop_path: float = Field(0.0, ge=0, lt=1)
    """Stochastic depth of the backbone, where it has it."""
    precision: Literal["float64", "float32", "bfloat16", "float16"] = "float16"
    """Of the forward and backward pass; below float32 by autocast, float16 with a loss scaler."""

    @model_validator(mode="after")
    def _groups_divide_the_batch(self) -> Self:
        for name in ("bn_batch", "mixup_group"):
            if self.batch % getattr(self, name):
                raise ValueError(f"batch {self.batch} is not a multiple of {name} {getattr(self, name)}")
        low, high = self.crop_area
        if not 0 < low <= high <= 1:
            raise ValueError(f"crop_area {low}, {high}: expected 0 < smallest <= largest <= 1")
        return self


class Recipes:
    """The named recipes.

    `transformer` is DeiT's augmentation at the paper's rate, decay and epochs. What it is known to lack of DeiT's:
    RandAugment's magnitude has no noise and posterises less (to 4 bits, not 1), its operations are torchvision's (with
    the identity, without inversion and added solarisation) and it leaves black behind, not the mean colour; pictures
    are not repeated within a batch; crops are resized bilinearly, not bicubically; the noise of erasing is cut off at
    what fits into a byte; the rate falls to 0, not to 1e-5; mixing stays within `mixup_group`.
    """

    NAMES: ClassVar[dict[str, RecipeConfig]] = {
        "paper_cnn": RecipeConfig(),
        "released_log": RecipeConfig(batch=1024, lr=0.5),
        "transformer": RecipeConfig(
            optimizer="adamw",
            batch=256,
            bn_batch=32,
            mixup_group=32,
            lr=2e-4,
            weight_decay=0.05,
            decay_all=False,
            warmup_epochs=5,
            schedule="cosine",
            smoothing_over="all",
            mixup=0.8,
            cutmix=1.0,
            rand_augment=27,
            random_erasing=0.25,
            drop_path=0.1,
        ),
        "geonet": RecipeConfig(lr=0.02, schedule="constant", warmup_epochs=0, label_smoothing=0.0, mixup=0.0),
        "smoke": RecipeConfig(
            optimizer="adamw",
            batch=64,
            bn_batch=16,
            mixup_group=16,
            lr=3e-3,
            weight_decay=0.05,
            epochs=20,
            warmup_epochs=1,
            schedule="cosine",
            mixup=0.1,
            crop_area=(0.7, 1.0),
            precision="float32",
        ),
        "frozen": RecipeConfig(
            optimizer="adamw",
            batch=128,
            bn_batch=128,
            mixup_group=128,
            lr=3e-3,
            weight_decay=0.05,
            epochs=30,
            warmup_epochs=1,
            schedule="cosine",
            mixup=0.0,
            crop_area=(0.7, 1.0),
            precision="float32",
        ),
    }
    """`paper_cnn`, `transformer`: the supplement, B.1. `released_log`: what the released training log shows (SPEC 5.1).
    `geonet`: the supplement's own GeoNet. `smoke`: minutes on a laptop, comparable with nothing published.
    `frozen`: ours, for a fusion on cached features of a frozen image-only model: whole batches, nothing mixed; its rate
    was chosen on the world's tune part."""

"""What a picture goes through before the network sees it: on uint8, every draw from the picture's own seed.

The draws of crop, flip and erasing come from a generator made for one picture. RandAugment's come from torch's default
generator, which is seeded for it and then put back: neither depends on, nor changes, any randomness around it, so that
the same picture and seed give the same crop in any process.
"""

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from fieldmark.config.recipe import RecipeConfig
from fieldmark.data.images.boxes import DRAWS, middle_box, random_box
from fieldmark.data.images.normalise import IMAGENET_MEAN, IMAGENET_STD

if TYPE_CHECKING:
    import torch
    from torch import Tensor

CROP_RATIO = (3 / 4, 4 / 3)
ERASED_AREA = (0.02, 1 / 3)
ERASED_RATIO = (0.3, 10 / 3)
"""Of timm's random erasing, which the DeiT recipe uses."""
_AUGMENTATIONS = 2
_LONGEST = 8
_LARGEST_SEED = (1 << 62) - 1


@dataclass(frozen=True, slots=True)
class TrainingTransform:
    """Random crop, flip, RandAugment and erasing; see `training_transform`."""

    resolution: int
    crop_area: tuple[float, float]
    flip: float
    rand_augment: int
    random_erasing: float
    exact: bool

    def __call__(self, image: "Tensor", seed: int) -> "Tensor":
        """Takes uint8 (3, H, W) and a seed, returns uint8 (3, R, R)."""
        import torch

        check_exact(self.exact, image, self.resolution)
        generator = torch.Generator().manual_seed(seed)
        # So many are drawn whatever happens, so that a crop does not depend on what is switched on after it.
        draws = torch.rand(2 * DRAWS + 2, generator=generator, dtype=torch.float64).tolist()
        result = self._cropped(image, draws[:DRAWS])
        if draws[DRAWS] < self.flip:
            result = result.flip(-1)
        if self.rand_augment:
            result = _augmented(result, self.rand_augment, int(torch.randint(_LARGEST_SEED, (), generator=generator)))
        if draws[DRAWS + 1] < self.random_erasing:
            result = _erased(result, draws[DRAWS + 2 :], generator)
        return result

    def _cropped(self, image: "Tensor", draws: list[float]) -> "Tensor":
        height, width = image.shape[-2:]
        box = random_box(height, width, area=self.crop_area, ratio=CROP_RATIO, draws=draws)
        top, left, height, width = box or middle_box(height, width, ratio=CROP_RATIO)
        return resized(image[:, top : top + height, left : left + width], self.resolution, self.resolution)


@dataclass(frozen=True, slots=True)
class EvaluationTransform:
    """Shorter side, then the central square; see `evaluation_transform`."""

    resolution: int
    center_share: float
    exact: bool

    def __call__(self, image: "Tensor", seed: int = 0) -> "Tensor":
        """Takes uint8 (3, H, W), returns uint8 (3, R, R); has a seed so that both transforms are called alike."""
        check_exact(self.exact, image, self.resolution)
        if self.exact:
            return image
        return middle(with_shorter_side(image, cropped_from(self.resolution, self.center_share)), self.resolution)


def training_transform(config: RecipeConfig, resolution: int, exact: bool = False) -> TrainingTransform:
    """Returns the random crop and what the recipe has after it, for `resolution` pixels a side.

    Args:
        config: Its `crop_area`, `flip`, `rand_augment` and `random_erasing` are used.
        resolution: Side R of the result.
        exact: Whether pictures must have the resolution already; they are cropped as configured all the same.
    """
    return TrainingTransform(
        resolution=resolution,
        crop_area=config.crop_area,
        flip=config.flip,
        rand_augment=config.rand_augment,
        random_erasing=config.random_erasing,
        exact=exact,
    )


def evaluation_transform(resolution: int, center_share: float, exact: bool = False) -> EvaluationTransform:
    """Returns the centre crop: shorter side to round(R / center_share), then the central R by R.

    Args:
        resolution: Side R of the result.
        center_share: Share of the shorter side that is seen, in (0, 1]; 224 of 256 in the papers.
        exact: Whether pictures have the resolution already and are left as they are.
    """
    return EvaluationTransform(resolution, center_share, exact)


def cropped_from(resolution: int, center_share: float) -> int:
    """Returns the shorter side that crops of `resolution` pixels are taken from."""
    return round(resolution / center_share)


def with_shorter_side(image: "Tensor", shorter: int) -> "Tensor":
    """Returns the picture with a shorter side of so many pixels.

    Of a strip it is only the middle: at the size that its shorter side asks for, it might not fit into memory.
    """
    seen = middle(image, _LONGEST * min(image.shape[-2:]))
    now = min(seen.shape[-2:])
    return resized(seen, *(shorter * side // now for side in seen.shape[-2:]))


def middle(image: "Tensor", side: int) -> "Tensor":
    """Returns the central part of a picture, at most so high and wide; rounded as torchvision's centre crop."""
    height, width = min(side, image.shape[-2]), min(side, image.shape[-1])
    top, left = round((image.shape[-2] - height) / 2), round((image.shape[-1] - width) / 2)
    return image[:, top : top + height, left : left + width]


def check_exact(exact: bool, image: "Tensor", resolution: int) -> None:
    """Asserts that a picture which nobody may resize has the resolution."""
    shape = tuple(image.shape[-2:])
    assert not exact or shape == (resolution, resolution), f"a picture of {shape} where {resolution} is exact"


def resized(image: "Tensor", height: int, width: int) -> "Tensor":
    """Returns the picture at that size, antialiased, channels-last in memory."""
    import torch
    from torch.nn.functional import interpolate

    # As torchvision's resize, without its checks; on what is contiguous, the native uint8 kernel is twice as fast.
    single = image[None].contiguous(memory_format=torch.channels_last)
    if image.shape[-2:] == (height, width):
        return single[0]
    return interpolate(single, (height, width), mode="bilinear", antialias=True)[0]


def _augmented(image: "Tensor", magnitude: int, seed: int) -> "Tensor":
    import torch

    state = torch.default_generator.get_state()
    try:
        torch.default_generator.manual_seed(seed)
        result: Tensor = _rand_augment(magnitude)(image)
        return result
    finally:
        torch.default_generator.set_state(state)


@cache
def _rand_augment(magnitude: int) -> Any:
    from torchvision.transforms import v2

    return v2.RandAugment(num_ops=_AUGMENTATIONS, magnitude=magnitude)


def _erased(image: "Tensor", draws: list[float], generator: "torch.Generator") -> "Tensor":
    """Returns the picture with a rectangle of noise that is standard normal once normalised by ImageNet's figures."""
    import torch
    from torchvision.transforms.v2.functional import erase

    box = random_box(*image.shape[-2:], area=ERASED_AREA, ratio=ERASED_RATIO, draws=draws)
    if box is None:
        return image
    mean, std = (255 * torch.tensor(figures).view(3, 1, 1) for figures in (IMAGENET_MEAN, IMAGENET_STD))
    noise = mean + std * torch.randn(3, box.height, box.width, generator=generator)
    result: Tensor = erase(image, *box, noise.round().clamp(0, 255).to(image.dtype))
    return result

"""What pictures go through: sizes, repeatability, and agreement with torchvision's slow and plain way."""

import math
import pickle

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from torch import Tensor
from torchvision.transforms import v2
from torchvision.transforms.v2 import functional

from fieldmark.config.classifier import Normalisation
from fieldmark.config.recipe import RecipeConfig
from fieldmark.data.images.boxes import DRAWS, middle_box, random_box
from fieldmark.data.images.normalise import pixels_to_float
from fieldmark.data.images.transforms import evaluation_transform, training_transform

SIDES = st.integers(1, 90)
SEEDS = st.integers(0, (1 << 64) - 1)


def photo(height: int, width: int, seed: int = 0) -> Tensor:
    """A smooth picture with some noise on it, its memory ordered as decoders leave it."""
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[:height, :width] / max(height, width)
    waves = [np.sin(rows * a + columns * b + c) for a, b, c in rng.uniform(1, 9, (3, 3))]
    pixels = 128 + 80 * np.stack(waves, axis=2) + rng.normal(0, 6, (height, width, 3))
    return torch.from_numpy(pixels.clip(0, 255).astype(np.uint8)).permute(2, 0, 1)


def recipe(**changed: object) -> RecipeConfig:
    return RecipeConfig.model_validate(changed)


ALL_ON = recipe(rand_augment=27, random_erasing=1.0)


@given(SIDES, SIDES, st.integers(1, 40), SEEDS, st.sampled_from([recipe(), ALL_ON, recipe(crop_area=(1.0, 1.0))]))
@settings(max_examples=60)
def test_training_gives_the_resolution_and_the_same_crop_for_the_same_seed(
    height: int, width: int, resolution: int, seed: int, config: RecipeConfig
) -> None:
    image, transform = photo(height, width), training_transform(config, resolution)
    result = transform(image, seed)
    assert result.shape == (3, resolution, resolution) and result.dtype == torch.uint8
    torch.manual_seed(seed % 1000)
    assert torch.equal(pickle.loads(pickle.dumps(transform))(image.contiguous(), seed), result)


def test_randomness_around_it_is_not_touched_and_does_not_matter() -> None:
    image, transform = photo(50, 60), training_transform(ALL_ON, 32)
    first = transform(image, 5)
    torch.manual_seed(1)
    before = torch.rand(3)
    torch.manual_seed(1)
    assert torch.equal(transform(image, 5), first)
    assert torch.equal(torch.rand(3), before)
    assert not torch.equal(transform(image, 6), first)


def test_a_crop_is_what_torchvision_makes_of_the_same_box() -> None:
    """Bit for bit: a flip or not, of torchvision's own antialiased resize of some box of the picture."""
    image = photo(61, 83)
    config = recipe(crop_area=(0.3, 0.6), flip=1.0)
    for seed in range(20):
        draws = torch.rand(DRAWS, generator=torch.Generator().manual_seed(seed), dtype=torch.float64).tolist()
        box = random_box(61, 83, area=(0.3, 0.6), ratio=(3 / 4, 4 / 3), draws=draws)
        assert box is not None
        expected = functional.horizontal_flip(functional.resized_crop(image, *box, [32, 32], antialias=True))
        assert torch.equal(training_transform(config, 32)(image, seed), expected)


def test_boxes_are_distributed_as_torchvisions() -> None:
    """Means and spreads of top, left, height and width over many draws."""
    generator = torch.Generator().manual_seed(0)
    drawn = torch.rand(4000, DRAWS, generator=generator, dtype=torch.float64).tolist()
    own = np.array(
        [random_box(60, 90, area=(0.08, 1.0), ratio=(3 / 4, 4 / 3), draws=row) or (0, 5, 60, 80) for row in drawn]
    )
    torch.manual_seed(0)
    crop = v2.RandomResizedCrop(8, antialias=True)
    params = [crop.make_params([torch.empty(3, 60, 90)]) for _ in range(4000)]
    theirs = np.array([[found[name] for name in ("top", "left", "height", "width")] for found in params])
    error = np.sqrt((own.var(axis=0) + theirs.var(axis=0)) / 4000)
    assert (np.abs(own.mean(axis=0) - theirs.mean(axis=0)) < 4 * error).all()
    np.testing.assert_allclose(own.std(axis=0), theirs.std(axis=0), rtol=0.06)


@given(SIDES, SIDES, st.lists(st.floats(0, 1, exclude_max=True), min_size=DRAWS, max_size=DRAWS))
def test_a_box_lies_in_the_picture(height: int, width: int, draws: list[float]) -> None:
    box = random_box(height, width, area=(0.08, 1.0), ratio=(3 / 4, 4 / 3), draws=draws)
    for found in [box] if box else [middle_box(height, width, ratio=(3 / 4, 4 / 3))]:
        assert 0 <= found.top <= found.top + found.height <= height and found.height > 0
        assert 0 <= found.left <= found.left + found.width <= width and found.width > 0


def test_a_strip_gives_its_middle_in_the_allowed_shape() -> None:
    assert middle_box(10, 100, ratio=(3 / 4, 4 / 3)) == (0, 43, 10, 13)
    assert middle_box(100, 30, ratio=(3 / 4, 4 / 3)) == (30, 0, 40, 30)
    assert middle_box(50, 60, ratio=(3 / 4, 4 / 3)) == (0, 0, 50, 60)


def test_erasing_paints_one_rectangle_of_noise_that_is_standard_normal_to_the_network() -> None:
    """As DeiT's, each pixel and channel by itself; what does not fit into a byte is cut off."""
    image = photo(40, 40)
    plain = training_transform(recipe(), 32)
    erasing = training_transform(recipe(random_erasing=1.0), 32)
    shares, noise = [], []
    for seed in range(30):
        changed = (plain(image, seed) != erasing(image, seed)).any(dim=0)
        rows, columns = changed.any(dim=1).nonzero(), changed.any(dim=0).nonzero()
        shares.append(float(changed.sum()) / 32**2)
        inside = erasing(image, seed)[:, rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
        noise.append(pixels_to_float(inside[None], torch.float32).permute(0, 2, 3, 1).reshape(-1, 3))
    assert min(shares) > 0.01 and max(shares) < 0.35
    values_N3 = torch.cat(noise)
    assert values_N3.mean(dim=0).abs().max() < 0.05 and (values_N3.std(dim=0) - 1).abs().max() < 0.05
    assert (torch.corrcoef(values_N3.T) - torch.eye(3)).abs().max() < 0.05


@given(SIDES, SIDES, st.integers(1, 40), st.sampled_from([0.5, 0.875, 1.0]))
def test_evaluation_gives_the_resolution(height: int, width: int, resolution: int, share: float) -> None:
    result = evaluation_transform(resolution, share)(photo(height, width))
    assert result.shape == (3, resolution, resolution) and result.dtype == torch.uint8


@pytest.mark.parametrize(("height", "width"), [(375, 500), (500, 333), (96, 96), (1000, 240), (60, 45)])
def test_evaluation_is_the_papers_resize_and_centre_crop(height: int, width: int) -> None:
    """Against PIL's own resampling, in the released code's order: within a level on average."""
    image = photo(height, width)
    ours = evaluation_transform(64, 0.875)(image)
    plain = v2.Compose([v2.Resize(73), v2.CenterCrop(64)])(Image.fromarray(image.permute(1, 2, 0).numpy()))
    theirs = torch.from_numpy(np.asarray(plain).copy()).permute(2, 0, 1)
    assert (ours.int() - theirs.int()).abs().float().mean() < 1
    assert torch.equal(ours, v2.Compose([v2.Resize(73, antialias=True), v2.CenterCrop(64)])(image))


def test_a_strip_of_a_picture_does_not_fill_the_memory() -> None:
    result = evaluation_transform(224, 0.875)(photo(1, 20_000))
    assert result.shape == (3, 224, 224)


def test_exact_pictures_are_evaluated_as_they_are_and_cropped_in_training() -> None:
    image = photo(32, 32)
    assert torch.equal(evaluation_transform(32, 0.875, exact=True)(image), image)
    assert training_transform(recipe(crop_area=(0.7, 1.0)), 32, exact=True)(image, 0).shape == image.shape
    whole = training_transform(recipe(crop_area=(1.0, 1.0), flip=0.0), 32, exact=True)
    assert torch.equal(whole(image, 3), image)
    with pytest.raises(AssertionError, match="where 24 is exact"):
        evaluation_transform(24, 0.875, exact=True)(image)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16])
@pytest.mark.parametrize(
    ("name", "mean", "std"),
    [("imagenet", [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]), ("half", [0.5, 0.5, 0.5], [0.5, 0.5, 0.5])],
)
def test_pixels_are_normalised(name: Normalisation, mean: list[float], std: list[float], dtype: torch.dtype) -> None:
    image_B3RR = torch.stack([photo(9, 9, seed) for seed in range(4)])
    expected = functional.normalize(image_B3RR.double() / 255, mean, std)
    for given_as in (image_B3RR.contiguous(), image_B3RR.contiguous(memory_format=torch.channels_last)):
        found = pixels_to_float(given_as, dtype, name)
        assert found.dtype == dtype and found.is_contiguous(memory_format=torch.channels_last)
        torch.testing.assert_close(
            found.double(), expected, rtol=torch.finfo(dtype).eps, atol=4 * torch.finfo(dtype).eps
        )
    assert math.isclose(float(found[0, 0, 0, 0]), float(expected[0, 0, 0, 0]), rel_tol=0.01)

"""Ten and twelve crops: where each lies, and that none is resized where pictures are drawn at their size."""

import numpy as np
import pytest
import torch
from torch import Tensor
from torchvision.transforms.v2 import functional

from fieldmark.data.images.crops import crops_transform, split_crops

SIDE = 28


def noise(height: int, width: int, seed: int = 0) -> Tensor:
    return torch.from_numpy(np.random.default_rng(seed).integers(0, 256, (3, height, width), dtype=np.uint8))


@pytest.mark.parametrize(("height", "width"), [(40, 60), (90, 41), (32, 32), (20, 24), (32, 33)])
@pytest.mark.parametrize("crops", ["ten", "twelve"])
def test_crops_are_torchvisions_five_and_the_whole_and_their_mirror_images(crops, height, width):
    image = noise(height, width)
    seen = list(functional.five_crop(functional.resize(image, [32], antialias=True), [SIDE, SIDE]))
    if crops == "twelve":
        seen.append(functional.resize(image, [SIDE, SIDE], antialias=True))
    expected = [*seen, *map(functional.horizontal_flip, seen)]
    found = split_crops(crops_transform(crops, SIDE, 0.875)(image, 0)[None])
    assert found.shape == (len(expected), 3, SIDE, SIDE) and found.dtype == torch.uint8
    for one, other in zip(found, expected, strict=True):
        assert torch.equal(one, other)


def test_a_batch_keeps_each_pictures_crops_together():
    transform = crops_transform("ten", SIDE, 0.875)
    pictures = [noise(40, 50, seed) for seed in range(3)]
    stacked = torch.stack([transform(picture, 0) for picture in pictures])
    together = split_crops(stacked.contiguous(memory_format=torch.channels_last))
    alone = torch.cat([split_crops(transform(picture, 0)[None]) for picture in pictures])
    assert torch.equal(together, alone) and together.is_contiguous(memory_format=torch.channels_last)


def test_a_drawn_picture_is_cropped_as_it_is_or_not_at_all():
    drawn = noise(32, 32)
    corner = split_crops(crops_transform("ten", SIDE, 0.875, exact=True)(drawn, 0)[None])[0]
    assert torch.equal(corner, drawn[:, :SIDE, :SIDE])
    with pytest.raises(AssertionError, match="exact"):
        crops_transform("ten", SIDE, 0.875, exact=True)(noise(33, 33), 0)

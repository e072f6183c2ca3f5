"""The named recipes are the published ones (SPEC section 5), figure by figure."""

import pytest

from fieldmark.config import ClassifierConfig, Recipes

PAPER_CNN = {
    "optimizer": "sgd",
    "batch": 512,
    "bn_batch": 64,
    "mixup_group": 64,
    "lr": 0.04,
    "momentum": 0.9,
    "weight_decay": 1e-4,
    "decay_all": True,
    "epochs": 90,
    "warmup_epochs": 2,
    "schedule": "cosine_epoch",
    "clip_norm": None,
    "label_smoothing": 0.1,
    "smoothing_over": "others",
    "mixup": 0.4,
    "cutmix": 0.0,
    "crop_area": (0.08, 1.0),
    "flip": 0.5,
    "rand_augment": 0,
    "random_erasing": 0.0,
    "drop_path": 0.0,
    "precision": "float16",
}
DIFFERENCES = {
    "paper_cnn": {},
    "released_log": {"batch": 1024, "lr": 0.5},
    "geonet": {"lr": 0.02, "schedule": "constant", "warmup_epochs": 0, "label_smoothing": 0.0, "mixup": 0.0},
}


@pytest.mark.parametrize("name", DIFFERENCES)
def test_the_papers_recipes_of_convolutional_networks(name):
    assert Recipes.NAMES[name].model_dump() == PAPER_CNN | DIFFERENCES[name]


def test_the_papers_recipe_of_transformers_with_deits_augmentation():
    recipe = Recipes.NAMES["transformer"]
    stated = {"optimizer": "adamw", "lr": 2e-4, "weight_decay": 0.05, "momentum": 0.9, "bn_batch": 32}
    deit = {"mixup": 0.8, "cutmix": 1.0, "random_erasing": 0.25, "label_smoothing": 0.1, "decay_all": False}
    for field, value in (stated | deit).items():
        assert getattr(recipe, field) == value, field


def test_deits_magnitude_is_27_of_torchvisions_30():
    """DeiT's is 9 of 10, which turns a picture by 27 degrees."""
    from torchvision.transforms import v2

    degrees, _ = v2.RandAugment._AUGMENTATION_SPACE["Rotate"]
    assert float(degrees(31, 224, 224)[Recipes.NAMES["transformer"].rand_augment]) == pytest.approx(0.9 * 30)


@pytest.mark.parametrize("word", ["timm", "timm:resnet50", "resnet50.a1_in1k", "sha256", ""])
def test_weights_that_name_no_numbers_make_no_configuration(word):
    with pytest.raises(ValueError, match="weights"):
        ClassifierConfig(weights=word)

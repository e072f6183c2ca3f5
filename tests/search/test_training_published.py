"""`as published` is said of published recipes alone."""

import pytest

from fieldmark.config import ClassifierConfig, Recipes, Scale
from fieldmark.errors import UserError
from fieldmark.search.training.published import check_recipe, describe_scale

PAPER = Scale(name="paper")


@pytest.mark.parametrize("name", ["paper_cnn", "released_log", "transformer", "geonet"])
def test_a_published_recipe_is_as_published(name):
    config = ClassifierConfig(**Recipes.NAMES[name].model_dump())
    assert describe_scale(PAPER, config, name) == f"scale paper: recipe {name} as published"


def test_what_was_changed_is_said():
    config = ClassifierConfig(batch=128, clip_norm=1.0, crop_area=(0.5, 1.0))
    text = describe_scale(PAPER, config, "paper_cnn")
    assert text == (
        "scale paper, changed from paper_cnn: batch 128 instead of 512, clip_norm 1 instead of none, "
        "crop_area 0.5..1 instead of 0.08..1"
    )
    own = ClassifierConfig(**Recipes.NAMES["smoke"].model_dump())
    assert "as published" not in describe_scale(PAPER, own, "paper_cnn")
    assert "demonstration" in describe_scale(Scale(name="smoke", k=8), config, "paper_cnn")


def test_the_smoke_recipe_is_none_of_the_papers():
    check_recipe("smoke", "smoke")
    check_recipe("transformer", "paper")
    check_recipe(None, "paper")
    with pytest.raises(UserError, match="--recipe smoke") as refused:
        check_recipe("smoke", "paper")
    assert "paper_cnn" in str(refused.value) and "\n" not in str(refused.value)

"""Whether a training is as published, in a sentence (SCIENCE rule 16)."""

from typing import get_args

from fieldmark.config import FrozenConfig, RecipeConfig, Recipes, Scale, ScaleName
from fieldmark.errors import UserError
from fieldmark.search.training.options import RecipeName

OWN = ("smoke", "frozen")
FROZEN = "the fusion alone is trained, on cached features, which nothing published was"
PAPER_BATCH = Recipes.NAMES["paper_cnn"].batch
PUBLISHED = tuple(name for name in get_args(RecipeName) if name not in OWN)


def check_recipe(recipe: RecipeName | None, scale: ScaleName, *, frozen: bool = False) -> None:
    """Refuses a recipe that was never published at paper scale; nothing on a frozen backbone was.

    Raises:
        UserError: naming those that were.
    """
    if recipe in OWN and scale == "paper" and not frozen:
        raise UserError(
            f"--recipe {recipe}: was never published, so it is none for --scale paper; "
            f"use --scale smoke, or one of {', '.join(PUBLISHED)}"
        )


def describe_scale(scale: Scale, config: RecipeConfig | None, recipe: str) -> str:
    """Returns the sentence that stands in a result's header.

    Args:
        scale: of the run.
        config: what is trained; None: nothing.
        recipe: the named recipe that it was made of.
    """
    if scale.name == "smoke":
        batch = "" if config is None else f"; batches of {config.batch} ({PAPER_BATCH} / {scale.k})"
        return f"scale smoke: a demonstration of the method, never a test of a published number{batch}"
    if isinstance(config, FrozenConfig):
        return f"scale paper, but the backbone is frozen: {FROZEN}, by recipe {recipe}"
    if config is None:
        return "scale paper: nothing is trained"
    equal = next((name for name in PUBLISHED if not changes(config, Recipes.NAMES[name])), None)
    if equal is not None:
        return f"scale paper: recipe {equal} as published"
    return f"scale paper, changed from {recipe}: {', '.join(changes(config, Recipes.NAMES[recipe]))}"


def changes(config: RecipeConfig, recipe: RecipeConfig) -> list[str]:
    """Returns the fields of a recipe that are otherwise, in words."""
    pairs = ((name, getattr(config, name), getattr(recipe, name)) for name in RecipeConfig.model_fields)
    return [f"{name} {_word(here)} instead of {_word(there)}" for name, here, there in pairs if here != there]


def _word(value: object) -> str:
    if isinstance(value, tuple):
        return "..".join(map(_word, value))
    return f"{value:g}" if isinstance(value, float) else str(value).lower()

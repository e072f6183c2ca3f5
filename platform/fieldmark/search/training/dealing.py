"""How a batch can be dealt to workers, and whether there is one (SCIENCE rule 17)."""

import math
from collections.abc import Sequence

from fieldmark.config import RecipeConfig
from fieldmark.errors import UserError
from fieldmark.search.training.facts import TrainFacts


def allowed_workers(config: RecipeConfig) -> list[int]:
    """Returns the numbers of workers among which a batch can be dealt in whole groups (SCIENCE rule 17)."""
    units = config.batch // math.lcm(config.bn_batch, config.mixup_group)
    return [count for count in range(1, units + 1) if units % count == 0]


def checked_workers(configs: Sequence[RecipeConfig], least: int, most: int) -> list[int]:
    """Returns the numbers of workers in a range that every training allows.

    Raises:
        UserError: there is none; lists what is allowed.
    """
    every = [set(allowed_workers(config)) for config in configs]
    allowed = sorted(set.intersection(*every)) if every else list(range(least, most + 1))
    found = [count for count in allowed if least <= count <= most]
    if not found:
        wanted = str(least) if least == most else f"{least}..{most}"
        config = configs[-1]
        raise UserError(
            f"--workers {wanted}: batch {config.batch} in whole groups of bn_batch {config.bn_batch} and mixup_group "
            f"{config.mixup_group} allows {', '.join(map(str, allowed))}"
        )
    return found


def check_batch(config: RecipeConfig, facts: TrainFacts) -> None:
    """Refuses a batch larger than the training part.

    Raises:
        UserError: an epoch would have no step.
    """
    if config.batch > facts.pictures:
        raise UserError(
            f"--batch {config.batch}: there are {facts.pictures} training pictures; set a smaller --batch, a multiple "
            f"of --bn-batch ({config.bn_batch})"
        )

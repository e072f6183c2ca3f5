"""Which pretrained weights of timm's are meant, by their tag, and what pixels they want."""

from typing import Any

from fieldmark.config.classifier import Normalisation
from fieldmark.data.images.normalise import FIGURES
from fieldmark.errors import UserError
from fieldmark.models.backbones.registry import own_class
from fieldmark.models.backbones.timm_names import check_known, timm_names

TIMM = "timm:"
"""What the names of timm's weights begin with in a configuration."""


def resolved_timm(backbone: str, weights: str = "timm") -> str:
    """Returns the name of pretrained weights, tag and all, e.g. `timm:resnet50.a1_in1k`.

    timm's default tag may change from one of its releases to the next; a tag stands for the same numbers for ever.

    Args:
        backbone: a timm model name, with or without a tag.
        weights: `timm` for the default ones of the backbone, or `timm:NAME[.TAG]`.

    Raises:
        UserError: timm has no such weights, or they are of another network.
    """
    name = weights.partition(":")[2] or backbone
    if own_class(backbone) is not None:
        raise UserError(f"weights {weights}: {backbone} is not timm's; name a file of weights, or start from none")
    check_known(backbone)
    if _network(name) != _network(backbone):
        raise UserError(f"weights {weights}: they are of {_network(name)}, and the backbone is {backbone}")
    return f"{TIMM}{_network(name)}.{_described(name, weights).tag}"


def normalisation_of(weights: str) -> Normalisation:
    """Returns the mean and spread that resolved weights of timm's want pixels brought to.

    Raises:
        UserError: they want others than those that there are.
    """
    wanted = _described(weights.removeprefix(TIMM), weights)
    for name, figures in FIGURES.items():
        if (tuple(wanted.mean), tuple(wanted.std)) == figures:
            return name
    raise UserError(
        f"weights {weights}: they want pixels of mean {tuple(wanted.mean)} and spread {tuple(wanted.std)}; "
        f"there are {' and '.join(f'{mean} and {std}' for mean, std in FIGURES.values())}"
    )


def _network(name: str) -> str:
    return name.partition(".")[0]


def _described(name: str, weights: str) -> Any:
    """Returns what timm says of pretrained weights."""
    import timm

    try:
        found = timm.models.get_pretrained_cfg(name)
    except RuntimeError:  # no such tag
        found = None
    if found is None or not found.has_weights:
        tags = ", ".join(timm_names(f"{_network(name)}.*", pretrained=True))
        raise UserError(f"weights {weights}: timm has none of {name}" + (f"; there are {tags}" if tags else ""))
    return found

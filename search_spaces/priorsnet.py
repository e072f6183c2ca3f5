"""What a PriorsNet sweep searches: batch, learning rate and sampler, as in Table S2, and more where asked.

All values are in the paper's units; a scale brings them to the data at hand afterwards.
"""

from collections.abc import Collection
from typing import TYPE_CHECKING, Any

from fieldmark.config import PriorsNetConfig

if TYPE_CHECKING:
    from optuna.trial import BaseTrial

    from fieldmark.papers.published import PublishedRow

NAME = "priorsnet"
BASE = PriorsNetConfig()

BATCHES = tuple(2**power for power in range(8, 14))
LR = (1e-4, 1e-2)
CAPS = (10, 25, 50, 100, 200, 400)

DROPOUT = (0.0, 0.8)
WIDTHS = (64, 128, 256, 512)
DEPTHS = (0, 1, 2, 4, 6)
DECAY = (0.9, 1.0)
ENCODINGS = ("wrap", "sphere", "raw")
WIDE = ("dropout", "width", "depth", "decay", "encoding")
"""The options that are searched only where asked for (``--vary``)."""


def suggest(trial: "BaseTrial", vary: Collection[str] = ()) -> PriorsNetConfig:
    """Returns the setting that a trial proposes.

    Args:
        trial: an Optuna trial; the cap is asked for only where the sampler is class-balanced.
        vary: which of `WIDE` to search too.
    """
    sampler = trial.suggest_categorical("sampler", ("CB", "IB"))
    values: dict[str, Any] = {
        "batch": trial.suggest_categorical("batch", BATCHES),
        "lr": trial.suggest_float("lr", *LR, log=True),
        "sampler": sampler,
        "images_per_class": trial.suggest_categorical("images_per_class", CAPS) if sampler == "CB" else None,
    }
    if "dropout" in vary:
        values["dropout"] = trial.suggest_float("dropout", *DROPOUT)
    if "width" in vary:
        values["width"] = trial.suggest_categorical("width", WIDTHS)
    if "depth" in vary:
        values["blocks"] = trial.suggest_categorical("depth", DEPTHS)
    if "decay" in vary:
        values["decay"] = trial.suggest_float("decay", *DECAY)
    if "encoding" in vary:
        values["encoding"] = trial.suggest_categorical("encoding", ENCODINGS)
    return BASE.model_copy(update=values)


def parameters(config: PriorsNetConfig, vary: Collection[str] = ()) -> dict[str, Any]:
    """Returns the parameters with which `suggest` would propose this setting."""
    values: dict[str, Any] = {"sampler": config.sampler, "batch": config.batch, "lr": config.lr}
    if config.sampler == "CB":
        values["images_per_class"] = config.images_per_class
    fields = {"dropout": "dropout", "width": "width", "depth": "blocks", "decay": "decay", "encoding": "encoding"}
    values.update({name: getattr(config, field) for name, field in fields.items() if name in vary})
    return values


def published() -> tuple[tuple["PublishedRow", PriorsNetConfig], ...]:
    """Returns the rows of Table S2 that can be run, to be tried first, in the paper's order."""
    from fieldmark.papers.published import rows
    from fieldmark.papers.table_s2 import configuration

    configured = ((row, configuration(row)) for row in rows("S2"))
    return tuple((row, config) for row, config in configured if config is not None)

"""The reference priors' settings, chosen on tune once and kept."""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from pydantic import TypeAdapter

from fieldmark.config import BaselineConfig
from fieldmark.data.experiment import ExperimentData
from fieldmark.data.observations import Split

if TYPE_CHECKING:
    from fieldmark.store import Store

_CONFIGS: "TypeAdapter[list[BaselineConfig]]" = TypeAdapter(list[BaselineConfig])


def stored_baselines(store: "Store", key: str) -> list[BaselineConfig] | None:
    """Returns the chosen settings, or None where they were never chosen."""
    meta = store.stage_meta(key)
    return None if meta is None else _CONFIGS.validate_python(meta["configs"])


def choose_baselines(
    store: "Store", key: str, data: ExperimentData, say: Callable[[str], None]
) -> list[BaselineConfig]:
    """Chooses the settings on tune and keeps them; what was kept before counts.

    Args:
        store: keeps them.
        key: of the stage.
        data: the arrays, image scores and features joined.
        say: told what is going on, for people.
    """
    from fieldmark.training.baseline_choice import baseline_configs

    known = stored_baselines(store, key)
    if known is not None:
        return known
    say("baselines: choosing their settings on tune")
    started = time.perf_counter()
    configs = baseline_configs(data, has_features=data.parts[Split.TRAIN].image_features_NF is not None)
    seconds = time.perf_counter() - started
    store.put_stage(key, {}, {"configs": _CONFIGS.dump_python(configs, mode="json"), "seconds": seconds})
    return stored_baselines(store, key) or configs

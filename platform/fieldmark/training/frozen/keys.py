"""The name of a stage of cached features, without torch, so that a dry run can look for it."""

from fieldmark.config.canonical import SHAPING_VIEWS
from fieldmark.config.classifier import FrozenConfig
from fieldmark.config.identity import digest

FEATURES_VERSION = 1
"""Raised by one when the code that makes features changes their numbers."""

SHAPING_PICTURES = ("resolution", "picture_side", "center_share")


def features_key(config: FrozenConfig, image_run_id: str, fingerprint: str, protocol: str) -> str:
    """Returns the key of a stage: the digest of everything that its numbers depend on.

    The image-only run's id stands for its backbone, weights, normalisation and seed.

    Args:
        config: how pictures are shown, and in how many views; nothing else of it counts, so that all fusions on one
            model share the stage.
        image_run_id: the run whose backbone it is.
        fingerprint: of the data set.
        protocol: its split.
    """
    return digest(
        {
            "features": FEATURES_VERSION,
            "image_run": image_run_id,
            "views": config.views,
            "shown": config.model_dump(mode="json", include={*SHAPING_VIEWS, *SHAPING_PICTURES}),
            "fingerprint": fingerprint,
            "protocol": protocol,
        }
    )

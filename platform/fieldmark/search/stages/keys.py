"""Names of a sweep's stages: hashes of their inputs, known before anything is computed (no torch here)."""

import hashlib
from pathlib import Path

from fieldmark.config import (
    GridConfig,
    ImageStageConfig,
    KernelDensityConfig,
    NearestNeighboursConfig,
    RadiusNeighboursConfig,
    TangConfig,
    digest,
)
from fieldmark.data.observations import DataSet
from fieldmark.errors import UserError

IMAGE_STAGE = ImageStageConfig()
"""The classifier that is trained where a data set has images and no scores were given."""

IMAGE_STAGE_SEED = 0
"""One stage for all seeds of a sweep: tables say in a footnote that it was held (SCIENCE rule 12)."""

CHOSEN = (GridConfig, NearestNeighboursConfig, RadiusNeighboursConfig, KernelDensityConfig, TangConfig)
"""Baselines whose settings the stage chooses: a new version of one makes the choice anew."""

CHUNK = 2**20


def stage_keys(data: DataSet, image_scores: str | None) -> dict[str, str]:
    """Returns the stages that every run of a sweep consumes: `image_scores`, or none without images.

    Args:
        data: the data set.
        image_scores: the file or folder of scores that the user gave, if any.

    Raises:
        UserError: where there is no such file.
    """
    inputs = {"fingerprint": data.observations.fingerprint, "protocol": data.protocol}
    if image_scores is not None:
        return {"image_scores": digest({"stage": "given_scores", "content": _content(Path(image_scores)), **inputs})}
    if data.observations.images is None:
        return {}
    trained = {
        "stage": "image_scores",
        "config": IMAGE_STAGE.model_dump(mode="json"),
        "numerics": type(IMAGE_STAGE).numerics_version,
        "seed": IMAGE_STAGE_SEED,
    }
    return {"image_scores": digest(trained | inputs)}


def baselines_key(data: DataSet, stages: dict[str, str]) -> str:
    """Returns the name of the stage in which the baselines' settings are chosen on tune."""
    return digest(
        {
            "stage": "baselines",
            "numerics": {config.__name__: config.numerics_version for config in CHOSEN},
            "fingerprint": data.observations.fingerprint,
            "protocol": data.protocol,
            "stages": stages,
        }
    )


def _content(path: Path) -> str:
    files = sorted(path.iterdir()) if path.is_dir() else [path]
    found = hashlib.sha256()
    try:
        for file in files:
            found.update(file.name.encode())  # a name tells which part the scores belong to
            with file.open("rb") as stream:
                while chunk := stream.read(CHUNK):
                    found.update(chunk)
    except OSError as error:
        raise UserError(f"--image-scores {path}: {error.strerror or error}") from None
    return found.hexdigest()

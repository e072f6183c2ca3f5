"""What a run is before it has happened: its inputs and their hash."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from fieldmark.config.baselines import (
    ClassFrequencyConfig,
    GridConfig,
    KernelDensityConfig,
    NearestNeighboursConfig,
    RadiusNeighboursConfig,
    TangConfig,
)
from fieldmark.config.classifier import ClassifierConfig, FrozenConfig
from fieldmark.config.identity import digest
from fieldmark.config.images import BayesConfig, ImageStageConfig
from fieldmark.config.priorsnet import PriorsNetConfig

MethodConfig = Annotated[
    PriorsNetConfig
    | ClassFrequencyConfig
    | GridConfig
    | NearestNeighboursConfig
    | RadiusNeighboursConfig
    | KernelDensityConfig
    | TangConfig
    | ImageStageConfig
    | BayesConfig
    | ClassifierConfig
    | FrozenConfig,
    Field(discriminator="method"),
]

IMAGE_MODEL = "image_model"
"""Name of the stage that a run consumes which starts from a trained image-only model: that run's id."""


class RunSpec(BaseModel):
    """Configuration, data, consumed stages and seed: all that a run's numbers depend on."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    config: MethodConfig
    dataset: str
    """The data set's name, for people; not hashed."""
    fingerprint: str
    """The data set's fingerprint."""
    protocol: str
    """The split protocol with its seed, e.g. `official` or `coordinate:0`."""
    stages: dict[str, str] = {}
    """Stage name to the hash of that stage's inputs, e.g. `{"image_scores": ...}`."""
    seed: int = Field(0, ge=0)

    @property
    def run_id(self) -> str:
        """The digest of everything that can change a number, the method's numerics version among it."""
        return digest(
            {
                "config": self.config.model_dump(mode="json"),
                "numerics": type(self.config).numerics_version,
                "fingerprint": self.fingerprint,
                "protocol": self.protocol,
                "stages": self.stages,
                "seed": self.seed,
            }
        )

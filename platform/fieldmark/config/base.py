"""What every configuration is: a frozen value that forbids unknown keys and has an id."""

from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict

from fieldmark.config.identity import digest


class Configuration(BaseModel):
    """A frozen value holding every choice that can change a number, and nothing else."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, use_attribute_docstrings=True)

    numerics_version: ClassVar[int] = 1
    """Raised by one when the method's code changes its numbers; part of a run's id. It stands beside the
    configuration, not in the method's module, so that a dry run can name runs without importing torch."""

    @property
    def config_id(self) -> str:
        """The digest of all fields."""
        return digest(self.model_dump(mode="json"))

    def flat(self) -> dict[str, Any]:
        """Returns the fields as ``config.<name>`` columns; nested values stay JSON scalars or lists."""
        return {f"config.{name}": value for name, value in self.model_dump(mode="json").items()}

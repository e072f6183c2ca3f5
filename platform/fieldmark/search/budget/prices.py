"""What an hour of a processor costs: a table in a file (JSON or TOML) that a person keeps."""

import json
import tomllib
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from fieldmark.errors import UserError

Price = Annotated[float, Field(ge=0, allow_inf_nan=False)]
DEFAULT = "default"
HOUR = 3600
PYDANTICS = ("float", "constrained-float", "dict[")
"""Begin what pydantic puts between the names of fields."""
EXPECTED = {
    "currency": "three capital letters, e.g. USD",
    "cpu_hour": "what an hour of a core costs, a number of at least 0",
    "gpu_hour": "what an hour of a GPU costs, a number of at least 0, or a table of such numbers by device",
    "hosts": "a table of hosts, each with cpu_hour and gpu_hour",
}
EXAMPLES = {"TOML": 'currency = "USD"', "JSON": '{"currency": "USD", "cpu_hour": 0.04}'}


class Rates(BaseModel):
    """What hours cost, somewhere."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    cpu_hour: Price = 0.0
    """Of one core. 0 where the price of a GPU holds the cores beside it."""
    gpu_hour: Price | dict[str, Price] = 0.0
    """Of one GPU; or by the name of the device, of which a part will do (`H100`), with a `default` for all others."""

    @model_validator(mode="after")
    def _has_a_default(self) -> Self:
        if isinstance(self.gpu_hour, dict) and DEFAULT not in self.gpu_hour:
            raise ValueError("gpu_hour: a table of devices needs a price called default, for all others")
        return self

    def of_gpu(self, device: str) -> float:
        """Returns the price of an hour on a device; of several names that it has in it, the longest counts."""
        if not isinstance(self.gpu_hour, dict):
            return self.gpu_hour
        named = [name for name in self.gpu_hour if name != DEFAULT and name.casefold() in device.casefold()]
        return self.gpu_hour[max(named, key=len, default=DEFAULT)]


class PriceTable(Rates):
    """A price table."""

    currency: Annotated[str, Field(pattern="^[A-Z]{3}$")]
    """Three capital letters, e.g. USD."""
    hosts: dict[str, Rates] = {}
    """Other prices by host name or pattern, e.g. `spot-*`; the first pattern that fits counts."""

    @classmethod
    def read(cls, path: str) -> Self:
        """Reads a file; `.toml` is TOML, all else JSON.

        Raises:
            UserError: naming file and field.
        """
        if path.endswith((".yaml", ".yml")):
            raise UserError(f"--prices {path}: expected a table in TOML (a file that ends in .toml) or in JSON")
        try:
            text = Path(path).read_text()
            found: Any = tomllib.loads(text) if path.endswith(".toml") else json.loads(text)
            return cls.model_validate(found)
        except ValidationError as error:
            raise UserError(f"--prices {path}: {_said(error)}") from None
        except OSError as error:
            raise UserError(f"--prices {path}: cannot be read ({error.strerror})") from None
        except ValueError as error:  # of either parser, and of text that is not UTF-8
            kind = "TOML" if path.endswith(".toml") else "JSON"
            said = str(error).splitlines()[0]
            raise UserError(f"--prices {path}: is no {kind} ({said}); it begins like {EXAMPLES[kind]}") from None

    def money(self, *, cpu_seconds: float, gpu_seconds: float, host: str = "", device: str = "") -> float:
        """Returns what processor time costs, in the currency.

        Args:
            cpu_seconds: of one core.
            gpu_seconds: of one GPU.
            host: where it was used.
            device: what was computed on, as a run's record names it.
        """
        rates = next((rates for name, rates in self.hosts.items() if fnmatchcase(host, name)), self)
        return (cpu_seconds * rates.cpu_hour + gpu_seconds * rates.of_gpu(device)) / HOUR


def _said(error: ValidationError) -> str:
    """Returns what is wrong with a table, and what was expected, in plain words."""
    first = max(error.errors(), key=lambda one: len(one["loc"]))  # of a price or a table of prices: the nearest
    names = [str(part) for part in first["loc"] if not str(part).startswith(PYDANTICS)]
    field, kind = ".".join(names), first["type"]
    if kind == "value_error":
        return str(first["msg"]).removeprefix("Value error, ")
    if not names:
        return f"expected a table with {', '.join(EXPECTED)}"
    if kind == "extra_forbidden":
        return f"{field}: there is no such price; expected {', '.join(EXPECTED)}"
    expected = next(EXPECTED[name] for name in reversed(names) if name in EXPECTED)
    what = "is missing" if kind == "missing" else repr(first["input"])[:80]
    return f"{field} {what}: expected {expected}"

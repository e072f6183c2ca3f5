"""The settings of every fusion, without torch: a dry run names runs by them.

What a fusion does stands in `fieldmark.models.fusions`; a user's own fusion is added to both by one decorator.
"""

from typing import Any, ClassVar, Literal

from pydantic import Field, ValidationError

from fieldmark.config.base import Configuration
from fieldmark.errors import UserError

FusionValues = dict[str, int | float | bool | str]


class FusionSettings(Configuration):
    """What a fusion can be told; `numerics_version` is raised when its code changes its numbers."""


class NoSettings(FusionSettings):
    """A fusion with nothing to set."""


class DynamicMLPSettings(FusionSettings):
    """Widths and depth of the Dynamic MLP (Yang et al. 2022; SPEC 4.1)."""

    d: int = Field(256, ge=1)
    """Width of the location vector and of the fused vector."""
    h: int = Field(64, ge=1)
    """Width between the blocks."""
    blocks: int = Field(2, ge=1)
    """N, the recursive blocks."""


class SolvedSettings(FusionSettings):
    """A fusion whose hidden width is the smallest that reaches a parameter count (SPEC 4.3, Tables S3 and S4)."""

    d: int = Field(256, ge=1)
    """Width of the location vector and of the fused vector."""
    hidden: int = Field(0, ge=0)
    """Hidden width; 0 solves for the parameters of Dynamic MLP B with the same d, h = d / 4 and N = 2."""


class AttentionSettings(DynamicMLPSettings):
    """Attention inside the block (SPEC 4.3, Table S3); not identifiable from the paper, so its count is recorded."""

    tokens: int = Field(8, ge=2)
    """Tokens that a vector is cut into; one alone would leave query and key without effect."""
    hidden: int = Field(0, ge=0)
    """Width of the query and key layers; 0 solves for the published parameter count at the same sizes."""


class GeoNetSettings(FusionSettings):
    """GeoNet's location branch (Chu et al. 2019; SPEC section 3, widths inferred)."""

    widths: str = "256-128-128"
    """Units of the fully connected layers."""
    radius_km: float = Field(160.9344, gt=0)
    """R of the whitelist and Bayes priors: 100 miles."""


class FilmSettings(GeoNetSettings):
    """GeoNet's feature modulation."""

    where: Literal["map", "pooled"] = "map"
    """Whether the last convolutional map is modulated, or the pooled feature."""


_SETTINGS: dict[str, type[FusionSettings]] = {
    "image_only": NoSettings,
    "dynamic_mlp_a": DynamicMLPSettings,
    "dynamic_mlp_b": DynamicMLPSettings,
    "dynamic_mlp_c": DynamicMLPSettings,
    "concat_star": SolvedSettings,
    "add_star": SolvedSettings,
    "multiply_star": SolvedSettings,
    "concat_dagger": DynamicMLPSettings,
    "add_dagger": DynamicMLPSettings,
    "multiply_dagger": DynamicMLPSettings,
    "attention_image": AttentionSettings,
    "attention_location": AttentionSettings,
    "attention_concat": AttentionSettings,
    "concat_net": NoSettings,
    "geonet_whitelist": GeoNetSettings,
    "geonet_bayes": GeoNetSettings,
    "geonet_post_add": GeoNetSettings,
    "geonet_post_concat": GeoNetSettings,
    "geonet_post_multiply": GeoNetSettings,
    "geonet_modulate_add": FilmSettings,
    "geonet_modulate_film": FilmSettings,
}


class Fusions:
    """Which fusions there are, by name, with their settings."""

    frozen: ClassVar[frozenset[str]] = frozenset(
        f"geonet_{name}" for name in ("whitelist", "bayes", "post_add", "post_concat", "post_multiply")
    )
    """Built-in fusions that start from a trained image-only model and leave it as it is."""
    untrained: ClassVar[frozenset[str]] = frozenset({"geonet_whitelist", "geonet_bayes"})
    """Those of them that have nothing to train, and look at places in degrees alone."""

    @staticmethod
    def names() -> tuple[str, ...]:
        """Returns the names of all fusions that are known."""
        return tuple(_SETTINGS)

    @staticmethod
    def register(name: str, settings: type[FusionSettings]) -> None:
        """Adds a fusion's settings.

        Raises:
            UserError: the name is taken by other settings.
        """
        known = _SETTINGS.setdefault(name, settings)
        if known is not settings and known.model_json_schema() != settings.model_json_schema():
            raise UserError(f"fusion {name!r}: there is one of that name already; choose another")
        _SETTINGS[name] = settings

    @staticmethod
    def settings(name: str, values: FusionValues) -> FusionSettings:
        """Returns a fusion's settings, defaults filled in.

        Raises:
            UserError: for an unknown fusion or setting, or a value out of range.
        """
        if name not in _SETTINGS:
            import difflib

            close = difflib.get_close_matches(name, _SETTINGS, n=1)
            hint = f" Did you mean {close[0]}?" if close else " A fusion of your own needs --import FILE.py."
            raise UserError(f"fusion {name!r} is not known.{hint} There are: {', '.join(_SETTINGS)}")
        try:
            return _SETTINGS[name].model_validate(values)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(map(str, first["loc"]))
            keys = ", ".join(_SETTINGS[name].model_fields) or "none"
            raise UserError(f"fusion {name}: {where}: {first['msg']} (its settings: {keys})") from None

    @staticmethod
    def completed(name: str, values: FusionValues) -> tuple[FusionValues, int]:
        """Returns the settings with defaults filled in and the fusion's numerics version; as given where unknown."""
        if name not in _SETTINGS:
            return values, 1
        settings = Fusions.settings(name, values)
        found: dict[str, Any] = settings.model_dump(mode="json")
        return found, type(settings).numerics_version

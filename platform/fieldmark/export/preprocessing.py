"""What must be done to a picture, a place and a date before a model reads them, for people and other programs."""

from typing import Self

from pydantic import BaseModel, ConfigDict, Field

from fieldmark.config import ClassifierConfig
from fieldmark.data.images.normalise import FIGURES
from fieldmark.models.encoding import LATITUDE_FIRST

_HALF = "a latitude without a longitude is no place, nor the reverse"
_MISSING = {
    "each": f"the features of a missing field are 0, those of the others stay; {_HALF}",
    "all": f"all features are 0 when a field that is asked for is missing; {_HALF}",
}
_PLACE = {"x": "longitude / 180", "y": "latitude / 90"}
_DATES = {
    "dynamic_mlp": {
        "d": "2 * day / days - 1",
        "day": "day of the year; 1 January is 1",
        "days": "days in that year, 365 or 366",
    },
    "priorsnet": {
        "d": "2 * (before + day - 1) / 365 - 1",
        "before": "days before the month in a year of 365 days; 0 in January",
        "day": "day of the month, from 1",
    },
}
_WHOLE = "it learned from pictures of exactly this resolution and saw them whole; configuration.json's is not used"
_CROPPED = "the share of configuration.json: it learned from crops of larger pictures"
KEEP_PLACES = ("geonet_whitelist", "geonet_bayes")
"""Fusions that read degrees, and keep those of their training records in their weights."""
_DEGREES = "latitude and longitude in degrees, NaN where missing, are a further input"


class Preprocessing(BaseModel):
    """The inputs of a trained classifier; `resolution` and `center_share` are read back, the rest is told."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    resolution: int = Field(ge=1)
    """Side of the square input, in pixels."""
    center_share: float = Field(gt=0, le=1)
    """Share of the shorter side that is seen: 1.0 for a model that learned from whole pictures."""
    center_share_reason: str
    steps: tuple[str, ...]
    mean: tuple[float, float, float]
    """Of red, green and blue in [0, 1]."""
    std: tuple[float, float, float]
    encoding: str
    variables: dict[str, str]
    """What the features are made of, as formulas; and what their own letters mean."""
    feature_order: tuple[str, ...]
    """The metadata features, as formulas of the variables."""
    places: str | None
    """Whether the place is an input in degrees, too."""
    missing: str
    units: dict[str, str]

    @classmethod
    def of(cls, config: ClassifierConfig, *, center_share: float) -> Self:
        """Returns the inputs of a configuration, of whose pictures this share of the shorter side is seen."""
        mean, std = FIGURES[config.normalisation]
        resized = round(config.resolution / center_share)
        shrunk = f"shrink the shorter side to {config.picture_side} pixels if it is longer (bilinear, antialiased)"
        asked = config.date and config.looks_at_location
        place = config.encoding if config.looks_at_location else "none"
        return cls(
            resolution=config.resolution,
            center_share=center_share,
            center_share_reason=_WHOLE if center_share != config.center_share else _CROPPED,
            steps=(
                "decode to 8-bit RGB",
                *([shrunk] if config.picture_side is not None else []),
                f"resize the shorter side to {resized} pixels (bilinear, antialiased)",
                f"take the central square of {config.resolution} pixels",
                "divide by 255, subtract the mean, divide by the standard deviation",
            ),
            mean=mean,
            std=std,
            encoding=place,
            variables={
                **(_PLACE if place != "none" else {}),
                **(_DATES[config.date_convention] if asked else {}),
            },
            feature_order=feature_names(config),
            places=_DEGREES if config.fusion in KEEP_PLACES else None,
            missing=_MISSING[config.missing],
            units={
                "latitude": "degrees north, -90 to 90",
                "longitude": "degrees east, -180 to 180",
                "date": "year-month-day",
            },
        )


def feature_names(config: ClassifierConfig) -> tuple[str, ...]:
    """Returns the metadata features as formulas, in the order in which the model reads them."""
    if not config.looks_at_location:
        return ()
    names = {
        "wrap": ["sin(pi x)", "sin(pi y)", "cos(pi x)", "cos(pi y)"],
        "sphere": ["cos(pi x) cos(pi y)", "sin(pi x) cos(pi y)", "sin(pi y)"],
        "none": [],
    }[config.encoding]
    names = names + (["sin(pi d)", "cos(pi d)"] if config.date else [])
    if config.encoding == "wrap" and config.feature_order == "dynamic_mlp":
        names = [names[position] for position in LATITUDE_FIRST[len(names)]]
    return tuple(names)

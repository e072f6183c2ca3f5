"""What must be done to a picture, a place and a date before a model reads them, for people and other programs."""

from typing import Self

from pydantic import BaseModel, ConfigDict, Field

from fieldmark.config import ClassifierConfig
from fieldmark.data.images.normalise import FIGURES
from fieldmark.models.encoding import LATITUDE_FIRST

_MISSING = {
    "each": "the features of a missing field are 0, those of the others stay",
    "all": "all features are 0 when a field that is asked for is missing",
}
_DATES = {
    "dynamic_mlp": "d = 2 * (day of the year from 1 / days in the year) - 1",
    "priorsnet": "d = 2 * ((days before the month in 2018 + day - 1) / 365) - 1",
}


class Preprocessing(BaseModel):
    """The inputs of a trained classifier; `resolution` and `center_share` are read back, the rest is told."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    resolution: int = Field(ge=1)
    """Side of the square input, in pixels."""
    center_share: float = Field(gt=0, le=1)
    """Share of the shorter side that is seen: 1.0 for a model that learned from whole pictures."""
    steps: tuple[str, ...]
    mean: tuple[float, float, float]
    """Of red, green and blue in [0, 1]."""
    std: tuple[float, float, float]
    encoding: str
    date_convention: str | None
    feature_order: tuple[str, ...]
    """The metadata features; x = longitude / 180, y = latitude / 90, d = date in [-1, 1]."""
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
            date_convention=_DATES[config.date_convention] if asked else None,
            feature_order=feature_names(config),
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

"""Places and dates as network inputs (SPEC section 1; Mac Aodha et al. 2019, Yang et al. 2022)."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from fieldmark.config import PriorsNetConfig
from fieldmark.data.observations import PlaceTime
from fieldmark.errors import UserError

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]

PLACE_FEATURES = {"wrap": 4, "sphere": 3, "raw": 2, "none": 0}
LATITUDE_FIRST = {4: (1, 0, 3, 2), 6: (1, 0, 4, 3, 2, 5)}
"""The Dynamic MLP code's order of wrapped features, as positions in PriorsNet's, by their number."""


class Inputs(Protocol):
    """What a configuration says about its inputs: `PriorsNetConfig` and `ClassifierConfig` both say it."""

    @property
    def encoding(self) -> str:
        """`wrap`, `sphere`, `raw` or `none`."""

    @property
    def date(self) -> bool:
        """Whether the date is an input."""

    @property
    def feature_order(self) -> str:
        """`priorsnet` or `dynamic_mlp`."""

    @property
    def date_convention(self) -> str:
        """`priorsnet` or `dynamic_mlp`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitPlaceTime:
    """N places and dates scaled to [-1, 1]; NaN where missing."""

    lon_N: Floats
    """Longitude / 180."""
    lat_N: Floats
    """Latitude / 90."""
    date_N: Floats
    """2 * (fraction of the year) - 1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoded:
    """Network inputs of N records."""

    features_NF: Floats
    """Zero in every row that is not usable."""
    usable_N: Mask
    """True where the record has what the configuration asks for (SCIENCE rule 1)."""


def input_size(config: PriorsNetConfig) -> int:
    """Returns the number of input features F.

    Raises:
        UserError: when the configuration asks for neither place nor date.
    """
    if config.encoding == "none" and not config.date:
        raise UserError("encoding none with date false leaves the prior nothing to look at: set date, or an encoding")
    return feature_count(config)


def feature_count(config: Inputs) -> int:
    """Returns the number of features of the fields that are asked for; 0 where none is."""
    date_features = 1 if config.encoding == "raw" else 2
    return PLACE_FEATURES[config.encoding] + (date_features if config.date else 0)


def to_units(where: PlaceTime, config: Inputs) -> UnitPlaceTime:
    """Returns the records' places and dates scaled to [-1, 1] under the configuration's date convention.

    One coordinate without the other is no place.
    """
    return UnitPlaceTime(
        lon_N=np.where(where.has_place_N, where.longitude_N, np.nan) / 180,
        lat_N=np.where(where.has_place_N, where.latitude_N, np.nan) / 90,
        date_N=2 * year_fraction(where.date_N, config.date_convention) - 1,
    )


def year_fraction(date_N: NDArray[np.datetime64], convention: str) -> Floats:
    """Returns the place of each date in its year, in [0, 1]; NaN for NaT.

    Args:
        date_N: datetime64[D].
        convention: `priorsnet`: (days before the month + day - 1) / 365 in the calendar of 2018, a year without a
            leap day, so that 29 February counts as 1 March. `dynamic_mlp`: day of the year / days in the year.
    """
    days_N = date_N.astype("datetime64[D]")
    if convention == "dynamic_mlp":
        year_N = days_N.astype("datetime64[Y]")
        first_N = year_N.astype("datetime64[D]")
        length_N = (year_N + 1).astype("datetime64[D]") - first_N
        return _days(days_N - first_N + 1) / _days(length_N)
    month_N = days_N.astype("datetime64[M]")
    first_2018 = np.arange("2018-01", "2019-01", dtype="datetime64[M]").astype("datetime64[D]")
    before_month = (first_2018 - first_2018[0]).astype(np.float64)
    month_of_year_N = np.where(
        np.isnat(month_N), 0, month_N.astype(np.int64) % 12
    )  # datetime64[M] counts from January 1970
    return np.asarray((before_month[month_of_year_N] + _days(days_N - month_N.astype("datetime64[D]"))) / 365)


def encode(where: PlaceTime, config: PriorsNetConfig) -> Encoded:
    """Returns the network inputs of N records, float64 (N, F)."""
    return encode_units(to_units(where, config), config)


def encode_units(units: UnitPlaceTime, config: PriorsNetConfig) -> Encoded:
    """Returns the network inputs of N scaled places and dates.

    A record is usable when it has the fields that are asked for: the place unless the encoding is `none`; the date
    when it is an input and there is no place, or when `missing_date` is `drop`. Otherwise a missing date leaves its
    features zero. (In the `raw` encoding, zero is mid-year.)
    """
    place, has_date_N = config.encoding != "none", np.isfinite(units.date_N)
    usable_N = np.isfinite(units.lon_N) & np.isfinite(units.lat_N) if place else np.ones(len(has_date_N), bool)
    if config.date and (not place or config.missing_date == "drop"):
        usable_N = usable_N & has_date_N
    features_NF = zero_where_missing(feature_columns(units, config))
    features_NF[~usable_N] = 0.0
    return Encoded(features_NF=features_NF, usable_N=usable_N)


def feature_columns(units: UnitPlaceTime, config: Inputs) -> Floats:
    """Returns the features of N scaled places and dates, float64 (N, F) in the configuration's order.

    NaN where a feature's own field is missing.
    """
    columns = _place_columns(units, config.encoding)
    if config.date:
        columns += _date_columns(units.date_N, config.encoding)
    assert len(columns) == feature_count(config)
    if config.encoding == "wrap" and config.feature_order == "dynamic_mlp":
        columns = [columns[i] for i in LATITUDE_FIRST[len(columns)]]
    return np.stack(columns, axis=1) if columns else np.empty((len(units.date_N), 0))


def zero_where_missing(features_NF: Floats) -> Floats:
    """Returns the same array with zeros for NaN: off the unit circle, and so unlike any place or date."""
    features_NF[np.isnan(features_NF)] = 0.0
    return features_NF


def _place_columns(units: UnitPlaceTime, encoding: str) -> list[Floats]:
    if encoding == "none":
        return []
    if encoding == "raw":
        return [units.lon_N, units.lat_N]
    lon_N, lat_N = np.pi * units.lon_N, np.pi * units.lat_N  # latitude turns a full circle too: the poles coincide
    if encoding == "sphere":
        return [np.cos(lon_N) * np.cos(lat_N), np.sin(lon_N) * np.cos(lat_N), np.sin(lat_N)]
    return [np.sin(lon_N), np.sin(lat_N), np.cos(lon_N), np.cos(lat_N)]


def _date_columns(date_N: Floats, encoding: str) -> list[Floats]:
    if encoding == "raw":
        return [date_N]
    return [np.sin(np.pi * date_N), np.cos(np.pi * date_N)]


def _days(span_N: NDArray[np.timedelta64]) -> Floats:
    return np.where(np.isnat(span_N), np.nan, span_N.astype("timedelta64[D]").astype(np.float64))

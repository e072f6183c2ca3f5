"""Places and dates as a classifier's inputs: the columns of `encoding`, with a classifier's rule for missing fields."""

import numpy as np

from fieldmark.config.classifier import ClassifierFields
from fieldmark.data.observations import PlaceTime
from fieldmark.errors import UserError
from fieldmark.models.encoding import Floats, feature_columns, feature_count, to_units, zero_where_missing


def metadata_size(config: ClassifierFields) -> int:
    """Returns M, the number of encoded metadata features; 0 only where the image is all that is looked at.

    Raises:
        UserError: when a fusion that looks at place and date is given neither.
    """
    size = feature_count(config)
    if not size and config.looks_at_location:
        raise UserError(
            f"encoding none with date false leaves fusion {config.fusion} nothing to look at: "
            "set date, or an encoding, or fusion image_only"
        )
    return size


def encode_metadata(where: PlaceTime, config: ClassifierFields) -> Floats:
    """Returns the encoded metadata of N records, float64 (N, M).

    Only fields that are asked for can be missing (SCIENCE rule 1). `missing` says what happens then: `each` leaves the
    features of the missing field zero, `all` those of all fields (the authors' rule). Zero is off the unit circle.

    Raises:
        UserError: see `metadata_size`.
    """
    metadata_size(config)
    features_NM = feature_columns(to_units(where, config), config)
    if config.missing == "all":
        features_NM[np.isnan(features_NM).any(axis=1)] = 0.0
    return zero_where_missing(features_NM)


def places(where: PlaceTime) -> Floats:
    """Returns latitude and longitude in degrees, float64 (N, 2); both NaN where either is missing."""
    place_N2 = np.stack([where.latitude_N, where.longitude_N], axis=1).astype(np.float64)
    place_N2[~where.has_place_N] = np.nan
    return place_N2

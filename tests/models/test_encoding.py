"""Places and dates as network inputs: the official figures, and what counts as missing."""

import numpy as np
import pytest

from fieldmark.config import PriorsNetConfig
from fieldmark.data.observations import PlaceTime
from fieldmark.errors import UserError
from fieldmark.models.encoding import UnitPlaceTime, encode, encode_units, input_size, year_fraction

NAN = float("nan")
# oracles/priorsnet.json, from the official code in float64: lon, lat in degrees, date as a fraction of the year
PLACES = np.array([[0.0, 0.0], [-179.9, -89.5], [123.4, -45.6], [12.5, 41.9]])
FRACTIONS = np.array([0.0, 0.25, 0.5, 0.9972])
WRAPPED = np.array(
    [
        [0.0, 0.0, 1.0, 1.0, -1.2246467991473532e-16, -1.0],
        [-0.0017453283658983227, -0.01745240643728344, -0.9999984769132877, -0.9998476951563913, -1.0, 6.1e-17],
        [0.8348478632634065, -0.9997806834748455, -0.5504807400849956, -0.020942419883356926, 0.0, 1.0],
        [
            0.21643961393810288,
            0.9941509639723154,
            0.9762960071199334,
            0.10799935570602284,
            0.01759201134110017,
            -0.9998452485944885,
        ],
    ]
)
SPHERE = np.array(
    [
        [1.0, 0.0, 0.0],
        [0.9998461723016524, 0.0017450625439345087, -0.01745240643728344],
        [0.011528398796561048, -0.01748373449118561, -0.9997806834748455],
        [0.1054393397473155, 0.023375338854575434, 0.9941509639723154],
    ]
)
# oracles/golden.json: latitude, longitude, date, Dynamic MLP's features, PriorsNet's from the same fraction of the year
DATED = [
    (
        34.1477849,
        -118.1445155,
        "2021-07-01",
        [0.9291039794, -0.8817606509, -0.0086069969, 0.3698185982, -0.4716971004, 0.9999629591],
    ),
    (
        -21.93073,
        114.12239,
        "2007-10-31",
        [-0.6929169928, 0.9126745405, 0.8674563547, 0.7210173653, -0.4086871458, -0.4975132889],
    ),
    (0.0, 0.0, "2020-02-29", [0.0, 0.0, -0.8573146281, 1.0, 1.0, -0.5147928015]),
    (90.0, 180.0, "2020-12-31", [0.0, 0.0, 0.0, -1.0, -1.0, -1.0]),
    (-90.0, -180.0, "2021-01-01", [0.0, 0.0, -0.0172133562, -1.0, -1.0, -0.9998518392]),
]
PRIORSNET_ORDER = [1, 0, 4, 3, 2, 5]


def units(places=PLACES, fractions=FRACTIONS):
    return UnitPlaceTime(lon_N=places[:, 0] / 180, lat_N=places[:, 1] / 90, date_N=2 * fractions - 1)


def where(*rows):
    """Rows of latitude, longitude, date."""
    return PlaceTime(
        latitude_N=np.array([row[0] for row in rows], dtype=float),
        longitude_N=np.array([row[1] for row in rows], dtype=float),
        date_N=np.array([row[2] for row in rows], dtype="datetime64[D]"),
        observer_N=np.full(len(rows), -1, dtype=np.int32),
    )


def config(**changes):
    return PriorsNetConfig(**changes)


def test_wrapped_features_match_the_official_code():
    np.testing.assert_allclose(encode_units(units(), config()).features_NF, WRAPPED, rtol=0, atol=1e-15)


def test_without_dates_the_place_features_stay_and_the_others_go():
    features = encode_units(units(), config(date=False)).features_NF
    np.testing.assert_allclose(features, WRAPPED[:, :4], rtol=0, atol=1e-15)


def test_the_sphere_matches_the_official_code():
    features = encode_units(units(), config(encoding="sphere", date=False)).features_NF
    np.testing.assert_allclose(features, SPHERE, rtol=0, atol=1e-15)


def test_raw_is_the_scaled_pair_and_the_scaled_date():
    features = encode_units(units(), config(encoding="raw")).features_NF
    np.testing.assert_allclose(features, np.column_stack([PLACES[:, 0] / 180, PLACES[:, 1] / 90, 2 * FRACTIONS - 1]))


@pytest.mark.parametrize(("lat", "lon", "date", "expected"), DATED)
def test_dated_records_match_both_official_codes(lat, lon, date, expected):
    asked = config(feature_order="dynamic_mlp", date_convention="dynamic_mlp")
    features = encode(where((lat, lon, date)), asked).features_NF[0]
    np.testing.assert_allclose(features, expected, rtol=0, atol=1e-10)
    ours = encode(where((lat, lon, date)), config(date_convention="dynamic_mlp")).features_NF[0]
    np.testing.assert_allclose(ours, np.array(expected)[PRIORSNET_ORDER], rtol=0, atol=1e-10)


@pytest.mark.parametrize(("lat", "lon", "date", "expected"), DATED)
def test_date_alone_and_place_alone_in_the_dynamic_mlp_order(lat, lon, date, expected):
    asked = config(feature_order="dynamic_mlp", date_convention="dynamic_mlp", date=False)
    place = encode(where((lat, lon, date)), asked).features_NF[0]
    np.testing.assert_allclose(place, [expected[i] for i in (0, 1, 3, 4)], rtol=0, atol=1e-10)
    alone = config(encoding="none", feature_order="dynamic_mlp", date_convention="dynamic_mlp")
    date_features = encode(where((lat, lon, date)), alone).features_NF[0]
    np.testing.assert_allclose(date_features, [expected[i] for i in (2, 5)], rtol=0, atol=1e-10)


def test_the_two_date_conventions():
    dates = np.array(
        ["2021-01-01", "2021-12-31", "2020-12-31", "2020-02-29", "2020-03-01", "1969-07-20", "NaT"],
        dtype="datetime64[D]",
    )
    np.testing.assert_allclose(
        year_fraction(dates, "priorsnet"), [0, 364 / 365, 364 / 365, 59 / 365, 59 / 365, 200 / 365, NAN]
    )
    np.testing.assert_allclose(year_fraction(dates, "dynamic_mlp"), [1 / 365, 1, 1, 60 / 366, 61 / 366, 201 / 365, NAN])


@pytest.mark.parametrize(
    ("changes", "usable"),
    [
        ({}, [True, True, False, False]),
        ({"missing_date": "drop"}, [True, False, False, False]),
        ({"date": False, "missing_date": "drop"}, [True, True, False, False]),
        ({"encoding": "none"}, [True, False, True, False]),
        ({"encoding": "sphere"}, [True, True, False, False]),
        ({"encoding": "raw", "date": False}, [True, True, False, False]),
    ],
)
def test_only_the_fields_asked_for_can_be_missing(changes, usable):
    """SCIENCE rule 1. Rows: complete, no date, no place, neither; nobody has an observer."""
    records = where((10, 20, "2021-05-05"), (10, 20, "NaT"), (NAN, NAN, "2021-05-05"), (10, NAN, "NaT"))
    encoded = encode(records, config(**changes))
    assert encoded.usable_N.tolist() == usable
    assert np.isfinite(encoded.features_NF).all()
    assert not encoded.features_NF[~encoded.usable_N].any()
    assert (np.abs(encoded.features_NF[encoded.usable_N]).max(axis=1) > 0).all()


@pytest.mark.parametrize("order", ["priorsnet", "dynamic_mlp"])
def test_a_missing_date_zeroes_the_date_features_and_no_others(order):
    encoded = encode(where((10, 20, "2021-05-05"), (10, 20, "NaT")), config(feature_order=order))
    date_columns = [4, 5] if order == "priorsnet" else [2, 5]
    assert not encoded.features_NF[1, date_columns].any()
    others = [i for i in range(6) if i not in date_columns]
    np.testing.assert_array_equal(encoded.features_NF[1, others], encoded.features_NF[0, others])


@pytest.mark.parametrize(
    ("encoding", "date", "size"),
    [
        ("wrap", True, 6),
        ("wrap", False, 4),
        ("sphere", True, 5),
        ("sphere", False, 3),
        ("raw", True, 3),
        ("raw", False, 2),
        ("none", True, 2),
    ],
)
def test_input_sizes(encoding, date, size):
    asked = config(encoding=encoding, date=date)
    assert input_size(asked) == size
    assert encode(where((1, 2, "2021-05-05")), asked).features_NF.shape == (1, size)


def test_a_prior_of_nothing_is_refused():
    with pytest.raises(UserError, match="date"):
        input_size(config(encoding="none", date=False))

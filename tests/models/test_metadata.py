"""Places and dates as a classifier's inputs, and what counts as missing (SCIENCE rule 1)."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fieldmark.config import PriorsNetConfig
from fieldmark.config.classifier import ClassifierConfig
from fieldmark.data.observations import PlaceTime
from fieldmark.data.open import open_dataset
from fieldmark.data.world.config import WorldConfig
from fieldmark.data.world.world import World
from fieldmark.errors import UserError
from fieldmark.models.encoding import UnitPlaceTime, encode, feature_columns, year_fraction
from fieldmark.models.metadata import encode_metadata, metadata_size, places

NAN = float("nan")
PASADENA = (34.1477849, -118.1445155, "2021-07-01")
PASADENA_ENCODED = [0.9291039794, -0.8817606509, -0.0086069969, 0.3698185982, -0.4716971004, 0.9999629591]
"""oracles/golden.json: sin lat, sin lon, sin date, cos lat, cos lon, cos date."""


def where(*rows):
    """Rows of latitude, longitude, date."""
    return PlaceTime(
        latitude_N=np.array([row[0] for row in rows], dtype=float),
        longitude_N=np.array([row[1] for row in rows], dtype=float),
        date_N=np.array([row[2] for row in rows], dtype="datetime64[D]"),
        observer_N=np.full(len(rows), -1, dtype=np.int32),
    )


def encoded(*rows, **choices):
    return encode_metadata(where(*rows), ClassifierConfig(**choices))


def test_the_defaults_are_the_official_features():
    np.testing.assert_allclose(encoded(PASADENA)[0], PASADENA_ENCODED, rtol=0, atol=1e-10)
    np.testing.assert_allclose(
        encoded(PASADENA, date=False)[0], np.array(PASADENA_ENCODED)[[0, 1, 3, 4]], rtol=0, atol=1e-10
    )
    np.testing.assert_allclose(
        encoded(PASADENA, encoding="none")[0], np.array(PASADENA_ENCODED)[[2, 5]], rtol=0, atol=1e-10
    )


def test_official_features_to_the_last_digits():
    """oracles/dynamic_mlp.json, `encode` and `dates`."""
    units = UnitPlaceTime(lat_N=np.array([0.25]), lon_N=np.array([-0.5]), date_N=np.array([0.1]))
    np.testing.assert_allclose(
        feature_columns(units, ClassifierConfig())[0],
        [0.7071067811865475, -1.0, 0.3090169943749474, 0.7071067811865476, 6.123233995736766e-17, 0.9510565162951535],
        rtol=1e-15,
    )
    dates = ["2017-01-01", "2017-02-28", "2016-02-29", "2016-12-31", "2017-12-31", "2019-07-04"]
    expected = [-0.9945205479452055, -0.6767123287671233, -0.6721311475409837, 1.0, 1.0, 0.013698630136986356]
    found = 2 * year_fraction(np.array(dates, dtype="datetime64[D]"), ClassifierConfig().date_convention) - 1
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-15)


@pytest.mark.parametrize("encoding", ["wrap", "sphere", "none"])
@pytest.mark.parametrize("order", ["priorsnet", "dynamic_mlp"])
@pytest.mark.parametrize("convention", ["priorsnet", "dynamic_mlp"])
def test_a_complete_record_is_encoded_as_for_priorsnet(encoding, order, convention):
    choices = {"encoding": encoding, "feature_order": order, "date_convention": convention}
    theirs = encode(where(PASADENA), PriorsNetConfig(**choices)).features_NF
    assert np.array_equal(encoded(PASADENA, **choices), theirs)


PARTLY = [(NAN, NAN, "2021-07-01"), (34.1, NAN, "2021-07-01"), (34.1, -118.1, "NaT"), (NAN, -118.1, "NaT")]
PLACE, DATE = [0, 1, 3, 4], [2, 5]


def test_a_missing_field_leaves_its_own_features_zero():
    features_NM = encoded(*PARTLY)
    assert not features_NM[:2, PLACE].any() and not features_NM[2, DATE].any() and not features_NM[3].any()
    assert features_NM[:2, DATE].all() and features_NM[2, PLACE].all()


def test_or_the_features_of_all_fields():
    assert not encoded(*PARTLY, missing="all").any()
    assert encoded(PASADENA, missing="all").all()


def test_only_fields_that_are_asked_for_can_be_missing():
    """The authors' rule erased every record of a data set without dates, even where no date was asked for."""
    assert encoded((34.1, -118.1, "NaT"), missing="all", date=False).all()
    assert encoded((NAN, NAN, "2021-07-01"), missing="all", encoding="none").all()


fields = st.tuples(
    st.none() | st.floats(-90, 90),
    st.none() | st.floats(-180, 180),
    st.sampled_from(["NaT", "2020-02-29", "2021-12-31", "1969-07-20"]),
)


@given(
    rows=st.lists(fields, min_size=1, max_size=6),
    encoding=st.sampled_from(["wrap", "sphere"]),
    date=st.booleans(),
    missing=st.sampled_from(["each", "all"]),
)
def test_features_are_finite_and_zero_exactly_where_nothing_is_left(rows, encoding, date, missing):
    config = ClassifierConfig(encoding=encoding, date=date, missing=missing)
    features_NM = encode_metadata(where(*rows), config)
    assert features_NM.shape == (len(rows), metadata_size(config))
    assert np.isfinite(features_NM).all() and np.abs(features_NM).max() <= 1
    for (latitude, longitude, day), features_M in zip(rows, features_NM, strict=True):
        has = [latitude is not None and longitude is not None, *([day != "NaT"] if date else [])]
        assert features_M.any() == (all(has) if missing == "all" else any(has))


def test_a_fusion_with_nothing_to_look_at_is_refused():
    nothing = {"encoding": "none", "date": False}
    with pytest.raises(UserError, match="image_only"):
        metadata_size(ClassifierConfig(**nothing, fusion="dynamic_mlp_b"))
    alone = ClassifierConfig(**nothing, fusion="image_only")
    assert metadata_size(alone) == 0
    assert encode_metadata(where(PASADENA, PASADENA), alone).shape == (2, 0)


def test_places_are_degrees_latitude_first_and_whole_or_missing():
    found = places(where((34.0, -118.0, "NaT"), (34.0, NAN, "2021-07-01"), (NAN, NAN, "NaT")))
    np.testing.assert_array_equal(found, [[34.0, -118.0], [NAN, NAN], [NAN, NAN]])


def share(observations, **choices):
    """Of the records, those whose encoded vector is not zero."""
    return encode_metadata(observations.place_time, ClassifierConfig(**choices)).any(axis=1).mean()


@pytest.mark.parametrize(
    ("spec", "date", "all_fields"),
    [
        ("occurrences:{}/data/occurrences/west_namerica_butterflies.csv.gz", True, 1.0),
        ("occurrences:{}/data/occurrences/uk_citsci_anonymous.csv.gz", True, 1.0),
        ("occurrences:{}/data/occurrences/finland_mlk_birdsound_10k.csv.gz", True, 9069 / 9075),
        ("yfcc_inat2017:{}/data/yfcc/yfcc100m_geolocated_inat2017species.csv.zip", False, 1.0),
    ],
)
def test_no_real_record_is_erased(shared, spec, date, all_fields):
    """Butterflies have no observers, YFCC has no dates: the authors' rules would have erased both."""
    observations = open_dataset(spec.format(shared)).observations
    assert share(observations, date=date) == 1
    assert share(observations, date=date, missing="all") == pytest.approx(all_fields)


def test_of_the_world_only_records_are_erased_of_which_nothing_asked_for_is_known():
    observations = World(WorldConfig(species=9, per_category=60, missing_place=0.2, missing_date=0.3)).observations()
    has_place_N, has_date_N = observations.place_time.has_place_N, observations.place_time.has_date_N
    assert 0.7 < has_place_N.mean() < 0.9 and 0.6 < has_date_N.mean() < 0.8
    assert share(observations) == (has_place_N | has_date_N).mean()
    assert share(observations, missing="all") == (has_place_N & has_date_N).mean()
    assert share(observations, date=False, missing="all") == has_place_N.mean()
    assert share(observations, encoding="none", missing="all") == has_date_N.mean()

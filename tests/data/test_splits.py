"""Splits: disjoint, covering, grouped as named, and the same for the same seed."""

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from fieldmark.data.observations import Observations, PlaceTime, ReadReport, Split
from fieldmark.data.splits import PER_CLASS, PROTOCOLS, SHARES, split
from fieldmark.errors import UserError

PARTS = (Split.TRAIN, Split.TUNE, Split.TEST)


def observations(count: int = 600, seed: int = 0, *, categories: int = 4, name: str = "made") -> Observations:
    """Records of a coarse lattice of places, so that many share one, with gaps in every field."""
    rng = np.random.default_rng(seed)
    gap_N = rng.random(count) < 0.1
    days_N = np.datetime64("2020-01-01") + rng.integers(0, 300, count)
    return Observations(
        name=name,
        categories=tuple("ABCDEFGH"[:categories]),
        image_id=pa.array([f"r{number}" for number in range(count)]),
        category_N=rng.integers(0, categories, count).astype(np.int32),
        place_time=PlaceTime(
            latitude_N=np.where(gap_N, np.nan, rng.integers(-20, 20, count) / 2),
            longitude_N=np.where(gap_N, np.nan, rng.integers(-20, 20, count) / 2),
            date_N=np.where(rng.random(count) < 0.1, np.datetime64("NaT"), days_N),
            observer_N=rng.integers(-1, 80, count).astype(np.int32),
        ),
        given_split=None,
        image_path=None,
        images=None,
        fingerprint="0",
        report=ReadReport(read=count, kept=count),
    )


def straddling(group_N: NDArray[np.generic], split_N: NDArray[np.int8]) -> set[object]:
    return {value for value in set(group_N.tolist()) if len(set(split_N[group_N == value].tolist())) > 1}


def places(made: Observations, degrees: float) -> tuple[NDArray[np.bool_], NDArray[np.str_]]:
    where = made.place_time
    keep = where.has_place_N
    pairs = zip(np.floor(where.latitude_N[keep] / degrees), np.floor(where.longitude_N[keep] / degrees), strict=True)
    return keep, np.array([f"{latitude} {longitude}" for latitude, longitude in pairs])


@pytest.mark.parametrize("protocol", [name for name in PROTOCOLS if name != "official"])
def test_parts_cover_and_repeat(protocol: str) -> None:
    made = observations()
    name, split_N = split(made, f"{protocol}:3")
    assert name == f"{protocol}:3"
    assert all((split_N == part).any() for part in PARTS)
    assert split_N.tolist() == split(made, f"{protocol}:3")[1].tolist()
    undated = ~made.place_time.has_date_N
    assert ((split_N == Split.UNUSED) == (undated if protocol == "forward_in_time" else False)).all()
    if protocol != "forward_in_time":
        assert split_N.tolist() != split(made, f"{protocol}:4")[1].tolist()


@given(st.integers(0, 10_000), st.integers(200, 900))
def test_no_place_straddles_and_shares_are_near(seed: int, count: int) -> None:
    made = observations(count, seed)
    for protocol, degrees in (("coordinate", 0.5), ("spatial_block", 1.0)):
        _, split_N = split(made, f"{protocol}:{seed}")
        keep, place = places(made, degrees)
        assert not straddling(place, split_N[keep])
        largest = max(np.unique(place, return_counts=True)[1])
        for part, share in zip(PARTS, SHARES, strict=True):
            assert abs((split_N == part).sum() - share * count) <= largest + 1


@given(st.integers(0, 10_000))
def test_no_observer_straddles(seed: int) -> None:
    made = observations(seed=seed)
    _, split_N = split(made, f"observer:{seed}")
    known = made.place_time.observer_N >= 0
    assert not straddling(made.place_time.observer_N[known], split_N[known])


@given(st.integers(0, 10_000))
def test_forward_in_time_tests_on_later_days(seed: int) -> None:
    made = observations(seed=seed)
    _, split_N = split(made, "forward_in_time")
    day_N = made.place_time.date_N
    assert day_N[split_N == Split.TRAIN].max() < day_N[split_N == Split.TUNE].min()
    assert day_N[split_N == Split.TUNE].max() < day_N[split_N == Split.TEST].min()


def test_per_class_draws_twenty_of_each() -> None:
    made = observations()
    _, split_N = split(made, "per_class_20")
    for part in (Split.TEST, Split.TUNE):
        assert np.bincount(made.category_N[split_N == part]).tolist() == [PER_CLASS] * 4


def test_per_class_leaves_small_classes_most_of_their_records() -> None:
    made = observations(40, categories=4)
    _, split_N = split(made, "per_class_20")
    sizes = np.bincount(made.category_N)
    assert np.bincount(made.category_N[split_N == Split.TEST]).tolist() == (sizes // 3).tolist()


@given(st.lists(st.integers(1, 90), min_size=2, max_size=8), st.integers(0, 1000))
def test_per_class_takes_its_shares_of_every_class(sizes: list[int], seed: int) -> None:
    made = observations(sum(sizes) + 3, categories=len(sizes))
    made.category_N[:] = np.repeat(np.arange(len(sizes) + 1), [*sizes, 3])[
        np.random.default_rng(seed).permutation(len(made))
    ]
    _, split_N = split(made, f"per_class:{seed}")
    for category, size in enumerate(sizes):
        train, tune, test = (int((split_N[made.category_N == category] == part).sum()) for part in PARTS)
        assert train + tune + test == size and train >= 1
        assert abs(train - SHARES[0] * size) <= 1.5
        assert (tune >= 1) == (size >= 3) and (test >= 1) == (size >= 2)


def test_geo_prior_shares() -> None:
    _, split_N = split(observations(1000), "geo_prior_75_5_20")
    assert [int((split_N == part).sum()) for part in PARTS] == [750, 50, 200]


def given_as(made: Observations, *words: str) -> Observations:
    return replace(made, given_split=np.array(words)[np.arange(len(made)) % len(words)])


def test_official_takes_val_for_tune_where_there_is_a_test_part() -> None:
    made = given_as(observations(), "train", "val", "test", "")
    name, split_N = split(made)
    assert name == "official:0"
    assert split_N[:4].tolist() == [Split.TRAIN, Split.TUNE, Split.TEST, Split.UNUSED]


@pytest.mark.parametrize("held_out", ["val", "test", "Validation"])
def test_official_carves_tune_from_train_where_there_is_none(held_out: str) -> None:
    made = given_as(observations(), "train", "train", held_out)
    _, split_N = split(made)
    test_N = np.arange(len(made)) % 3 == 2
    assert ((split_N == Split.TEST) == test_N).all()
    assert (split_N == Split.TUNE).sum() == pytest.approx(0.1 * (~test_N).sum(), abs=3)
    where = made.place_time
    keep = where.has_place_N & (split_N != Split.TEST)
    bursts = zip(where.latitude_N[keep], where.longitude_N[keep], where.date_N[keep], strict=True)
    assert not straddling(np.array([str(burst) for burst in bursts]), split_N[keep])


def test_records_without_a_label_are_not_used() -> None:
    made = observations()
    made.category_N[:50] = -1
    for protocol in PROTOCOLS:
        given_split = given_as(made, "train", "test")
        assert (split(given_split, protocol)[1][:50] == Split.UNUSED).all()


def test_defaults() -> None:
    assert split(observations())[0] == "coordinate:0"
    assert split(observations(name="yfcc_geo100"))[0] == "per_class_20:0"
    nowhere = observations()
    nowhere.place_time.latitude_N[:] = np.nan
    assert split(nowhere)[0] == "per_class:0"


@pytest.mark.parametrize(
    ("protocol", "says"),
    [
        ("coordinates", "Did you mean coordinate"),
        ("random", "official, per_class_20, geo_prior_75_5_20, coordinate, spatial_block, observer, forward_in_time"),
        ("coordinate:x", "whole number"),
        ("coordinate:-1", "whole number"),
        ("official", "needs a split column"),
    ],
)
def test_protocols_that_cannot_be(protocol: str, says: str) -> None:
    with pytest.raises(UserError, match=says):
        split(observations(), protocol)


def test_protocols_that_these_records_cannot_have() -> None:
    made = observations()
    where = made.place_time
    nobody = replace(made, place_time=replace(where, observer_N=np.full(len(made), -1, np.int32)))
    with pytest.raises(UserError, match="needs observers"):
        split(nobody, "observer")
    one = replace(made, place_time=replace(where, observer_N=np.zeros(len(made), np.int32)))
    with pytest.raises(UserError, match="leaves no records for"):
        split(one, "observer")
    undated = replace(made, place_time=replace(where, date_N=np.full(len(made), "NaT", "datetime64[D]")))
    with pytest.raises(UserError, match="needs dates"):
        split(undated, "forward_in_time")
    with pytest.raises(UserError, match="expected train"):
        split(given_as(made, "fold1", "fold2"))

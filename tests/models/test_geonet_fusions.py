"""GeoNet's families: the priors against a plain program, the trained ones exactly at the image-only model at first."""

import math

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from fieldmark.data.experiment import Part
from fieldmark.data.observations import PlaceTime
from fieldmark.errors import UserError
from fieldmark.models.fusions import Fusion, Metadata, Sizes, build_fusion, geonet_priors
from fieldmark.testing import check_fusion

SIZES = Sizes(features=7, categories=5, metadata=6)
PRIORS = ("geonet_whitelist", "geonet_bayes")
POST = ("geonet_post_add", "geonet_post_concat", "geonet_post_multiply")
MODULATE = [(f"geonet_modulate_{kind}", where) for kind in ("add", "film") for where in ("map", "pooled")]


def part(latitude, longitude, category) -> Part:
    n = len(category)
    where = PlaceTime(
        latitude_N=np.asarray(latitude, np.float64),
        longitude_N=np.asarray(longitude, np.float64),
        date_N=np.full(n, "NaT", "datetime64[D]"),
        observer_N=np.full(n, -1, np.int32),
    )
    return Part(image_id=np.arange(n).astype(str), category_N=np.asarray(category, np.int32), place_time=where)


def some_records(rng: np.random.Generator, n: int) -> Part:
    """Around the meeting of the date line and the equator; one in ten has no place, one in ten no category."""
    longitude = rng.uniform(176, 184, n)
    latitude = np.where(rng.random(n) < 0.1, np.nan, rng.uniform(-4, 4, n))
    category = np.where(rng.random(n) < 0.1, -1, rng.integers(0, 4, n))  # category 4 has no record at all
    return part(latitude, np.where(longitude > 180, longitude - 360, longitude), category)


def places_there(rng: np.random.Generator, n: int):
    return np.column_stack([rng.uniform(-4, 4, n), rng.uniform(172, 180, n)])


def made(name: str, train: Part | None = None, **settings) -> Fusion:
    fusion = build_fusion(name, settings, SIZES).double()
    if train is not None:
        fusion.observe(train)
    return fusion


def asked(place, seed: int = 0) -> tuple[torch.Tensor, Metadata]:
    generator = torch.Generator().manual_seed(seed)
    place_B2 = torch.as_tensor(np.asarray(place), dtype=torch.float64)
    draw = {"generator": generator, "dtype": torch.float64}
    image_BF = torch.randn(len(place_B2), SIZES.features, **draw)
    return image_BF, Metadata(encoded_BM=torch.rand(len(place_B2), SIZES.metadata, **draw), place_B2=place_B2)


def kilometres(a, b) -> float:
    (lat_a, lon_a), (lat_b, lon_b) = np.radians(a), np.radians(b)
    half = math.sin((lat_b - lat_a) / 2) ** 2 + math.cos(lat_a) * math.cos(lat_b) * math.sin((lon_b - lon_a) / 2) ** 2
    return 2 * 6371.0088 * math.asin(math.sqrt(half))


def plain_scores(name: str, train: Part, image_scores, place, radius_km: float):
    """The definition of SPEC section 3, one place and one record at a time."""
    where = train.place_time
    records = [
        (category, (lat, lon))
        for category, lat, lon in zip(train.category_N, where.latitude_N, where.longitude_N, strict=True)
        if category >= 0 and not math.isnan(lat) and not math.isnan(lon)
    ]
    scores = np.array(image_scores)
    for row, here in enumerate(place):
        if np.isnan(here).any():
            continue
        near = [category for category, there in records if kilometres(here, there) <= radius_km]
        if not near:
            continue
        for category in range(SIZES.categories):
            if name == "geonet_whitelist":
                scores[row, category] *= category in near
                continue
            share = sum(one == category for one, _ in records) / len(records)
            if share:
                scores[row, category] *= (near.count(category) + share) / (len(near) + 1) / share
            else:  # the limit of a share that becomes nothing
                scores[row, category] *= 1 / (len(near) + 1)
        scores[row] /= scores[row].sum()
    return scores


@pytest.mark.parametrize("radius_km", [50.0, 160.9344, 900.0])
@pytest.mark.parametrize("name", PRIORS)
def test_a_prior_agrees_with_a_plain_program_across_the_date_line(name: str, radius_km: float) -> None:
    rng = np.random.default_rng(1)
    train = some_records(rng, 60)
    place = np.column_stack([rng.uniform(-5, 5, 40), rng.choice([-1, 1], 40) * rng.uniform(174, 180, 40)])
    place[3, 0] = place[4, 1] = np.nan
    fusion = made(name, train, radius_km=radius_km)
    image_BF, metadata = asked(place)

    image_scores = functional.softmax(fusion.classifier(image_BF), dim=1).detach().numpy()
    expected = plain_scores(name, train, image_scores, place, radius_km)

    scores = functional.softmax(fusion(image_BF, metadata), dim=1).numpy()
    np.testing.assert_allclose(scores, expected, rtol=1e-9, atol=0)
    assert np.abs(scores - image_scores).max() > 0.1


@pytest.mark.parametrize("name", PRIORS)
def test_image_scores_stay_without_a_place_and_where_no_record_is_near(name: str) -> None:
    fusion = made(name, part([10.0, np.nan], [20.0, 20.0], [2, 1]))
    image_BF, metadata = asked([[np.nan, np.nan], [10.0, np.nan], [10.0, 26.0]])

    assert torch.equal(fusion(image_BF, metadata), fusion.classifier(image_BF))


def test_a_category_that_is_not_near_scores_exactly_zero_in_every_precision() -> None:
    fusion = made("geonet_whitelist", part([10.0], [20.0], [2]))
    image_BF, metadata = asked([[10.5, 20.5]])
    for dtype in (torch.float64, torch.float32, torch.float16):
        logits = fusion.to(dtype)(image_BF.to(dtype), metadata)
        assert torch.isfinite(logits).all()
        assert functional.softmax(logits.float(), dim=1).tolist() == [[0, 0, 1, 0, 0]]


def test_a_prior_measures_distances_in_full_precision_under_autocast() -> None:
    rng = np.random.default_rng(2)
    fusion = made("geonet_bayes", some_records(rng, 80)).float()
    _, metadata = asked(places_there(rng, 30))
    expected = fusion.counts(metadata.place_B2)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(fusion.counts(metadata.place_B2.float()), expected)
    assert len(expected.unique()) > 3


def test_records_are_counted_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(3)
    fusion = made("geonet_bayes", some_records(rng, 80))
    _, metadata = asked(places_there(rng, 30))
    whole = fusion.counts(metadata.place_B2)
    monkeypatch.setattr(geonet_priors, "RECORDS_AT_ONCE", 7)
    assert torch.equal(fusion.counts(metadata.place_B2), whole) and whole.sum() > 0


@pytest.mark.parametrize("name", PRIORS)
def test_a_prior_travels_through_the_state_dict_whatever_its_size(name: str) -> None:
    rng = np.random.default_rng(4)
    fusion = made(name, some_records(rng, 30))
    image_BF, metadata = asked(places_there(rng, 9))
    for other in (made(name), made(name, some_records(rng, 11))):
        other.load_state_dict(fusion.state_dict())
        assert torch.equal(other(image_BF, metadata), fusion(image_BF, metadata))


@pytest.mark.parametrize("name", PRIORS)
def test_nothing_of_a_prior_trains(name: str) -> None:
    assert not [one for one in made(name).parameters() if one.requires_grad]


@pytest.mark.parametrize("name", [*PRIORS, *POST])
def test_a_fusion_on_a_frozen_model_begins_exactly_there(name: str) -> None:
    classifier = nn.Linear(SIZES.features, SIZES.categories).double()
    fusion = made(name)
    fusion.start_from(classifier)
    image_BF, metadata = asked([[10.0, 20.0], [np.nan, np.nan]])

    assert torch.equal(fusion(image_BF, metadata), classifier(image_BF))


@pytest.mark.parametrize("name", POST)
def test_post_processing_trains_the_location_alone(name: str) -> None:
    fusion = made(name, widths="8-8")
    image_BF, metadata = asked(np.zeros((16, 2)))
    image_BF.requires_grad_()
    frozen = {key: value.clone() for key, value in fusion.classifier.state_dict().items()}
    optimizer = torch.optim.SGD((one for one in fusion.parameters() if one.requires_grad), lr=0.3)
    geo = {key: value.clone() for key, value in fusion.geo.state_dict().items()}
    losses = []
    for _ in range(20):
        loss = functional.cross_entropy(fusion(image_BF, metadata), torch.arange(16) % SIZES.categories)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))

    assert losses[-1] < losses[0]
    assert image_BF.grad is None
    assert all(torch.equal(value, frozen[key]) for key, value in fusion.classifier.state_dict().items())
    assert all(not torch.equal(value, geo[key]) for key, value in fusion.geo.state_dict().items())


def pooled_and_fused(fusion: Fusion, map_BFHW: torch.Tensor, metadata: Metadata) -> torch.Tensor:
    """As in a classifier whose backbone averages its map."""
    assert fusion.reads_map
    return fusion(fusion.modulate(map_BFHW, metadata).mean(dim=(2, 3)), metadata)


@pytest.mark.parametrize(("name", "where"), MODULATE)
def test_modulation_begins_at_the_image_only_model_and_trains_all_of_it(name: str, where: str) -> None:
    classifier = nn.Linear(SIZES.features, SIZES.categories).double()
    fusion = made(name, where=where)
    fusion.start_from(classifier)
    _, metadata = asked([[10.0, 20.0], [np.nan, np.nan], [3.0, 4.0]])
    map_BFHW = torch.randn(3, SIZES.features, 4, 4, dtype=torch.float64, requires_grad=True)

    first = pooled_and_fused(fusion, map_BFHW, metadata)
    assert torch.equal(first, classifier(map_BFHW.mean(dim=(2, 3))))
    with torch.no_grad():
        fusion.change.weight.uniform_(-1, 1)
    changed = pooled_and_fused(fusion, map_BFHW, metadata)
    changed.square().sum().backward()
    assert map_BFHW.grad is not None
    assert not torch.allclose(changed, first)
    assert all(one.grad is not None and one.grad.abs().sum() > 0 for one in fusion.parameters())


@pytest.mark.parametrize("name", ["geonet_modulate_add", "geonet_modulate_film"])
def test_modulating_the_pooled_feature_keeps_the_contract(name: str) -> None:
    check_fusion(name, settings={"where": "pooled", "widths": "16"})


@pytest.mark.parametrize("kind", ["add", "film"])
def test_modulating_the_map_or_its_average_is_one_function(kind: str) -> None:
    on_map, pooled = (made(f"geonet_modulate_{kind}", where=where) for where in ("map", "pooled"))
    with torch.no_grad():
        on_map.change.weight.uniform_(-1, 1)
    pooled.load_state_dict(on_map.state_dict())
    map_BFHW = torch.randn(2, SIZES.features, 4, 4, dtype=torch.float64)
    _, metadata = asked(np.zeros((2, 2)))

    together = [pooled_and_fused(fusion, map_BFHW, metadata) for fusion in (on_map, pooled)]
    torch.testing.assert_close(*together, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("name", [*POST, "geonet_modulate_film"])
def test_nothing_known_gives_finite_logits(name: str) -> None:
    fusion = made(name)
    torch.nn.init.normal_(fusion.join.weight if name == "geonet_post_concat" else fusion.change.weight)
    image_BF, metadata = asked(np.full((4, 2), np.nan))
    nothing = metadata._replace(encoded_BM=torch.zeros_like(metadata.encoded_BM))
    assert torch.isfinite(fusion(image_BF, nothing)).all()


@pytest.mark.parametrize("widths", ["", "256,128", "0", "8-", "wide"])
def test_widths_that_are_no_widths(widths: str) -> None:
    with pytest.raises(UserError, match="widths"):
        build_fusion("geonet_post_add", {"widths": widths}, SIZES)

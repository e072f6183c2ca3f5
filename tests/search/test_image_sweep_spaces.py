"""What the image sweeps search: every proposal has one configuration, and every configuration one proposal."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from optuna.samplers import RandomSampler

from fieldmark.config import ClassifierConfig, Fusions, Recipes, View
from fieldmark.search import study
from search_spaces import fusion, resolution
from search_spaces.fusion import FusionSpace
from search_spaces.resolution import ResolutionSpace

BASE = ClassifierConfig(**Recipes.NAMES["smoke"].model_dump(), backbone="test_resnet", resolution=64, location_width=32)
SPACES = {
    "fusion": FusionSpace(base=BASE, scale="smoke", fusions=fusion.suitable(has_places=True, frozen=False)),
    "frozen": FusionSpace(base=BASE, scale="smoke", fusions=fusion.suitable(has_places=True, frozen=True), frozen=True),
    "resolution": ResolutionSpace(base=BASE, scale="smoke", backbones=resolution.BACKBONES["smoke"]),
    "paper": FusionSpace(
        base=ClassifierConfig(), scale="paper", fusions=fusion.suitable(has_places=True, frozen=False)
    ),
}


@pytest.mark.parametrize("name", SPACES)
@settings(max_examples=40)
@given(seed=st.integers(0, 2**20))
def test_the_parameters_of_a_proposal_are_those_that_gave_it(name: str, seed: int) -> None:
    space = SPACES[name]
    trial = study.make_study([], ["maximize"], RandomSampler(seed=seed)).ask()
    config = space.suggest(trial)
    assert space.parameters(config) == trial.params
    assert study.fixed(trial.params, space.suggest) is not None
    assert config.fusion_settings == Fusions.settings(config.fusion, config.fusion_settings).model_dump()


@pytest.mark.parametrize("name", SPACES)
def test_what_is_published_lies_in_the_space(name: str) -> None:
    space = SPACES[name]
    for config in space.published():
        assert study.fixed(space.parameters(config), space.suggest) is not None


def test_at_paper_scale_the_fusions_have_the_papers_widths() -> None:
    published = {config.fusion: config for config in SPACES["paper"].published()}
    assert set(published) == {"image_only", *fusion.PUBLISHED}
    assert published["dynamic_mlp_c"].fusion_settings == {"d": 256, "h": 64, "blocks": 2}
    assert published["concat_star"].fusion_settings["d"] == 256


def test_fusions_that_do_not_suit_the_data_are_not_searched() -> None:
    assert not [name for name in fusion.suitable(has_places=False, frozen=False) if name.startswith("geonet")]
    on_features = fusion.suitable(has_places=True, frozen=True)
    assert "image_only" not in on_features and "geonet_modulate_film" not in on_features
    assert not Fusions.untrained & set(fusion.suitable(has_places=True, frozen=False))


def test_pictures_are_not_mixed_where_features_are_cached() -> None:
    assert "mixup" not in SPACES["frozen"].parameters(BASE)
    assert "mixup" in SPACES["fusion"].parameters(BASE)


@pytest.mark.parametrize("side", [24, 56, 112])
def test_a_run_is_tested_at_larger_sizes_and_at_several(side: int) -> None:
    config = BASE.model_copy(update={"resolution": side})
    views = [View.parse(text) for text in SPACES["resolution"].views(config)]
    assert [len(view.sizes) for view in views] == [1, 1, 3]
    assert all(size > side for view in views for size in view.sizes)
    assert max(views[-1].sizes) / side == pytest.approx(384 / 224, rel=0.03)


def test_at_224_pixels_the_test_sizes_are_the_papers() -> None:
    config = BASE.model_copy(update={"resolution": 224})
    assert SPACES["resolution"].views(config) == ("center:256", "center:384", "center:256+320+384")


def test_photographs_are_shrunk_in_step_with_the_resolution() -> None:
    base = BASE.model_copy(update={"resolution": 56, "picture_side": 64})
    space = ResolutionSpace(base=base, scale="smoke", backbones=("test_resnet",))
    assert [config.picture_side for config in space.published()] == [64, 110, 128]

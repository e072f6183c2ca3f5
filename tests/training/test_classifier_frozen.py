"""Fusions on a trained image-only model: it stays as it is, and what it knew of the training pictures is told."""

import numpy as np
import pytest
import torch

from fieldmark.data.observations import Split
from fieldmark.errors import UserError
from fieldmark.training.classifier.predict import predict_scores
from fieldmark.training.classifier.start import initial_model


@pytest.fixture(scope="module")
def image_only(tiny):
    return tiny.train(tiny.config(fusion="image_only", mixup=0.0, drop_path=0.0, epochs=3, precision="float32")).fitted


def config(tiny, fusion, **changes):
    return tiny.config(fusion=fusion, mixup=0.0, drop_path=0.0, epochs=2, precision="float32", **changes)


@pytest.mark.parametrize("fusion", ["geonet_post_add", "geonet_post_concat", "geonet_post_multiply"])
def test_a_frozen_model_stays_as_it_is_while_the_location_learns(tiny, image_only, fusion):
    start = image_only.model.state_dict()
    trained = tiny.train(config(tiny, fusion), start=start)
    after = trained.fitted.model.state_dict()
    kept = [name for name in start if name.startswith("backbone.") or name.startswith("fusion.classifier.")]
    assert len(kept) > 10 and all(torch.equal(start[name], after[name]) for name in kept)
    before = tiny.train(config(tiny, fusion, lr=1e-12), start=start).fitted.model.state_dict()
    assert any(not torch.allclose(before[name], after[name]) for name in after)


def test_the_frozen_logits_accuracies_stand_beside_the_result(tiny, image_only):
    fitted = tiny.train(config(tiny, "geonet_post_add"), start=image_only.model.state_dict()).fitted
    (test,) = [one for one in image_only.evaluate(tiny.experiment()) if one.split == "test"]
    assert fitted.details["frozen_test_top1"] == test.metrics["top1"]
    assert 0 < fitted.details["frozen_train_top1"] <= 1
    for one in fitted.evaluate(tiny.experiment()):
        assert one.score == "joint" and one.details == fitted.details


@pytest.mark.parametrize("fusion", ["geonet_whitelist", "geonet_bayes"])
def test_counting_fusions_keep_the_labelled_training_records_that_have_a_place_and_nothing_else(
    tiny, image_only, fusion
):
    data = tiny.experiment()
    trained = tiny.train(config(tiny, fusion), start=image_only.model.state_dict())
    assert not trained.losses and not trained.curve
    train, kept = data.parts[Split.TRAIN], trained.fitted.model.fusion
    where = train.place_time
    known = [i for i in range(len(train)) if train.category_N[i] >= 0 and np.isfinite(where.latitude_N[i])]
    assert 0 < len(known) < (train.category_N >= 0).sum(), "some labelled records have no place"
    expected = [[where.latitude_N[i], where.longitude_N[i]] for i in known]
    assert kept.place_N2.tolist() == expected and kept.category_N.tolist() == train.category_N[known].tolist()


@pytest.mark.parametrize("fusion", ["geonet_whitelist", "geonet_bayes"])
def test_what_a_counting_fusion_was_told_changes_scores_where_the_place_is_known_only(tiny, image_only, fusion):
    data = tiny.experiment()
    wide = config(tiny, fusion, fusion_settings={"radius_km": 2000.0})
    told = tiny.train(wide, start=image_only.model.state_dict()).fitted
    where = data.parts[Split.TEST].place_time
    test = data.parts[Split.TEST], data.images[Split.TEST]
    found, alone = (
        np.concatenate([rows for _, rows in predict_scores(one.model, one.config, *test)]) for one in (told, image_only)
    )
    changed = ~np.isclose(found, alone, rtol=1e-4, atol=1e-6).all(axis=1)
    assert changed.any() and not changed[~where.has_place_N].any()


def test_a_fusion_that_trains_jointly_may_begin_there_too(tiny, image_only):
    start, data = image_only.model.state_dict(), tiny.experiment()
    train, test = data.parts[Split.TRAIN], (data.parts[Split.TEST], data.images[Split.TEST])
    settings = config(tiny, "geonet_modulate_film")
    begun = initial_model(settings, tiny.CATEGORIES, train, 0, start=start, weights_file=None)
    rows, expected = (list(predict_scores(model, settings, *test)) for model in (begun, image_only.model))
    np.testing.assert_allclose(rows[0][1], expected[0][1], rtol=1e-5)
    trained = tiny.train(settings, start=start)
    assert not trained.fitted.details and len(trained.losses) == 8
    assert not torch.equal(
        trained.fitted.model.state_dict()["backbone.layers.0.weight"], start["backbone.layers.0.weight"]
    )


def test_without_a_trained_model_the_flag_is_named(tiny):
    with pytest.raises(UserError, match=r"geonet_post_add .*--start-from"):
        tiny.train(config(tiny, "geonet_post_add"))


def test_a_model_that_does_not_fit_is_refused(tiny, image_only):
    start = image_only.model.state_dict()
    with pytest.raises(UserError, match=r"--start-from: that model has another backbone"):
        tiny.train(config(tiny, "geonet_post_add"), start={k: v for k, v in start.items() if "layers.0" not in k})
    with pytest.raises(UserError, match=r"--start-from: .*image_only"):
        tiny.train(config(tiny, "geonet_post_add"), start={k: v for k, v in start.items() if "fusion" not in k})
    other = start | {"fusion.classifier.weight": torch.zeros(7, 12), "fusion.classifier.bias": torch.zeros(7)}
    with pytest.raises(UserError, match=r"knows 7 categories, the data set has 5"):
        tiny.train(config(tiny, "geonet_post_add"), start=other)

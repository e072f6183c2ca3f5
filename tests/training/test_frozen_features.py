"""Cached features: the same wherever they are made, of the views that the recipe says, and named by what made them."""

import numpy as np
import pytest
import torch

from fieldmark.config import FrozenConfig
from fieldmark.config.canonical import on_features
from fieldmark.data.images.transforms import training_transform
from fieldmark.data.observations import Split
from fieldmark.training.classifier.execution import Execution
from fieldmark.training.classifier.pictures import to_device
from fieldmark.training.classifier.randomness import VIEW, picture_seeds, seed_of
from fieldmark.training.frozen import features as module
from fieldmark.training.frozen.features import Features, compute_features
from fieldmark.training.frozen.keys import features_key

SEED = 5


@pytest.fixture(scope="module")
def image_only(tiny):
    changes = {"fusion": "image_only", "mixup": 0.0, "drop_path": 0.0, "epochs": 3, "precision": "float32"}
    return tiny.train(tiny.config(**changes)).fitted.model


def config(tiny, views=3, **changes):
    return on_features(tiny.config(mixup=0.0, **({"precision": "float32"} | changes)), views)


def features(tiny, model, data=None, **changes):
    settings = config(tiny, **changes)
    return compute_features(settings, data or tiny.experiment(), model.state_dict(), SEED, execution=Execution())


def test_a_view_is_the_backbones_feature_of_the_recipes_crop(tiny, image_only):
    data, found = tiny.experiment(), features(tiny, image_only)
    assert len(found.views) == 3 and found.views[0].dtype == np.float16
    transform = training_transform(config(tiny), tiny.SIDE)
    backbone = image_only.backbone.eval()
    for view, record in ((0, 0), (0, 100), (2, 100)):
        (seed,) = picture_seeds(seed_of(VIEW, SEED), view, np.array([record]))
        image_13HW = transform(data.images[Split.TRAIN].image(record), int(seed))[None]
        with torch.no_grad():
            expected = backbone(to_device(image_13HW, torch.float32, "imagenet", Execution())).numpy()[0]
        np.testing.assert_allclose(found.views[view][record], expected, rtol=1e-3, atol=1e-3)
    assert not np.allclose(found.views[0], found.views[1], atol=1e-2), "every view has crops of its own"


def test_features_depend_neither_on_the_batch_nor_on_torchs_generator(tiny, image_only, monkeypatch):
    expected = features(tiny, image_only)
    monkeypatch.setattr(module, "PREDICT_BATCH", 7)
    torch.manual_seed(99)
    before = torch.get_rng_state()
    found = features(tiny, image_only)
    assert torch.equal(torch.get_rng_state(), before)
    for name, rows in expected.arrays().items():
        np.testing.assert_allclose(found.arrays()[name], rows, rtol=2e-3, atol=1e-4)
    other = compute_features(config(tiny), tiny.experiment(), image_only.state_dict(), SEED + 1, execution=Execution())
    assert not np.allclose(other.views[0], expected.views[0], atol=1e-2), "the image run's seed decides the views"
    np.testing.assert_array_equal(other.parts[Split.TEST], expected.parts[Split.TEST])


def test_the_image_only_classifiers_accuracy_is_told_of_every_part(tiny, image_only):
    found = features(tiny, image_only)
    weight, bias = (image_only.fusion.classifier.state_dict()[name].numpy() for name in ("weight", "bias"))
    data = tiny.experiment()
    for split, rows in ((Split.TRAIN, np.concatenate(found.views)), (Split.TEST, found.parts[Split.TEST])):
        category = np.tile(data.parts[split].category_N, 3 if split is Split.TRAIN else 1)
        right = (rows.astype(np.float32) @ weight.T + bias).argmax(axis=1) == category
        assert found.details[f"frozen_{split.name.lower()}_top1"] == pytest.approx(right[category >= 0].mean())


def test_large_features_are_cut_into_pieces_and_joined_again(tiny, image_only, monkeypatch):
    monkeypatch.setattr(module, "SHARD_BYTES", 1000)
    found = features(tiny, image_only, views=11)
    arrays = found.arrays()
    assert max(rows.nbytes for rows in arrays.values()) <= 1000 and len(arrays) > 13
    shuffled = dict(sorted(arrays.items(), key=lambda pair: pair[0][::-1]))
    again = Features.of(shuffled, found.details)
    assert len(again.views) == 11 and again.details == found.details
    for view, expected in zip(again.views, found.views, strict=True):
        np.testing.assert_array_equal(view, expected)
    np.testing.assert_array_equal(again.parts[Split.TUNE], found.parts[Split.TUNE])


def test_a_single_piece_is_not_copied(tiny, image_only):
    found = features(tiny, image_only)
    arrays = found.arrays()
    again = Features.of(arrays, found.details)
    assert all(np.shares_memory(view, arrays[f"view{number}.0000"]) for number, view in enumerate(again.views))
    assert np.shares_memory(again.parts[Split.TEST], arrays["test.0000"])
    assert found.nbytes == sum(rows.nbytes for rows in arrays.values())


def test_features_that_float16_does_not_hold_are_kept_whole(tiny, image_only):
    state = {name: value.clone() for name, value in image_only.state_dict().items()}
    state["backbone.layers.7.weight"] *= 1e6
    found = compute_features(config(tiny), tiny.experiment(), state, SEED, execution=Execution())
    assert found.views[0].dtype == np.float32 and np.isfinite(found.views[0]).all()
    assert found.views[0].max() > 65504


def test_progress_is_told_and_may_stop_it(tiny, image_only):
    told = []
    compute_features(
        config(tiny),
        tiny.experiment(),
        image_only.state_dict(),
        SEED,
        execution=Execution(),
        on_pictures=lambda *seen: told.append(seen),
    )
    total = 3 * 152 + 40 + 44
    assert told[-1] == (total, total) and [seen for seen, _ in told] == sorted({seen for seen, _ in told})

    def stop(seen, _):
        raise KeyboardInterrupt(seen)

    with pytest.raises(KeyboardInterrupt, match="64"):
        compute_features(
            config(tiny),
            tiny.experiment(),
            image_only.state_dict(),
            SEED,
            execution=Execution(),
            on_pictures=stop,
        )


BASE = {"backbone": "test_resnet", "resolution": 28, "mixup": 0.0}


def key(image_run="run", fingerprint="f", protocol="p", **changes):
    return features_key(FrozenConfig(**(BASE | changes)), image_run, fingerprint, protocol)


def test_all_fusions_on_a_model_share_the_stage_and_what_shapes_the_features_names_it():
    same = ({"fusion": "concat_net"}, {"lr": 1.0, "epochs": 3}, {"batch": 64, "bn_batch": 64}, {"location_width": 3})
    assert {key(**changes) for changes in same} == {key()}
    other = (
        {"views": 2},
        {"crop_area": (0.5, 1.0)},
        {"flip": 0.0},
        {"rand_augment": 3},
        {"random_erasing": 0.5},
        {"precision": "float32"},
        {"resolution": 32},
        {"picture_side": 40},
        {"center_share": 0.9},
        {"image_run": "another"},
        {"fingerprint": "g"},
        {"protocol": "q"},
    )
    assert len({key(**changes) for changes in other} | {key()}) == len(other) + 1

"""Golden trajectories of fusions on cached features: their numbers change only together with a version.

If a loss here changes on purpose, raise `FrozenConfig.numerics_version` by one and record the new losses under it
(`python tests/training/test_frozen_trajectories.py` prints them); if a feature does, `FEATURES_VERSION`. If not on
purpose, a change altered what stored runs and stages mean: find it.
"""

import sys
from pathlib import Path

import numpy as np
import pytest

from fieldmark.config import FrozenConfig
from fieldmark.training.frozen.keys import FEATURES_VERSION

CONFIGS = {
    "paper": {},
    "adamw": {"optimizer": "adamw", "lr": 0.01, "weight_decay": 0.05, "decay_all": False, "schedule": "cosine"},
    "post-processing": {"fusion": "geonet_post_add", "schedule": "constant", "warmup_epochs": 0, "clip_norm": 1.0},
}
GOLDEN = {
    1: {
        "paper": [
            1.8478944653236364,
            1.8542685980848594,
            1.6966258500342226,
            1.677584974291685,
            1.6634222928579583,
            1.769724267137475,
            1.6373056602332396,
            1.670876482144723,
        ],
        "adamw": [
            1.8478944653236364,
            1.8542685980848594,
            1.7541630479975874,
            1.7240085681936872,
            1.6710232383177153,
            1.6205215601617415,
            1.6556656700074912,
            1.6358992648436796,
        ],
        "post-processing": [
            1.6224270608969307,
            1.616687594192327,
            1.6124115458092692,
            1.599730835048681,
            1.6040979403815454,
            1.6112106019255075,
            1.5993392571851013,
            1.5961912468057955,
        ],
    },
}
FEATURES = {
    1: {
        "test.0000": 0.032882920837878235,
        "tune.0000": 0.03302139241847423,
        "view0.0000": 0.039324742398763955,
        "view1.0000": 0.03793454493739103,
    }
}


def made(tiny):
    """An image-only model's features."""
    from fieldmark.config.canonical import on_features
    from fieldmark.training.classifier.execution import Execution
    from fieldmark.training.frozen.features import compute_features

    alone = tiny.train(tiny.config(fusion="image_only", mixup=0.0, drop_path=0.0, epochs=1), seed=7).fitted
    start = alone.model.state_dict()
    config = on_features(tiny.config(mixup=0.0, rand_augment=9, random_erasing=0.3), 2)
    return start, compute_features(config, tiny.experiment(), start, 7, execution=Execution())


def losses(tiny, start, features, changes):
    """The loss of each of eight steps."""
    from fieldmark.config.canonical import on_features
    from fieldmark.training.classifier.execution import Execution
    from fieldmark.training.frozen.fit import fit_frozen

    trained = tiny.Trained()
    execution = Execution(on_step=trained.on_step, on_step_every=0.0)
    config = on_features(tiny.config(**({"epochs": 2, "mixup": 0.0} | changes)), 2)
    fit_frozen(config, tiny.experiment(), features, 7, start=start, report=trained.report, execution=execution)
    return trained.losses


def sums(features):
    """A number for each view and part."""
    arrays = features.arrays()
    return {name: float(np.abs(rows.astype(np.float64)).mean()) for name, rows in sorted(arrays.items())}


@pytest.fixture(scope="module")
def cached(tiny):
    return made(tiny)


def test_every_version_has_its_own_record():
    assert FrozenConfig.numerics_version == max(GOLDEN), "record this version's losses: see the head of this file"
    assert max(FEATURES) == FEATURES_VERSION, "record this version's features: see the head of this file"


@pytest.mark.usefixtures("one_thread")
def test_the_features_are_those_of_this_version(cached):
    assert sums(cached[1]) == pytest.approx(FEATURES[max(FEATURES)], rel=1e-5)


@pytest.mark.usefixtures("one_thread")
@pytest.mark.parametrize("name", CONFIGS)
def test_the_numbers_are_those_of_this_numerics_version(tiny, cached, name):
    np.testing.assert_allclose(
        losses(tiny, *cached, CONFIGS[name]),
        GOLDEN[max(GOLDEN)][name],
        rtol=1e-6,
        err_msg="the numbers changed: if on purpose, raise numerics_version and record them anew",
    )


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent))
    import classifier_tiny

    found = made(classifier_tiny)
    print(f"FEATURES = {{{FEATURES_VERSION}: {sums(found[1])}}}".replace("'", '"'))
    for config_name, config_changes in CONFIGS.items():
        print(f"        {config_name!r}: {losses(classifier_tiny, *found, config_changes)},".replace("'", '"'))

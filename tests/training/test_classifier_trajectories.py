"""Golden trajectories: a classifier's numbers may change only together with its numerics version.

The version is part of a run's id. If a loss here changes on purpose, raise `ClassifierConfig.numerics_version` by one
and record the new losses under it (`python tests/training/test_classifier_trajectories.py` prints them). If not on
purpose, a change altered what stored runs mean: find it. (A fusion's own code has a version of its own.)
"""

import sys
from pathlib import Path

import numpy as np
import pytest

from fieldmark.config.classifier import ClassifierConfig

CONFIGS = {
    "paper": {},
    "transformer": {
        "fusion": "image_only",
        "optimizer": "adamw",
        "lr": 0.01,
        "weight_decay": 0.05,
        "decay_all": False,
        "schedule": "cosine",
        "smoothing_over": "all",
        "mixup": 0.8,
        "cutmix": 1.0,
        "clip_norm": 1.0,
        "rand_augment": 9,
        "random_erasing": 0.5,
    },
    "constant, place alone": {"schedule": "constant", "warmup_epochs": 0, "date": False, "mixup": 0.0, "bn_batch": 16},
}
GOLDEN = {
    1: {
        "paper": [
            1.8665970687481201,
            1.863393210464909,
            1.6867320212388912,
            1.6857164521973598,
            1.6346276555180774,
            1.7503809006166235,
            1.5767536757761365,
            1.603825102561049,
        ],
        "transformer": [
            1.636424580792693,
            1.6442485310588157,
            1.6407131907938108,
            1.6109496911396946,
            1.606074797269714,
            1.6000546243926352,
            1.5363025048753185,
            1.5459373738365185,
        ],
        "constant, place alone": [
            1.8867561474150671,
            1.618538487173003,
            1.5558073180244723,
            1.806191088992315,
            1.522228244738737,
            1.5095057098978049,
            1.4884643792854768,
            1.3237986571526683,
        ],
    },
}


def losses(tiny, changes):
    """The loss of each of eight steps."""
    return tiny.train(tiny.config(epochs=2, **changes), seed=7).losses


def test_every_version_has_its_own_record():
    assert ClassifierConfig.numerics_version == max(GOLDEN), "record this version's losses: see the head of this file"


@pytest.mark.usefixtures("one_thread")
@pytest.mark.parametrize("name", CONFIGS)
def test_the_numbers_are_those_of_this_numerics_version(tiny, name):
    np.testing.assert_allclose(
        losses(tiny, CONFIGS[name]),
        GOLDEN[max(GOLDEN)][name],
        rtol=1e-6,
        err_msg="the classifier's numbers changed: if on purpose, raise numerics_version and record them anew",
    )


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent))
    import classifier_tiny

    for config_name, config_changes in CONFIGS.items():
        print(f"        {config_name!r}: {losses(classifier_tiny, config_changes)},".replace("'", '"'))

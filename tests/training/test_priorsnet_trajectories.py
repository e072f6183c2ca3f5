"""Golden trajectories: PriorsNet's numbers may change only together with its numerics version.

The version is part of a run's id. If a loss here changes on purpose, raise `PriorsNetConfig.numerics_version` by one
and record the new losses under it (`python tests/training/test_priorsnet_trajectories.py` prints them). If not on
purpose, a change altered what stored runs mean: find it.
"""

import numpy as np
import pytest
import torch

from fieldmark.config import PriorsNetConfig
from fieldmark.data.experiment import ExperimentData, Part
from fieldmark.data.observations import PlaceTime, Split
from fieldmark.training.priorsnet import fit_priorsnet

SMALL = {"width": 24, "blocks": 2, "batch": 32, "lr": 2e-3, "epochs": 3, "images_per_class": 20}
CONFIGS = {
    "exact": {},
    "sampled": {"loss": "sampled", "sampled_categories": 4, "sampled_background": 0.5},
    "photographer": {"photographer": True, "background": "iccv2019", "decay": 0.9},
    "photographer, sampled": {"photographer": True, "loss": "sampled", "sampled_categories": 4},
    "instance-balanced, sphere": {
        "sampler": "IB",
        "images_per_class": None,
        "encoding": "sphere",
        "missing_date": "drop",
    },
    "raw, no date": {"encoding": "raw", "date": False, "background": "degrees", "dropout": 0.2, "positive_weight": 5.0},
    "date alone": {"encoding": "none", "date_convention": "dynamic_mlp"},
}
GOLDEN = {
    1: {
        "exact": [1.9789156873686975, 1.9399544852120536, 1.9090120011017102],
        "sampled": [2.041246782831785, 2.0016737545237824, 1.956698281424386],
        "photographer": [4.670373740316439, 4.6588453405043655, 4.626894526120995],
        "photographer, sampled": [4.767696027996159, 4.638808947651326, 4.634305809726234],
        "instance-balanced, sphere": [1.9931562741597493, 1.946675682067871, 1.9048933029174804],
        "raw, no date": [1.7839375664206112, 1.7173664830312008, 1.6547922086314995],
        "date alone": [2.0690661632653438, 2.0254611776332663, 1.9894478537819602],
    }
}


def records(n=150):
    """Records laid out by formula, so that no generator's version matters."""
    i = np.arange(n)
    category = (np.floor(9 * ((i * 0.618034) % 1) ** 2)).astype(np.int32)
    date = np.datetime64("2020-01-01") + (i * 37) % 366
    where = PlaceTime(
        latitude_N=60 * np.sin(1.3 * i) + 2.0 * category,
        longitude_N=170 * np.sin(0.7 * category + 0.1 * np.cos(i)),
        date_N=np.where(i % 5 == 0, np.datetime64("NaT"), date).astype("datetime64[D]"),
        observer_N=(i * 7 % 11).astype(np.int32),
    )
    part = Part(image_id=i.astype(str), category_N=category, place_time=where)
    return ExperimentData(num_categories=9, parts={Split.TRAIN: part})


def losses(changes):
    """The mean loss of each epoch."""
    curve = []
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        fit_priorsnet(
            PriorsNetConfig(**(SMALL | changes)),
            records(),
            7,
            report=lambda _, metrics: curve.append(metrics["loss"]) or True,
        )
    finally:
        torch.set_num_threads(threads)
    return curve


def test_every_version_has_its_own_record():
    assert PriorsNetConfig.numerics_version == max(GOLDEN), "record this version's losses: see the head of this file"


@pytest.mark.parametrize("name", CONFIGS)
def test_the_numbers_are_those_of_this_numerics_version(name):
    expected = GOLDEN[max(GOLDEN)][name]
    np.testing.assert_allclose(
        losses(CONFIGS[name]),
        expected,
        rtol=1e-5,
        err_msg="PriorsNet's numbers changed: if on purpose, raise numerics_version and record them anew",
    )


if __name__ == "__main__":
    for config_name, config_changes in CONFIGS.items():
        print(f"        {config_name!r}: {losses(config_changes)},".replace("'", '"'))

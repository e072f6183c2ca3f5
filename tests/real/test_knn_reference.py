"""Our neighbours against an independent computation on real records (shared/data/occurrences/knn_reference.csv).

How the reference was made was found by reproducing it: exact repeats (category, place and day) count once; of the
rest, categories with at least 20 records; the place on the unit sphere with the year on a circle of radius `season`
beside it, in the sphere's own unit, as ours; the angle of the year 2 pi day / 365.25, where ours follows the year's
length; and shares (n_c + 2 f_c) / (k + 2), f_c the category's frequency.
"""

import csv
import re

import numpy as np
import pytest

from fieldmark.config import NearestNeighboursConfig
from fieldmark.data.experiment import ExperimentData, Part, experiment_data
from fieldmark.data.observations import Split
from fieldmark.data.open import open_dataset
from fieldmark.models.priors.neighbours import fit_nearest_neighbours
from fieldmark.training.baseline_choice import baseline_configs
from fieldmark.training.evaluation import evaluate
from fieldmark.training.methods import fit
from fieldmark.training.metrics import metrics

pytestmark = pytest.mark.slow

NAMES = ("west_namerica_butterflies", "uk_citsci_anonymous", "finland_mlk_birdsound_10k")


def reference(shared, name) -> dict[str, str]:
    with (shared / "data/occurrences/knn_reference.csv").open() as file:
        return next(row for row in csv.DictReader(file) if row["dataset"] == name)


def experiment(shared, name) -> ExperimentData:
    return experiment_data(open_dataset(f"occurrences:{shared}/data/occurrences/{name}.csv.gz"))


def as_the_reference(data: ExperimentData) -> ExperimentData:
    """Without exact repeats, and without the categories that then have fewer than 20 records."""
    everything = [data.parts[split] for split in (Split.TRAIN, Split.TUNE, Split.TEST)]
    fields = [
        np.concatenate([getattr(part.place_time, name) for part in everything])
        for name in ("latitude_N", "longitude_N", "date_N")
    ]
    category_N = np.concatenate([part.category_N for part in everything])
    keys = np.column_stack([np.unique(field, return_inverse=True)[1] for field in [*fields, category_N]])
    _, first = np.unique(keys, axis=0, return_index=True)
    enough_C = np.bincount(category_N[first], minlength=data.num_categories) >= 20
    once_N = np.isin(np.arange(len(category_N)), first) & enough_C[category_N]
    renamed_C = np.cumsum(enough_C) - 1

    def kept(part: Part, once: np.ndarray) -> Part:
        rows = np.flatnonzero(once)
        return Part(
            image_id=part.image_id[rows],
            category_N=renamed_C[part.category_N[rows]].astype(np.int32),
            place_time=part.place_time.take(rows),
        )

    pieces = np.split(once_N, np.cumsum([len(part) for part in everything])[:-1])
    parts = [kept(part, once) for part, once in zip(everything, pieces, strict=True)]
    splits = (Split.TRAIN, Split.TUNE, Split.TEST)
    return ExperimentData(num_categories=int(enough_C.sum()), parts=dict(zip(splits, parts, strict=True)))


def angle_of_the_reference(date_N: np.ndarray) -> np.ndarray:
    day_N = (date_N - date_N.astype("datetime64[Y]").astype("datetime64[D]")).astype(float) + 1
    return 2 * np.pi * day_N / 365.25


@pytest.mark.parametrize("name", NAMES)
def test_the_reference_is_reproduced(shared, name, monkeypatch):
    monkeypatch.setattr("fieldmark.models.priors.places.year_angle", angle_of_the_reference)
    row = reference(shared, name)
    data = as_the_reference(experiment(shared, name))
    train, test = data.parts[Split.TRAIN], data.parts[Split.TEST]
    assert (len(train), len(test)) == (int(row["train"]), int(row["test"]))
    assert data.num_categories == int(row["species"])

    k, season = re.fullmatch(r"k=(\d+),season=([\d.]+)", row["loc+date_setting"]).groups()
    prior = fit_nearest_neighbours(NearestNeighboursConfig(k=int(k), season=float(season)), train, data.num_categories)
    labels_NK = prior.neighbour_labels(test.place_time)
    shares_NC = np.stack([np.bincount(labels, minlength=data.num_categories) for labels in labels_NK])
    shares_NC = (shares_NC + 2 * prior.training_class_prior_C) / (int(k) + 2)
    found = metrics(shares_NC, test.category_N).metrics()

    print(f"{name}: top1 {found['top1']:.4f} ({row['loc+date_top1']}), log-loss {found['log_loss']:.4f}")
    assert found["top1"] == pytest.approx(float(row["loc+date_top1"]), abs=1e-4)
    assert found["top5"] == pytest.approx(float(row["loc+date_top5"]), abs=1e-4)
    assert found["log_loss"] == pytest.approx(float(row["loc+date_logloss"]), abs=1e-4)


@pytest.mark.parametrize("name", NAMES)
def test_the_neighbours_baseline_meets_the_reference(shared, name):
    row = reference(shared, name)
    data = as_the_reference(experiment(shared, name))
    (config,) = [one for one in baseline_configs(data, False) if one.method == "nearest_neighbours"]

    prior = fit(config, data, 0, report=lambda *_: True)
    (found,) = [one for one in evaluate(prior, data) if (one.split, one.score) == ("test", "prior_calibrated")]

    print(f"{name}: {config} top1 {found.metrics['top1']:.4f}, log-loss {found.metrics['log_loss']:.4f}")
    assert found.metrics["log_loss"] < float(row["freq_logloss"])
    assert found.metrics["log_loss"] < float(row["loc+date_logloss"]) + 0.01
    assert found.metrics["top1"] > float(row["loc+date_top1"]) - 0.01

"""Real photographs, no places: two Ray Train workers against a linear classifier on colour histograms (slow)."""

import csv
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

Evidence = Callable[[str, str, dict[str, Any]], None]

BINS = 8
WELL_ABOVE = 0.08
FLAGS = "--backbone resnet10t --epochs 40 --workers 2"


def histogram(path: Path) -> NDArray[np.float64]:
    """Returns the square roots of the shares of 8 x 8 x 8 colours (512)."""
    pixels_HW3 = np.asarray(Image.open(path).convert("RGB")).astype(int) // (256 // BINS)
    colour_HW = (pixels_HW3[..., 0] * BINS + pixels_HW3[..., 1]) * BINS + pixels_HW3[..., 2]
    count_K = np.bincount(colour_HW.ravel(), minlength=BINS**3)
    share_K: NDArray[np.float64] = np.sqrt(count_K / count_K.sum())
    return share_K


def linear_classifier(folder: Path) -> dict[str, float]:
    """Returns val and test accuracy of logistic regression on colour histograms, its strength chosen on val."""
    from sklearn.linear_model import LogisticRegression

    with (folder / "split.csv").open() as file:
        rows = list(csv.DictReader(file))
    colour_NK = np.array([histogram(folder / row["file"]) for row in rows])
    label_N, part_N = (np.array([row[name] for row in rows]) for name in ("class", "split"))
    of = {name: part_N == name for name in ("train", "val", "test")}
    found = []
    for strength in (1, 10, 100):
        model = LogisticRegression(C=strength, max_iter=300).fit(colour_NK[of["train"]], label_N[of["train"]])
        found.append({name: float(model.score(colour_NK[of[name]], label_N[of[name]])) for name in ("val", "test")})
    return max(found, key=lambda scores: scores["val"])


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_photographs_of_81_kinds_of_groceries(root: Path, shared: Path, write_evidence: Evidence) -> None:
    folder = shared / "data" / "images" / "grocery81"
    state = root / ".slow-state" / "grocery"
    state.mkdir(parents=True, exist_ok=True)
    job = [sys.executable, str(root / "jobs" / "train_dynamic_mlp.py"), "--data", f"folder:{folder}", *FLAGS.split()]
    done = subprocess.run([*job, "--store", "runs", "--json"], cwd=state, stdout=subprocess.PIPE, text=True, check=True)
    found = json.loads(done.stdout)
    linear = linear_classifier(folder)
    accuracy = found["run"]["metrics"]["test"]["top1"]
    assert accuracy > linear["test"] + WELL_ABOVE
    assert all((state / path).stat().st_size > 0 for path in found["figures"].values())
    write_evidence(
        "grocery81",
        f"python jobs/train_dynamic_mlp.py --data folder:../shared/data/images/grocery81 {FLAGS}",
        {"run": found["run"], "images": found["images"], "bad_images": found["bad_images"], "histograms": linear},
    )

"""Whether cheap trials on a frozen backbone rank the published fusions as full training does (slow; resumed).

Both are sweeps of fusions on the world, in one store: the folder that FIELDMARK_IMAGE_SWEEPS names, or .slow-state's.
"""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from fieldmark.search.ledger import evaluation_id
from fieldmark.store import Store

SWEEP = "jobs/sweep_fusion.py --data world --trials 0 --seeds 2"
FUSIONS = 8
"""So many fusions at least must be ranked, for a correlation to say anything."""
RESAMPLES = 2000

Hits = NDArray[np.float64]


@pytest.mark.slow
@pytest.mark.timeout(7200)
def test_the_frozen_mode_ranks_fusions_as_full_training_does(
    root: Path, write_evidence: Callable[[str, str, dict[str, Any]], None]
) -> None:
    folder = Path(os.environ.get("FIELDMARK_IMAGE_SWEEPS", root / ".slow-state" / "image_sweeps"))
    folder.mkdir(parents=True, exist_ok=True)
    full, frozen = (_published(root, folder, flags) for flags in ([], ["--frozen"]))
    fusions = sorted(full.keys() & frozen.keys())
    assert len(fusions) >= FUSIONS
    store = Store.open(str(folder / "sweep_fusion"), create=False)
    figures = _figures(store, fusions, full, frozen)
    assert all(row["frozen_test_top1"][0] > figures["image_only_test_top1"] for row in figures["fusions"])
    assert figures["times_fewer_seconds"] > 1
    write_evidence("frozen_ranking", f"python {SWEEP}, and with --frozen", figures)
    low, high = figures["kendall_tau"]["interval_95"]
    assert -1 <= low <= figures["kendall_tau"]["of_the_means"] <= high <= 1


def _published(root: Path, folder: Path, flags: list[str]) -> dict[str, dict[str, Any]]:
    """Returns the published settings of a sweep, by fusion; image-only's is called so."""
    job, *words = SWEEP.split()
    command = [sys.executable, str(root / job), *words, *flags, "--store", "sweep_fusion", "--json"]
    done = subprocess.run(command, cwd=folder, stdout=subprocess.PIPE, text=True, check=True)
    settings = json.loads(done.stdout)["settings"]
    kept = [one for one in settings if one["role"] in ("published", "baseline")]
    return {one["params"].get("fusion", "image_only"): one for one in kept}


def _figures(
    store: Store, fusions: list[str], full: dict[str, dict[str, Any]], frozen: dict[str, dict[str, Any]]
) -> dict[str, Any]:
    """Returns the accuracies of both ways, how alike they rank, and what they cost."""
    fusions = [name for name in fusions if name != "image_only"]
    hits = [_hits(store, [ways[name]["run_ids"] for name in fusions]) for ways in (full, frozen)]
    full_FS, frozen_FS = (hits_FSN.mean(axis=2) for hits_FSN in hits)
    taus = _bootstrapped(*hits)
    seconds = [_processor_seconds(store, [ways[name]["run_ids"] for name in fusions]) for ways in (full, frozen)]
    return {
        "resolution": 32,
        "seeds": full_FS.shape[1],
        "image_only_test_top1": full["image_only"]["measured"]["test"],
        "fusions": [
            {
                "fusion": fusion,
                "full_test_top1": [float(value) for value in full_FS[row]],
                "frozen_test_top1": [float(value) for value in frozen_FS[row]],
            }
            for row, fusion in enumerate(fusions)
        ],
        "kendall_tau": {
            "of_the_means": kendall_tau(full_FS.mean(axis=1), frozen_FS.mean(axis=1)),
            "interval_95": [float(value) for value in np.quantile(taus, [0.025, 0.975])],
            "median": float(np.median(taus)),
            "resamples": f"{RESAMPLES} of seeds, each way by itself, and of test pictures, the same for all",
        },
        "processor_seconds_a_trial": {"full": seconds[0], "frozen": seconds[1]},
        "times_fewer_seconds": seconds[0] / seconds[1],
    }


def _processor_seconds(store: Store, runs: list[list[str]]) -> float:
    """Returns the mean over the runs, evaluation included; a busy machine does not lengthen it."""
    return float(np.mean([store.run(run_id).cost.cpu_seconds for row in runs for run_id in row]))


def _hits(store: Store, runs: list[list[str]]) -> Hits:
    """Returns how often each test picture is named rightly: (fusions, seeds, pictures)."""
    found = []
    for row in runs:
        tables = [store.predictions(evaluation_id(run_id, "test", "joint")) for run_id in row]
        assert all(table is not None for table in tables)
        found.append([table.sort_by("image_id")["hit1"].to_numpy() for table in tables if table is not None])
    return np.array(found, np.float64)


def _bootstrapped(full_FSN: Hits, frozen_FSN: Hits) -> list[float]:
    """Returns Kendall's tau under other draws of seeds (of each way by itself) and of test pictures (of both)."""
    rng = np.random.default_rng(0)
    _, seeds, pictures = full_FSN.shape
    taus = []
    for _ in range(RESAMPLES):
        weight_N = rng.multinomial(pictures, np.full(pictures, 1 / pictures)) / pictures
        means = []
        for hits_FSN in (full_FSN, frozen_FSN):
            drawn_S = rng.integers(0, seeds, seeds)
            means.append((hits_FSN[:, drawn_S] @ weight_N).mean(axis=1))
        taus.append(kendall_tau(*means))
    return taus


def kendall_tau(first_F: Hits, second_F: Hits) -> float:
    """Returns tau-b: pairs in the same order less pairs in the other, ties taken out of either's pairs."""
    a, b = (np.sign(one[:, None] - one[None, :]) for one in (first_F, second_F))
    scale = np.sqrt((a**2).sum() * (b**2).sum())
    return float((a * b).sum() / scale) if scale else 0.0


def test_tau_is_scipys() -> None:
    from scipy.stats import kendalltau

    rng = np.random.default_rng(1)
    for _ in range(20):
        first, second = rng.integers(0, 4, 7).astype(float), rng.integers(0, 4, 7).astype(float)
        assert kendall_tau(first, second) == pytest.approx(kendalltau(first, second).statistic)
    assert kendall_tau(np.arange(5.0), np.arange(5.0)) == 1 and kendall_tau(np.arange(5.0), -np.arange(5.0)) == -1

"""Whether cheap trials on a frozen backbone rank fusions as full training does, on the world (slow; resumed).

The store is the folder that FIELDMARK_FROZEN_RANKING names, or .slow-state/frozen_ranking: a test that was cut off goes
on there. FIELDMARK_FROZEN_RANKING_FUSIONS and _SEEDS make it smaller for a trial; evidence is then not written.
"""

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from fieldmark.search.ledger import evaluation_id
from fieldmark.search.training.options import train_options
from fieldmark.search.training.result import TrainResult
from fieldmark.search.training.train import train_classifier
from fieldmark.store import Store

DATA = "world:mark_resolution=24"
FUSIONS = {
    "dynamic_mlp_a": (),
    "dynamic_mlp_b": (),
    "dynamic_mlp_c": (),
    "concat_net": (),
    "add_dagger": (),
    "multiply_star": (),
    "geonet_modulate_film": ("where=pooled",),
}
SMALL = {"d": 32, "h": 8}
SEEDS = 3
EPOCHS = 8
RESAMPLES = 2000
VARIABLE = "FIELDMARK_FROZEN_RANKING"

Hits = NDArray[np.float64]


@pytest.mark.slow
@pytest.mark.timeout(7200)
def test_the_frozen_mode_ranks_fusions_as_full_training_does(
    root: Path, write_evidence: Callable[[str, str, dict[str, Any]], None]
) -> None:
    folder = Path(os.environ.get(VARIABLE) or root / ".slow-state" / "frozen_ranking")
    count = int(os.environ.get(f"{VARIABLE}_FUSIONS", len(FUSIONS)))
    seeds = int(os.environ.get(f"{VARIABLE}_SEEDS", SEEDS))
    fusions = list(FUSIONS)[:count]
    results = {
        frozen: [[_trained(folder, fusion, seed, frozen=frozen) for seed in range(seeds)] for fusion in fusions]
        for frozen in (False, True)
    }
    figures = _figures(Store.open(str(folder / "runs")), fusions, results)
    gains = [row["gain_over_image_only"] for row in figures["fusions"]]
    assert all(gain > 0 for gain in gains), "on features, too, place and date help every fusion"
    assert figures["times_fewer_seconds"] > 1
    if (count, seeds) != (len(FUSIONS), SEEDS):
        print(figures)
        return
    write_evidence("frozen_ranking", f"pytest -m slow tests/cluster/{Path(__file__).name}", figures)
    low, high = figures["kendall_tau"]["interval_95"]
    assert -1 <= low <= figures["kendall_tau"]["of_the_means"] <= high <= 1


def _trained(folder: Path, fusion: str, seed: int, *, frozen: bool) -> TrainResult:
    """Trains, or says again what is recorded; the image-only run has eight epochs in either case."""
    settings = [f"{name}={value}" for name, value in SMALL.items() if fusion.startswith(("dynamic", "add"))]
    settings += ["d=32"] if fusion.endswith("star") else FUSIONS[fusion]
    flags: dict[str, Any] = {
        "data": DATA,
        "store": str(folder / "runs"),
        "cache": str(folder / "pictures"),
        "resolution": 28,
        "seed": seed,
        "threads": 1,
        "changes": ("location_width=32", "date=true"),
        "fusion": fusion,
        "fusion_settings": tuple(settings),
    }
    if frozen:
        alone = train_classifier(train_options(**(flags | {"epochs": EPOCHS, "reference": True})))
        assert isinstance(alone, TrainResult) and alone.image_only is not None
        flags |= {"frozen": True, "start_from": alone.image_only.run_id}
    else:
        flags |= {"epochs": EPOCHS, "reference": True}
    found = train_classifier(train_options(**flags))
    assert isinstance(found, TrainResult)
    return found


def _figures(store: Store, fusions: list[str], results: Mapping[bool, list[list[TrainResult]]]) -> dict[str, Any]:
    """Returns the accuracies of both ways, how alike they rank, and what they cost."""
    hits = {frozen: _hits(store, rows) for frozen, rows in results.items()}
    full_FS, frozen_FS = (hits[frozen].mean(axis=2) for frozen in (False, True))
    taus = _bootstrapped(hits[False], hits[True])
    alone_S = np.array([one.image_only.metrics["test"]["top1"] for one in results[True][0] if one.image_only])
    seconds = {frozen: _processor_seconds(store, rows) for frozen, rows in results.items()}
    cache = [one.frozen.cache_seconds for one in results[True][0] if one.frozen]
    return {
        "data": DATA,
        "resolution": 28,
        "seeds": full_FS.shape[1],
        "epochs": {"full": EPOCHS, "frozen": results[True][0][0].run.epochs},
        "image_only_test_top1": float(alone_S.mean()),
        "fusions": [
            {
                "fusion": fusion,
                "full_test_top1": [float(value) for value in full_FS[row]],
                "frozen_test_top1": [float(value) for value in frozen_FS[row]],
                "gain_over_image_only": float(frozen_FS[row].mean() - alone_S.mean()),
            }
            for row, fusion in enumerate(fusions)
        ],
        "kendall_tau": {
            "of_the_means": kendall_tau(full_FS.mean(axis=1), frozen_FS.mean(axis=1)),
            "interval_95": [float(value) for value in np.quantile(taus, [0.025, 0.975])],
            "median": float(np.median(taus)),
            "resamples": f"{RESAMPLES} of seeds, each way by itself, and of test pictures, the same for all",
        },
        "frozen_train_top1": [one.frozen.train_top1 for one in results[True][0] if one.frozen],
        "processor_seconds_a_trial": {"full": seconds[False], "frozen": seconds[True]},
        "times_fewer_seconds": seconds[False] / seconds[True],
        "cache_seconds": cache,
    }


def _processor_seconds(store: Store, rows: list[list[TrainResult]]) -> float:
    """Returns the mean over the runs, evaluation included; a busy machine does not lengthen it."""
    return float(np.mean([store.run(one.run.run_id).cost.cpu_seconds for row in rows for one in row]))


def _hits(store: Store, rows: list[list[TrainResult]]) -> Hits:
    """Returns how often each test picture is named rightly: (fusions, seeds, pictures)."""
    found = []
    for row in rows:
        tables = [store.predictions(evaluation_id(one.run.run_id, "test", "joint")) for one in row]
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

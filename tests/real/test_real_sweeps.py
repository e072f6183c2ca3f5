"""The sweep on real records, end to end on local Ray (slow; resumed by the same command, as for a user)."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Evidence = Callable[[str, str, dict[str, Any]], None]

SWEEPS = {
    "butterflies": ("occurrences:{}/data/occurrences/west_namerica_butterflies.csv.gz", "--trials 12 --seeds 2"),
    "uk": ("occurrences:{}/data/occurrences/uk_citsci_anonymous.csv.gz", "--trials 12 --seeds 2"),
    "yfcc": (
        "yfcc_inat2017:{}/data/yfcc/yfcc100m_geolocated_inat2017species.csv.zip",
        "--loss sampled --trials 4 --seeds 1",
    ),
}


def _run(command: list[str], cwd: Path) -> Any:
    done = subprocess.run(command, cwd=cwd, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout)


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("name", SWEEPS)
def test_a_sweep_on_real_records(name: str, root: Path, shared: Path, write_evidence: Evidence) -> None:
    data, flags = SWEEPS[name]
    store = root / ".slow-state" / "real" / name
    store.parent.mkdir(parents=True, exist_ok=True)
    job = [sys.executable, str(root / "jobs" / "sweep_priorsnet.py"), "--data", data.format(shared), *flags.split()]
    job += ["--store", str(store), "--json"]
    _run(job, store.parent)
    again = _run(job, store.parent)
    assert (again["new_runs"], again["failed_runs"]) == (0, 0)
    assert again["done_runs"] == again["planned_runs"]
    assert {"class_frequency", "nearest_neighbours"} <= set(again["baselines"])
    assert all(0 <= value <= 1 for value in (again["best"]["metrics"]["top1"], again["best"]["metrics"]["mrr"]))
    if name == "yfcc":
        assert again["best_exact"]["n"] >= 1
    write_evidence(
        f"real_{name}",
        f"python jobs/sweep_priorsnet.py --data {data.format('../shared')} {flags}",
        {
            "dataset": again["dataset"],
            "objective": again["objective"],
            "runs": again["done_runs"],
            "best": again["best"],
            "best_exact": again["best_exact"],
            "baselines": again["baselines"],
            "cpu_seconds": _cpu_seconds(store),
        },
    )


def _cpu_seconds(store: Path) -> float:
    from fieldmark.store import Store

    return round(sum(Store.open(str(store), create=False).runs(columns=["cpu_seconds"])["cpu_seconds"].to_pylist()), 1)

"""The benchmark runs and its query sees what was stored."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = Path(__file__).parents[2] / "benchmarks" / "store.py"


@pytest.mark.slow
def test_the_benchmark_reports_what_it_stored():
    command = [sys.executable, str(PROGRAM), "--runs", "2000", "--new", "50", "--json"]
    figures = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    assert figures["machine"]["cores"] >= 1 and figures["stored_runs"] == 2000
    assert figures["table_s2"]["rows"] == 46  # nine settings of five seeds, and image-only
    assert figures["query_of_every_row"]["rows"] == 2000 + 4 * 51  # and the starred row's, on four data sets
    assert figures["sync_records"] == 55 and figures["commit_per_s"] > 0


def test_the_store_is_imported_without_anything_heavy():
    heavy = {"torch", "ray", "mlflow", "optuna", "matplotlib", "sklearn", "pandas", "scipy"}
    ours = "fieldmark.store.lease, fieldmark.store.mirrors.mlflow, fieldmark.store.mirrors.journal"
    program = f"import sys, {ours}; print({heavy} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"

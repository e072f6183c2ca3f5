"""A dry run is quick and light, and writes nothing."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = """
import json, sys
from fieldmark.search.options import sweep_options
from fieldmark.search.sweep import sweep_priorsnet
dry = sweep_priorsnet(sweep_options(dry_run=True, **json.loads(sys.argv[1])))
heavy = [name for name in ("torch", "ray", "mlflow", "sklearn", "matplotlib") if name in sys.modules]
print(json.dumps({"dry": dry.model_dump(mode="json"), "text": dry.text(), "heavy": heavy}))
"""


def dry_run(**flags: object) -> dict[str, object]:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, json.dumps(flags)], capture_output=True, text=True, check=True
    )
    found: dict[str, object] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize("data", ["world", "records"])
def test_it_imports_neither_torch_nor_ray_takes_under_three_seconds_and_writes_nothing(
    data: str, records: Path, tmp_path: Path
) -> None:
    before = os.times()
    store = tmp_path / "runs"
    found = dry_run(data="world" if data == "world" else f"table:{records}", store=str(store))
    after = os.times()
    assert found["heavy"] == []
    # Processor time, so that a busy machine does not fail the test.
    assert after.children_user + after.children_system - before.children_user - before.children_system < 3
    assert not store.exists()
    dry = found["dry"]
    assert dry["seconds"] is None
    assert "unknown" in found["text"]
    assert (dry["trials"], dry["done"]) == (8, 0)
    rows = {row for group in dry["groups"] for row in group["serves"]}
    assert {f"S2:{row}" for row in range(1, 10)} <= rows
    assert ("S2:10" in rows) == (data == "world"), "the world has a superset"
    assert any("baselines" in note for note in dry["notes"])

"""A dry run is quick and light, writes nothing, and knows what is done."""

import json
import os
import subprocess
import sys

import pytest

from fieldmark.search.training.dryrun import TrainDryRun
from fieldmark.search.training.options import train_options
from fieldmark.search.training.plan import build_plan
from fieldmark.search.training.train import train_classifier
from fieldmark.store import Cost, RunRecord, Store

PROGRAM = """
import json, sys
from fieldmark.search.training.options import train_options
from fieldmark.search.training.train import train_classifier
dry = train_classifier(train_options(dry_run=True, **json.loads(sys.argv[1])))
heavy = [name for name in ("torch", "torchvision", "ray", "mlflow", "sklearn", "matplotlib") if name in sys.modules]
print(json.dumps({"dry": dry.model_dump(mode="json"), "text": dry.text(), "heavy": heavy}))
"""
WORLD = "world:species=6,group_size=2,per_category=16,val_per_category=6,test_per_category=8,full=2"


def test_it_imports_neither_torch_nor_ray_takes_under_three_seconds_and_writes_nothing(tmp_path):
    flags = json.dumps({"store": str(tmp_path / "runs"), "workers": "2"})
    before = os.times()
    done = subprocess.run([sys.executable, "-c", PROGRAM, flags], capture_output=True, text=True, check=True)
    after = os.times()
    found = json.loads(done.stdout)
    assert found["heavy"] == []
    # Processor time, so that a busy machine does not fail the test.
    assert after.children_user + after.children_system - before.children_user - before.children_system < 3
    assert not (tmp_path / "runs").exists()
    dry = found["dry"]
    assert (dry["images"], dry["seconds"], dry["workers"]) == ({"train": 3000, "tune": 600, "test": 2700}, None, [2])
    assert [run["steps"] for run in dry["runs"]] == [920, 920] and not any(run["done"] for run in dry["runs"])
    assert dry["pack_bytes"] == 6300 * 3 * 64 * 64
    assert "unknown" in found["text"] and dry["run_id"] in found["text"]


def dry(store, **flags):
    found = train_classifier(train_options(data=WORLD, store=store, batch=32, dry_run=True, **flags))
    assert isinstance(found, TrainDryRun)
    return found


def test_time_and_checkpoints_are_those_of_stored_runs(tmp_path):
    from fieldmark.data.open import open_dataset
    from fieldmark.search.training.facts import train_facts

    store = Store.open(str(tmp_path / "runs"))
    facts = train_facts(open_dataset(WORLD), WORLD)
    plan = build_plan(train_options(data=WORLD, batch=32, epochs=4), facts, store)
    store.put_card(facts.card)
    for task in plan.runs:
        record = RunRecord(
            run_id=task.run_id,
            spec=task.spec,
            scale=task.scale,
            status="completed",
            epochs=4,
            parameters=1000,
            cost=Cost(seconds=40),
        )
        store.commit_run(record)
    same, longer = dry(store.url, epochs=4), dry(store.url, epochs=8)
    assert [run.done for run in same.runs] == [True, True] and same.seconds == 0
    assert longer.seconds == pytest.approx(2 * 80)
    assert [run.checkpoint_bytes for run in longer.runs] == [12_000, 12_000]
    assert dry(store.url, resolution=32).seconds is None, "another resolution takes another time"


def test_a_frozen_fusion_names_the_run_it_starts_from(tmp_path):
    found = dry(str(tmp_path / "runs"), fusion="geonet_post_add", reference=False)
    assert len(found.runs) == 2 and any("starts from" in note for note in found.notes)

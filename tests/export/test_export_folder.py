"""An export holds all that a model needs, is whole or absent, and says what it is."""

import datetime
import hashlib
import json
import math
import os
import re
import signal
import subprocess
import sys
import textwrap

import numpy as np
import pytest
import timm
from hypothesis import given
from hypothesis import strategies as st

from fieldmark.config import ClassifierConfig
from fieldmark.data.observations import PlaceTime
from fieldmark.errors import UserError
from fieldmark.export.folder import export_run
from fieldmark.export.preprocessing import Preprocessing
from fieldmark.models.metadata import encode_metadata
from fieldmark.store import Store
from fieldmark.testing.trained_run import record_trained_run


def test_what_is_in_it(made):
    folder, run_id = made
    export = folder / "export"
    assert {path.name for path in export.iterdir()} == {
        "weights.safetensors",
        "categories.json",
        "preprocessing.json",
        "configuration.json",
        "README.md",
    }
    store = Store.open(str(folder / "runs"))
    record = store.run(run_id)
    assert (export / "weights.safetensors").read_bytes() == store.weights(run_id)
    assert tuple(json.loads((export / "categories.json").read_text())) == store.categories(record.spec.fingerprint)
    assert json.loads((export / "configuration.json").read_text())["spec"] == record.spec.model_dump(mode="json")
    inputs = json.loads((export / "preprocessing.json").read_text())
    assert (inputs["resolution"], inputs["center_share"]) == (32, 1.0), "the world's pictures are seen whole"
    assert inputs["feature_order"][:3] == ["sin(pi y)", "sin(pi x)", "sin(pi d)"]
    assert "exactly this resolution" in inputs["center_share_reason"]
    assert (inputs["mean"], inputs["std"]) == ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])


def test_pretrained_weights_and_the_pixels_that_they_want_are_told(tmp_path, monkeypatch):
    create = timm.create_model
    monkeypatch.setattr(timm, "create_model", lambda *a, **k: create(*a, **{**k, "pretrained": False}))  # no network
    store = Store.open("memory://")
    run_id = record_trained_run(store, weights="timm:test_resnet.r160_in1k", normalisation="half")
    export = export_run(store, run_id, tmp_path / "export")
    inputs = json.loads((export / "preprocessing.json").read_text())
    assert (inputs["mean"], inputs["std"]) == ([0.5] * 3, [0.5] * 3)
    assert "timm's pretrained weights test_resnet.r160_in1k" in (export / "README.md").read_text()


@given(
    st.floats(-90, 90),
    st.floats(-180, 180),
    st.dates(datetime.date(1900, 1, 1), datetime.date(2100, 12, 31)),
    st.sampled_from(["wrap", "sphere", "none"]),
    st.sampled_from(["dynamic_mlp", "priorsnet"]),
    st.sampled_from(["dynamic_mlp", "priorsnet"]),
)
def test_the_metadata_can_be_made_from_the_file_alone(latitude, longitude, date, encoding, order, convention):
    config = ClassifierConfig(encoding=encoding, feature_order=order, date_convention=convention)
    inputs = json.loads(Preprocessing.of(config, center_share=0.875).model_dump_json())
    assert inputs["center_share_reason"].startswith("the share of configuration.json")
    told = inputs["variables"]
    known = {"latitude": latitude, "longitude": longitude}
    if told["day"].startswith("day of the year"):
        known |= {"day": date.timetuple().tm_yday, "days": datetime.date(date.year, 12, 31).timetuple().tm_yday}
    else:
        before = datetime.date(2018, date.month, 1).timetuple().tm_yday - 1
        known |= {"day": date.day, "before": before}
    values = {name: eval(told[name], {}, known) for name in ("x", "y", "d") if name in told}
    spelled = [re.sub(r"pi (\w)", r"pi * \1", one).replace(") cos", ") * cos") for one in inputs["feature_order"]]
    found = [eval(one, {"sin": math.sin, "cos": math.cos, "pi": math.pi}, values) for one in spelled]
    where = PlaceTime(
        latitude_N=np.array([latitude]),
        longitude_N=np.array([longitude]),
        date_N=np.array([date], "datetime64[D]"),
        observer_N=np.array([-1], np.int32),
    )
    np.testing.assert_allclose(found, encode_metadata(where, config)[0], atol=1e-12)


def test_the_card_tells_figures_and_limits(made):
    folder, run_id = made
    card = (folder / "export" / "README.md").read_text()
    store = Store.open(str(folder / "runs"))
    (test,) = [one for one in store.evaluation_records() if one.split == "test"]
    assert f"{100 * test.metrics['top1']:.2f} %" in card and f"{test.n:,} test pictures" in card
    assert f"{store.run(run_id).parameters:,} trainable parameters, 1,000,000 multiply-adds" in card
    assert "comparable with no published number" in card and "licence of the training pictures" in card
    assert "top-10" not in card, "of six categories every one is among the first ten"
    for part in ("world-mini", "official:0", "one seed", "not\ncalibrated", "24 train", "fieldmark predict"):
        assert part in card, part


def test_it_is_not_overwritten_unless_asked_and_nothing_else_ever_is(made, tmp_path):
    store = Store.open(str(made[0] / "runs"))
    target = tmp_path / "export"
    export_run(store, made[1][:8], target)
    (target / "README.md").write_text("mine")
    with pytest.raises(UserError, match="--force"):
        export_run(store, made[1], target)
    assert (target / "README.md").read_text() == "mine"
    export_run(store, made[1], target, force=True)
    assert (target / "README.md").read_text() != "mine"
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "letter").write_text("dear")
    with pytest.raises(UserError, match="no export"):
        export_run(store, made[1], tmp_path / "home", force=True)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["export", "home"], "drafts were left"


KILLED = """
import os, pathlib, signal, sys
from fieldmark.export.folder import export_run
from fieldmark.store import Store
wanted, count = int(sys.argv[4]), 0
def dying(write):
    def call(*arguments, **named):
        global count
        done = write(*arguments, **named)
        count += 1
        if count == wanted:
            os.kill(os.getpid(), signal.SIGKILL)
        return done
    return call
pathlib.Path.write_bytes = dying(pathlib.Path.write_bytes)
os.rename = dying(os.rename)
export_run(Store.open(sys.argv[1]), sys.argv[2], pathlib.Path(sys.argv[3]))
"""


@pytest.mark.parametrize("write", [1, 5, 6])
def test_killed_after_any_write_it_is_absent_or_whole(made, tmp_path, write):
    """Writes one to five are the files, the sixth is the rename."""
    target = tmp_path / "export"
    command = [sys.executable, "-c", textwrap.dedent(KILLED), str(made[0] / "runs"), made[1], str(target), str(write)]
    assert subprocess.run(command, env=os.environ, check=False).returncode == -signal.SIGKILL
    assert target.exists() == (write == 6)
    if target.exists():
        described = json.loads((target / "configuration.json").read_text())
        weights = (target / "weights.safetensors").read_bytes()
        assert hashlib.sha256(weights).hexdigest() == described["weights_sha256"]
        assert len(list(target.iterdir())) == 5
    else:
        export_run(Store.open(str(made[0] / "runs")), made[1], target)  # what was left behind is in nobody's way


def test_what_cannot_be_exported_is_said(tmp_path):
    store = Store.open(str(tmp_path / "runs"))
    with pytest.raises(UserError, match="no trained classifier"):
        export_run(store, "abc", tmp_path / "export")
    first, second = record_trained_run(store), record_trained_run(store, seed=1)
    with pytest.raises(UserError, match="2 trained classifiers"):
        export_run(store, "", tmp_path / "export")
    store.retract(first, "wrong labels")
    with pytest.raises(UserError, match="retracted: wrong labels"):
        export_run(store, first, tmp_path / "export")
    (tmp_path / "runs" / "weights" / f"{second}.safetensors").unlink()
    with pytest.raises(UserError, match="no weights"):
        export_run(store, second, tmp_path / "export")
    assert not (tmp_path / "export").exists()


def test_categories_that_were_not_kept_are_read_from_the_data_again(tmp_path):
    store = Store.open(str(tmp_path / "runs"))
    run_id = record_trained_run(store)
    (kept,) = (tmp_path / "runs" / "categories").iterdir()
    names = json.loads(kept.read_text())
    kept.unlink()
    export = export_run(store, run_id, tmp_path / "export")
    assert json.loads((export / "categories.json").read_text()) == names

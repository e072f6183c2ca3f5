"""`fieldmark evaluate` verifies what was recorded, and records other resolutions as views that no table mixes in."""

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from fieldmark.cli.main import run
from fieldmark.config import ClassifierConfig, digest
from fieldmark.store import Store, Trial
from fieldmark.store.flat import EVALUATIONS
from fieldmark.testing.store import sample_evaluation, sample_run
from fieldmark.testing.trained_run import record_trained_run


@pytest.fixture
def recorded(tmp_path: Path) -> tuple[Store, str]:
    store = Store.open(str(tmp_path / "runs"))
    return store, record_trained_run(store, sharpness=100.0)


def _evaluate(recorded: tuple[Store, str], *tokens: str) -> int:
    return run(["evaluate", recorded[1][:8], "--store", recorded[0].url, *tokens])


def test_it_verifies_and_writes_nothing(
    recorded: tuple[Store, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = sorted(str(path) for path in (tmp_path / "runs").rglob("*"))
    assert _evaluate(recorded, "--split", "both", "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert {one["split"] for one in found} == {"tune", "test"}
    for one in found:
        assert one["equal"] is True and one["new"] is False and one["view"] == ""
        assert one["now"]["top1"] == one["recorded"]["top1"]
        assert one["now"]["log_loss"] == pytest.approx(one["recorded"]["log_loss"], rel=1e-6)
    assert sorted(str(path) for path in (tmp_path / "runs").rglob("*")) == before
    assert _evaluate(recorded) == 0
    shown = capsys.readouterr().out
    assert "equal to what was recorded" in shown and "tune" not in shown


def test_weights_that_are_not_the_runs_are_found_out(
    recorded: tuple[Store, str], capsys: pytest.CaptureFixture[str]
) -> None:
    store, run_id = recorded
    other = Store.open("memory://")
    weights = other.weights(record_trained_run(other, seed=1, sharpness=100.0))
    assert weights is not None
    store.put(f"weights/{run_id}.safetensors", weights)
    assert _evaluate(recorded) == 1
    assert "NOT what was recorded" in capsys.readouterr().out


def test_another_resolution_is_a_record_of_its_own(
    recorded: tuple[Store, str], capsys: pytest.CaptureFixture[str]
) -> None:
    store, run_id = recorded
    own = store.evaluations(["evaluation_id", "record"]).to_pylist()
    assert _evaluate(recorded, "--resolution", "48", "--json") == 0
    (found,) = json.loads(capsys.readouterr().out)
    assert (found["view"], found["new"], found["equal"]) == ("center:48", True, None)
    assert store.evaluations(["evaluation_id", "record"]).to_pylist() == own, "a view is among the run's evaluations"
    every = store.evaluations(["evaluation_id", "view", "top1"], pc.field("run_id") == run_id, views=True)
    (view,) = every.filter(pc.equal(every["view"], "center:48")).to_pylist()
    assert view["evaluation_id"] not in {row["evaluation_id"] for row in own}
    assert view["top1"] == found["now"]["top1"] and len(every) == len(own) + 1
    predictions = store.predictions(view["evaluation_id"])
    assert predictions is not None and len(predictions) == found["n"]
    assert _evaluate(recorded, "--resolution", "48", "--json") == 0
    (again,) = json.loads(capsys.readouterr().out)
    assert again["new"] is False and again["equal"] is True


def test_views_are_typed_or_put_together(recorded: tuple[Store, str], capsys: pytest.CaptureFixture[str]) -> None:
    store, _ = recorded
    found = []
    for flags in (
        ["--view", "twelve", "--view", "center:32"],
        ["--sizes", "48,24", "--crops", "ten", "--fields", "place"],
    ):
        assert _evaluate(recorded, *flags, "--keep-probabilities", "--json") == 0
        found += json.loads(capsys.readouterr().out)
    assert [(one["view"], one["new"]) for one in found] == [("twelve", True), ("", False), ("ten:24+48 place", True)]
    for one in found:
        kept = store.probabilities(one["evaluation_id"])
        assert kept is not None and kept.shape == (one["n"], 6)
    assert _evaluate(recorded, "--view", "ten:24+48 place", "--keep-probabilities", "--json") == 0
    (again,) = json.loads(capsys.readouterr().out)
    assert again["equal"] is True and again["new"] is False


def test_details_name_categories_groups_and_what_was_turned(
    recorded: tuple[Store, str], capsys: pytest.CaptureFixture[str]
) -> None:
    store, _ = recorded
    image_only = record_trained_run(store, fusion="image_only", sharpness=100.0)
    flags = ["--details", "--against", image_only[:10]]
    assert _evaluate(recorded, *flags, "--head", "4", "--json") == 0
    (found,) = json.loads(capsys.readouterr().out)
    told = found["details"]
    assert len(told["categories"]) == 6 and all(one["training_images"] == 4 for one in told["categories"])
    assert sum(one["n"] * one["top1"] for one in told["categories"]) == pytest.approx(found["n"] * found["now"]["top1"])
    assert told["head"]["n"] == found["n"] and told["tail"]["top1"] is None
    reference = [one for one in store.evaluation_records() if one.score == "image" and one.split == "test"]
    gain = found["now"]["top1"] - reference[0].metrics["top1"]
    assert told["against"]["right"] - told["against"]["wrong"] == pytest.approx(gain * found["n"], abs=1e-4)
    assert _evaluate(recorded, *flags) == 0
    shown = capsys.readouterr().out
    assert "head, from 100 training pictures: no category has so many" in shown and "turned right" in shown
    assert _evaluate(recorded, *flags, "--head", "4") == 0
    assert "tail, below: no category has so few" in capsys.readouterr().out
    assert _evaluate(recorded, "--resolution", "48", *flags) == 2
    assert f"fieldmark evaluate {image_only[:10]} --split test --view 'center:48'" in capsys.readouterr().err
    assert _evaluate(recorded, "--against", recorded[1]) == 2
    assert "expected an image-only run" in capsys.readouterr().err


def test_old_ids_stay_and_packed_views_stay_hidden() -> None:
    evaluation = sample_evaluation(sample_run(0))
    assert evaluation.evaluation_id == digest({"runs": evaluation.run_ids, "split": "test", "score": "prior_raw"}), (
        "an id as releases before views made it"
    )
    store = Store.open("memory://")
    view = evaluation.model_copy(update={"view": "center:256"})
    for record in (evaluation, view):
        store.commit_evaluation(record)
    for _ in range(2):
        assert store.evaluations(["evaluation_id"])["evaluation_id"].to_pylist() == [evaluation.evaluation_id]
        assert store.evaluation_records() == [evaluation]
        assert {one.view for one in store.evaluation_records(views=True)} == {"", "center:256"}
        store.compact()
    copy = Store.open("memory://")
    copy.merge(store)
    assert len(copy.evaluations(["view"], views=True)) == 2


def test_a_segment_of_before_there_were_views_is_read() -> None:
    store = Store.open("memory://")
    evaluation = sample_evaluation(sample_run(0))
    store.commit_evaluation(evaluation)
    store.compact()
    (key,) = [key for key in store.list("segments") if EVALUATIONS.name in key]
    data = store.get(key)
    assert data is not None
    older = pq.read_table(pa.BufferReader(data)).drop_columns(["view"])
    buffer = pa.BufferOutputStream()
    pq.write_table(older, buffer)
    other = Store.open("memory://")
    other.put("segments/evaluations-older.parquet", buffer.getvalue().to_pybytes())
    assert [one.evaluation_id for one in other.evaluation_records()] == [evaluation.evaluation_id]


def test_a_comparison_table_does_not_mix_views_in() -> None:
    from fieldmark.tables.compare import comparison_table
    from fieldmark.testing.synthetic_sweep import synthetic_sweep

    made = synthetic_sweep("memory://", trials=2, test_records=50)
    before = comparison_table(made.store, "S2", sweep=made.sweep)
    for record in made.store.evaluation_records(pc.field("split") == "test"):
        better = {name: min(1.0, value + 0.1) for name, value in record.metrics.items()}
        made.store.commit_evaluation(record.model_copy(update={"view": "center:96", "metrics": better}))
    assert len(made.store.evaluations(["view"], views=True)) > len(made.store.evaluations(["view"]))
    assert comparison_table(made.store, "S2", sweep=made.sweep) == before


@pytest.mark.parametrize(
    ("tokens", "named"),
    [
        (["--resolution", "0"], "--resolution"),
        (["--resolution", "15"], "16"),
        (["--data", "world:seed=3"], "learned from world-mini (world:species=6"),
        (["--data", "table:none.csv"], "none.csv"),
        (["--split", "train"], "train"),
        (["--sizes", "32,x"], "--sizes 32,x"),
        (["--sizes", "32", "--resolution", "48"], "give one of them"),
        (["world"], "world"),
        (["--view", "eleven"], "--view 'eleven': expected"),
        (["--view", "center:28 place", "--sizes", "32"], "--view and --sizes: give a view whole or by its parts"),
        (["--view", "twelve", "--resolution", "32", "--fields", "none"], "--view and --resolution, --fields: give"),
        (["--view", "twelve", "--crops", "ten"], "--view and --crops: give"),
        (["--keep-probabilities", "--probabilities-budget", "10"], "expected at least 288"),
    ],
)
def test_a_mistake_is_one_line(
    tokens: list[str], named: str, recorded: tuple[Store, str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert _evaluate(recorded, *tokens) == 2
    printed = capsys.readouterr()
    assert printed.out == "" and len(printed.err.splitlines()) == 1 and named in printed.err


@pytest.mark.parametrize(
    ("config", "fields", "seen"),
    [
        ({"fusion": "image_only"}, "place", "at the picture alone"),
        ({"fusion": "image_only"}, "none", "at the picture alone"),
        ({"date": False}, "date", "of place and date at place alone"),
        ({"encoding": "none"}, "place", "of place and date at date alone"),
    ],
)
def test_a_view_of_fields_that_a_run_does_not_look_at_is_refused(
    config: dict[str, Any], fields: str, seen: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store = Store.open(str(tmp_path / "runs"))
    run_id = record_trained_run(store, **config)
    for flags in (["--fields", fields], ["--view", f"center:48 {fields}"]):
        assert run(["evaluate", run_id, "--store", store.url, *flags]) == 2
        printed = capsys.readouterr()
        assert printed.out == "" and len(printed.err.splitlines()) == 1
        assert f"fields {fields}: run {run_id[:10]} looks {seen}" in printed.err
    assert {one.view for one in store.evaluation_records(views=True)} == {""}, "a view of nothing was recorded"


def test_a_view_of_fields_alone_is_told_without_a_gap(
    recorded: tuple[Store, str], capsys: pytest.CaptureFixture[str]
) -> None:
    for fields in ("place", "none"):
        assert _evaluate(recorded, "--fields", fields) == 0
        assert f"score joint, {fields}\n" in capsys.readouterr().out


def test_a_network_of_one_size_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store = Store.open(str(tmp_path / "runs"))
    run_id = record_trained_run(store, backbone="gmlp_ti16_224", resolution=224, fusion="image_only")
    assert run(["evaluate", run_id, "--store", store.url, "--resolution", "96"]) == 2
    assert "gmlp_ti16_224 was trained at 224" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["evaluate", "export", "predict"])
def test_a_log_has_no_weights(command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store = Store.open(str(tmp_path / "runs"))
    record = sample_run(seed=0)
    config = ClassifierConfig(backbone="test_resnet", fusion="image_only")
    spec = record.spec.model_copy(update={"config": config})
    store.commit_run(record.model_copy(update={"run_id": spec.run_id, "spec": spec, "trial": Trial(role="imported")}))
    (tmp_path / "a.png").write_bytes(b"")
    source = [str(tmp_path / "a.png")] if command == "predict" else []
    assert run([command, spec.run_id, *source, "--store", store.url]) == 2
    assert "imported from a log: it has no weights here" in capsys.readouterr().err

"""Whole image sweeps on a tiny world, in this process: models are trained, evaluated, recorded and drawn."""

import json
from pathlib import Path

import jsonschema
import pyarrow.compute as pc
import pytest

from fieldmark.cli.main import run as command
from fieldmark.errors import StoreConflict, UserError
from fieldmark.search.image_sweep.dryrun import ImageDryRun
from fieldmark.search.image_sweep.options import FusionSweepOptions, ImageSweepOptions, ResolutionSweepOptions
from fieldmark.search.image_sweep.result import ImageSweepResult
from fieldmark.search.image_sweep.sweep import sweep_images
from fieldmark.search.lease_keeper import LeaseKeeper
from fieldmark.store import Store

WORLD = "world:species=6,group_size=2,per_category=8,val_per_category=4,test_per_category=4,full=2,mark_resolution=16"


@pytest.fixture
def common(tmp_path: Path) -> dict[str, object]:
    places = {"store": str(tmp_path / "runs"), "cache": str(tmp_path / "cache")}
    training = {"epochs": 1, "batch": 16, "bn_batch": 16, "changes": ("warmup_epochs=0",)}
    return {"data": WORLD, "executor": "local", "trials": 2, "seeds": 1, "figures": False, **training, **places}


def run(options: ImageSweepOptions, reports: Path) -> ImageSweepResult:
    result = sweep_images(options, reports=reports)
    assert isinstance(result, ImageSweepResult)
    return result


def test_a_fusion_sweep_and_the_same_command_again(common: dict[str, object], tmp_path: Path, root: Path) -> None:
    options = FusionSweepOptions.model_validate(
        {**common, "fusions": ("dynamic_mlp_c", "add_star"), "resolution": 32, "objectives": "accuracy,parameters"}
    )
    first = run(options, tmp_path)
    assert first.failures == []
    assert (first.new_runs, first.done_runs) == (first.planned_runs, 0) == (1 + 2 + 2 + 1, 0)
    schema = json.loads((root / "docs/reference/image_sweep.schema.json").read_text())
    jsonschema.validate(json.loads(json.dumps(first.to_json(), allow_nan=False)), schema)
    assert schema == ImageSweepResult.model_json_schema(), "python -m fieldmark.search.image_sweep.result prints it"
    assert [one.role for one in first.settings] == ["baseline", *["published"] * 2, *["search"] * 2, "confirmation"]
    assert all(one.measured is not None and one.parameters > 0 and one.multiply_adds > 0 for one in first.settings)
    assert first.best is not None and not first.enough_for_best
    assert any(one.front for one in first.settings)
    assert [(one.information, one.resolution) for one in first.bounds] == [("image", 32), ("image+place+date", 32)]
    assert 0 < first.bounds[0].test < first.bounds[1].test <= 1

    plan = Store.open(options.store).plan(first.sweep)
    assert plan is not None and plan["kind"] == "image_sweep"
    assert [group["state"] for group in plan["groups"]] == ["complete"] * 6

    second = run(options, tmp_path)
    assert (second.new_runs, second.done_runs) == (0, first.planned_runs)
    assert (second.settings, second.bounds) == (first.settings, first.bounds)
    dry = sweep_images(options.model_copy(update={"dry_run": True}))
    assert isinstance(dry, ImageDryRun)
    assert (dry.sweep, dry.runs, dry.done, dry.cpu_seconds) == (first.sweep, 6, 6, 0)


def test_a_sweep_on_frozen_features_is_marked(common: dict[str, object], tmp_path: Path) -> None:
    fusions = {"fusions": ("dynamic_mlp_c", "add_star"), "resolution": 32, "frozen": True}
    result = run(FusionSweepOptions.model_validate({**common, **fusions}), tmp_path)
    assert result.failures == []
    assert [one.frozen for one in result.settings] == [False, True, True, True, True, True]
    assert {one.information for one in result.bounds} == {"image", "image+place+date"}
    methods = Store.open(str(common["store"])).runs(["method"])["method"].to_pylist()
    assert (methods.count("classifier"), methods.count("frozen")) == (2, 5), "seeds 0 and 1000 have a model each"


@pytest.mark.slow
def test_every_run_of_a_resolution_sweep_is_tested_at_every_size(common: dict[str, object], tmp_path: Path) -> None:
    options = ResolutionSweepOptions.model_validate({**common, "trials": 1, "backbones": ("test_resnet",)})
    result = run(options, tmp_path)
    assert result.failures == []
    for one in result.settings:
        assert len(one.views) == 3
        assert all(measured.n == 1 for measured in one.views.values())
    trained = pc.field("method") == "classifier"
    views = Store.open(options.store).evaluations(["view"], trained, views=True)["view"].to_pylist()
    assert len(views) == (3 + 3 + 1 + 1) * 2 * (1 + 3)


@pytest.mark.slow
def test_a_poor_trial_is_stopped_in_the_middle(common: dict[str, object], tmp_path: Path) -> None:
    more = {"fusions": ("add_star",), "resolution": 32, "scheduler": "asha", "epochs": 4, "trials": 6}
    result = run(FusionSweepOptions.model_validate({**common, **more}), tmp_path)
    assert result.failures == []
    store = Store.open(str(common["store"]))
    stopped = [one for one in result.settings if one.state == "pruned"]
    found = [record for record in store.run_records() if record.status == "stopped"]
    assert len(found) == len(stopped) > 0
    for record in found:
        assert (record.epochs, record.trial.role) == (3, "search")
        assert set(record.metrics) == {"top1", "log_loss"}
        curve = store.curve(record.run_id)
        assert curve is not None and curve.num_rows == 3
    assert store.list("checkpoints") == []
    assert run(FusionSweepOptions.model_validate({**common, **more}), tmp_path).new_runs == 0


def test_a_second_driver_is_refused(common: dict[str, object], tmp_path: Path) -> None:
    options = FusionSweepOptions.model_validate({**common, "fusions": ("add_star",), "resolution": 32})
    dry = sweep_images(options.model_copy(update={"dry_run": True}))
    store = Store.open(options.store)
    with LeaseKeeper(store, dry.sweep, takeover=False), pytest.raises(StoreConflict, match="is being driven by"):
        sweep_images(options, reports=tmp_path)
    assert len(store.runs(["run_id"])) == 0


def test_the_command_prints_its_table(
    common: dict[str, object], tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    flags = f"--data {WORLD} --executor local --store runs --cache cache --epochs 1 --batch 16 --bn-batch 16"
    words = [*flags.split(), "--change", "warmup_epochs=0", "--trials", "0", "--seeds", "1", "--no-figures"]
    assert command(["sweep", "fusion", *words, "--fusion", "add_star", "--resolution", "32"]) == 0
    out = capsys.readouterr().out
    assert "add_star" in out and "image_only" in out and "Pareto front" in out and "five fresh seeds" in out
    assert "1 epoch, " in out and "over 1 fresh seed" in out and "1 fresh seeds" not in out
    assert "best" not in out.replace("to be called best", "") and "highest on tune" in out
    assert "Bayes bound of image on test, top-1: 0." in out and "Bayes bound of image+place+date" in out
    monkeypatch.setattr("fieldmark.figures.image_sweep.write_sweep_figures", lambda *_: [])
    words.remove("--no-figures")
    assert command(["sweep", "fusion", *words, "--fusion", "add_star", "--resolution", "32", "--json"]) == 0
    again = capsys.readouterr()
    assert json.loads(again.out)["new_runs"] == 0
    assert "drawing figures ..." in again.err.splitlines()[-1], "after nothing is left"
    assert command(["sweep", "resolution", *words, "--set", "tokens=3"]) == 2
    assert "tokens" in capsys.readouterr().err


def test_a_warm_start_that_is_none_makes_no_store(common: dict[str, object], tmp_path: Path) -> None:
    options = FusionSweepOptions.model_validate({**common, "fusions": ("add_star",), "warm_start": "fusion =="})
    with pytest.raises(UserError, match="invalid syntax"):
        sweep_images(options, reports=tmp_path)
    assert not (tmp_path / "runs").exists()

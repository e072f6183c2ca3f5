"""A whole sweep on small data, in this process."""

import json
from pathlib import Path

import jsonschema
import pytest

from fieldmark.errors import StoreConflict, UserError
from fieldmark.search.dryrun import DryRun
from fieldmark.search.options import SweepOptions, sweep_options
from fieldmark.search.result import SweepResult
from fieldmark.search.sweep import sweep_priorsnet
from fieldmark.store import Store


@pytest.fixture
def options(records: Path, tmp_path: Path) -> SweepOptions:
    return sweep_options(
        data=f"table:{records}", trials=2, seeds=2, executor="local", store=str(tmp_path / "runs"), vary=("width",)
    )


def run(options: SweepOptions) -> SweepResult:
    result = sweep_priorsnet(options)
    assert isinstance(result, SweepResult)
    return result


def test_a_sweep_and_the_same_command_again(options: SweepOptions, root: Path) -> None:
    first = run(options)
    assert (first.new_runs, first.done_runs, first.failed_runs) == (first.planned_runs, 0, 0)
    schema = json.loads((root / "docs/reference/sweep.schema.json").read_text())
    jsonschema.validate(json.loads(json.dumps(first.to_json(), allow_nan=False)), schema)
    assert schema == SweepResult.model_json_schema(), "python -m fieldmark.search.result prints it anew"

    assert {"class_frequency", "nearest_neighbours"} <= first.baselines.keys()
    assert first.bounds == {}
    assert first.objective == "prior_calibrated:log_loss"
    best = first.best
    assert best is not None
    assert (best.n, best.confirmed, best.enough_for_best) == (2, True, False)
    assert best.metrics["log_loss"] < first.baselines["class_frequency"]["log_loss"], "place tells these species apart"
    store = Store.open(options.store)
    figures = [store.evaluations(["run_id", "split", "score", "log_loss"]).to_pylist()][0]
    on_test = [
        row["log_loss"]
        for row in figures
        if row["run_id"] in best.run_ids and (row["split"], row["score"]) == ("test", "prior_calibrated")
    ]
    assert best.metrics["log_loss"] == pytest.approx(sum(on_test) / 2)

    second = run(options)
    assert (second.new_runs, second.done_runs) == (0, first.planned_runs)
    same = {"best", "baselines", "bounds", "sweep", "dataset", "planned_runs"}
    assert second.model_dump(include=same) == first.model_dump(include=same)

    more = run(options.model_copy(update={"trials": 3}))
    assert more.sweep == first.sweep
    assert more.new_runs in (1, 3), "one more trial, and its confirmation where it is the best"

    dry = sweep_priorsnet(options.model_copy(update={"dry_run": True}))
    assert isinstance(dry, DryRun)
    assert dry.seconds is not None
    assert "recorded already" in dry.text()


def test_a_second_driver_of_one_sweep_is_refused_and_told_who_drives(options: SweepOptions) -> None:
    from fieldmark.search.lease_keeper import LeaseKeeper

    dry = sweep_priorsnet(options.model_copy(update={"dry_run": True}))
    store = Store.open(options.store)
    with LeaseKeeper(store, dry.sweep, takeover=False), pytest.raises(StoreConflict, match="is being driven by"):
        sweep_priorsnet(options)
    assert not store.has_run(dry.sweep)
    assert len(store.runs(["run_id"])) == 0


def test_a_spent_budget_starts_nothing_and_says_so(options: SweepOptions, capsys: pytest.CaptureFixture[str]) -> None:
    result = run(options.model_copy(update={"budget": "0.001s"}))
    assert (result.new_runs, result.budget_spent, result.best) == (0, True, None)
    assert "Nothing new was started: the budget of 0.001s is spent. 0 of" in capsys.readouterr().err
    assert result.limit is not None
    assert (result.limit.reason, result.limit.missing) == ("the budget of 0.001s is spent", result.planned_runs)


def test_without_dates_the_prior_learns_from_place_alone_and_the_card_says_so(
    undated_records: Path, tmp_path: Path
) -> None:
    options = sweep_options(
        data=f"table:{undated_records}", trials=0, seeds=1, executor="local", store=str(tmp_path / "runs")
    )
    result = run(options)
    assert result.best is not None
    assert result.best.config["date"] is False
    (card,) = Store.open(options.store).cards()
    assert any("date" in note for note in card.notes)


def test_ctrl_c_stops_cleanly_and_says_how_to_go_on(
    options: SweepOptions, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from fieldmark.search.executors.local import LocalExecutor

    polls = iter(range(100))
    poll = LocalExecutor.poll

    def interrupted(self: LocalExecutor, timeout: float) -> object:
        if next(polls) == 3:
            raise KeyboardInterrupt
        return poll(self, timeout)

    with monkeypatch.context() as patch:
        patch.setattr(LocalExecutor, "poll", interrupted)
        result = run(options)
    assert (result.interrupted, result.new_runs) == (True, 3)
    said = f"Stopped. 3 of {result.planned_runs} runs are recorded, 1 cut off. Go on with: "
    assert said in capsys.readouterr().err
    again = run(options)
    assert again.done_runs == 3
    assert again.new_runs == again.planned_runs - 3


def test_nothing_is_written_when_the_data_are_refused(tmp_path: Path) -> None:
    options = sweep_options(data=f"table:{tmp_path / 'nothing.csv'}", store=str(tmp_path / "runs"), executor="local")
    with pytest.raises(UserError, match=r"nothing\.csv"):
        sweep_priorsnet(options)
    assert not (tmp_path / "runs").exists()


def test_scores_that_are_not_there_are_refused_before_anything(options: SweepOptions, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="--image-scores"):
        sweep_priorsnet(options.model_copy(update={"image_scores": str(tmp_path / "no.npz")}))
    assert not Path(options.store).exists()


def test_image_scores_from_a_file_are_joined(options: SweepOptions, records: Path, tmp_path: Path) -> None:
    import numpy as np

    draw = np.random.default_rng(0)
    scores = draw.dirichlet(np.ones(4), size=240).astype(np.float32)
    np.save(tmp_path / "scores.npy", scores)
    result = run(options.model_copy(update={"image_scores": str(tmp_path / "scores.npy"), "trials": 0, "seeds": 1}))
    assert result.objective == "product_raw:top1"
    assert "image_only" in result.baselines
    assert result.best is not None
    assert result.best.metrics["top1"] > result.baselines["image_only"]["top1"]


def test_image_scores_must_cover_what_settings_are_chosen_on(options: SweepOptions, tmp_path: Path) -> None:
    import numpy as np

    np.save(tmp_path / "x_test_preds.npy", np.full((40, 4), 0.25, np.float32))
    given = options.model_copy(update={"image_scores": str(tmp_path / "x_test_preds.npy"), "trials": 0, "seeds": 1})
    with pytest.raises(UserError, match="no scores of the tune records"):
        sweep_priorsnet(given)
    assert not Path(options.store).exists()
    result = run(given.model_copy(update={"objective": "prior_calibrated:log_loss"}))
    assert result.best is not None


def test_a_store_in_memory_is_refused_for_tune(options: SweepOptions) -> None:
    with pytest.raises(UserError, match="memory"):
        sweep_priorsnet(options.model_copy(update={"store": "memory://", "executor": "tune"}))

"""The mirrors say what the store says, however often they are made."""

import pyarrow as pa
import pytest

from fieldmark.config import PriorsNetConfig, RunSpec, Scale
from fieldmark.store import Provenance, RunRecord, Store, Trial
from fieldmark.testing.store import sample_evaluation, sample_run

LR = '{"name": "FloatDistribution", "attributes": {"step": null, "low": 0.0001, "high": 0.1, "log": true}}'


def tried(lr, seed, number, status="completed", role="search", **metrics):
    config = PriorsNetConfig(lr=lr)
    spec = RunSpec(config=config, dataset="world", fingerprint="f", protocol="official", seed=seed)
    return RunRecord(
        run_id=spec.run_id,
        spec=spec,
        scale=Scale(name="paper"),
        status=status,
        metrics=metrics,
        epochs=9,
        trial=Trial(
            sweep="s",
            number=number,
            group=config.config_id,
            role=role,
            params={"lr": lr},
            distributions={"lr": LR},
        ),
        provenance=Provenance(started=100.0, ended=160.0),
    )


@pytest.fixture
def store():
    store = Store.open("memory://")
    store.put_plan("s", {"objective": {"score": "product_raw", "metric": "top1"}})
    return store


def test_the_journal_has_a_trial_for_every_setting(store, tmp_path):
    import optuna
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    from fieldmark.store.mirrors.journal import rebuild_journal

    store.commit_run(tried(0.001, 0, 0, role="published", top1=0.5))
    store.commit_run(tried(0.001, 1, 0, role="published", top1=0.75))
    store.commit_run(tried(0.01, 0, 1, status="stopped", top1=0.25))
    store.commit_run(tried(0.05, 0, 2, status="failed"))
    store.commit_run(tried(0.02, 0, 3, role="confirmation", top1=1.0))
    path = tmp_path / "optuna.journal"
    assert rebuild_journal(store, path) == 3
    store.commit_run(tried(0.03, 0, 4, top1=0.6))
    assert rebuild_journal(store, path) == 4
    study = optuna.load_study(study_name="s", storage=JournalStorage(JournalFileBackend(str(path))))
    trials = [(trial.state.name, trial.value, trial.params) for trial in study.trials]
    assert trials == [
        ("COMPLETE", 0.625, {"lr": 0.001}),
        ("PRUNED", 0.25, {"lr": 0.01}),
        ("FAIL", None, {"lr": 0.05}),
        ("COMPLETE", 0.6, {"lr": 0.03}),
    ]
    assert study.best_value == 0.625
    assert [file.name for file in tmp_path.iterdir()] == ["optuna.journal"]


@pytest.mark.slow
def test_mlflow_has_every_run_once_with_curve_and_scores(store, tmp_path):
    from mlflow import MlflowClient

    from fieldmark.store.mirrors.mlflow import rebuild_mlflow

    uri = f"sqlite:///{tmp_path / 'mlflow.db'}"
    run = tried(0.001, 0, 0, top1=0.5)
    store.commit_run(run, curve=pa.table({"epoch": [1, 2], "loss": [0.5, 0.25], "top1": [None, 0.5]}))
    store.commit_run(sample_run(0))
    store.commit_evaluation(sample_evaluation(run, top1=0.25))
    assert rebuild_mlflow(store, uri) == 2
    client = MlflowClient(uri)
    # As a mirror that was killed in the middle leaves it: begun, not ended.
    begun = client.create_run("0", tags={"fieldmark.run_id": sample_run(1).run_id})
    store.commit_run(sample_run(1))
    store.retract(sample_run(0).run_id, "no")
    for _ in range(2):
        assert rebuild_mlflow(store, uri) == 2
    experiments = [experiment.experiment_id for experiment in client.search_experiments()]
    found = {found.data.tags["fieldmark.run_id"]: found for found in client.search_runs(experiments)}
    assert set(found) == {run.run_id, sample_run(1).run_id}
    assert found[sample_run(1).run_id].info.run_id != begun.info.run_id
    mirrored = found[run.run_id]
    assert mirrored.data.metrics == {"loss": 0.25, "top1": 0.5, "objective/top1": 0.5, "test/prior_raw/top1": 0.25}
    assert mirrored.data.params["lr"] == "0.001" and mirrored.info.status == "FINISHED"
    history = client.get_metric_history(mirrored.info.run_id, "loss")
    assert [(point.step, point.value, point.timestamp) for point in history] == [(1, 0.5, 130_000), (2, 0.25, 160_000)]

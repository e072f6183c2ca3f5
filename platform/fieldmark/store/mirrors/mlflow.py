"""MLflow as a mirror: a database that one writer brings up to the store, in batches."""

import contextlib
import logging
import math
import os
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from fieldmark.store.records import METRICS, RunRecord
from fieldmark.store.store import Store

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Metric, Run

TAG = "fieldmark.run_id"
METRICS_A_BATCH = 1000  # MLflow's own limit
_STATUS = {"completed": "FINISHED", "stopped": "KILLED", "failed": "FAILED"}


def rebuild_mlflow(store: Store, db_uri: str) -> int:
    """Brings an MLflow database up to the store and returns the number of runs it then has.

    What is there already is left alone; a run that a killed mirror left half written is written anew; a run that was
    retracted goes.

    Args:
        store: what to show.
        db_uri: e.g. ``sqlite:////path/mlflow.db``. MLflow 3 takes no folders.
    """
    with _mlflow(db_uri) as client:
        mirrored = _mirrored(client)
        wanted = set(store.runs(["run_id"])["run_id"].to_pylist())
        for run_id, run in mirrored.items():
            if run_id not in wanted or run.info.status == "RUNNING":
                client.delete_run(run.info.run_id)
        done = {run_id for run_id, run in mirrored.items() if run.info.status != "RUNNING"}
        scores = _scores(store)
        for record in store.run_records(pc.field("run_id").isin(pa.array(sorted(wanted - done), pa.string()))):
            mirror_run(store, client, record, scores.get(record.run_id, {}))
    return len(wanted)


def mirror_run(store: Store, client: "MlflowClient", record: RunRecord, scores: dict[str, float]) -> None:
    """Writes one run with its curve, its objective and its evaluations.

    Args:
        store: holds the curve.
        client: MLflow's.
        record: the run.
        scores: metrics of its evaluations by ``<split>/<score>/<metric>``.
    """
    from mlflow.entities import Param, RunTag

    spec, started, ended = record.spec, record.provenance.started, record.provenance.ended
    run = client.create_run(
        _experiment(client, spec.dataset),
        start_time=int(started * 1000),
        tags={TAG: record.run_id},
        run_name=f"{spec.config.method} {spec.config.config_id[:8]} seed {spec.seed}",
    )
    params = {**spec.config.model_dump(mode="json"), "seed": spec.seed, "protocol": spec.protocol}
    tags = {
        "fieldmark.sweep": record.trial.sweep,
        "fieldmark.group": record.trial.group,
        "fieldmark.role": record.trial.role,
        "fieldmark.scale": record.scale.name,
        "fieldmark.fingerprint": spec.fingerprint,
        "fieldmark.host": record.provenance.host,
    }
    objective = {f"objective/{name}": value for name, value in record.metrics.items()}
    metrics = [*_curve(store, record), *_finals({**objective, **scores}, ended)]
    for first in range(0, max(len(metrics), 1), METRICS_A_BATCH):
        client.log_batch(
            run.info.run_id,
            metrics=metrics[first : first + METRICS_A_BATCH],
            params=[Param(name, str(value)) for name, value in params.items()] if first == 0 else [],
            tags=[RunTag(name, str(value)) for name, value in tags.items()] if first == 0 else [],
        )
    # Last: only a run that has ended counts as mirrored.
    client.set_terminated(run.info.run_id, status=_STATUS[record.status], end_time=int(ended * 1000))


@contextlib.contextmanager
def _mlflow(db_uri: str) -> "Iterator[MlflowClient]":
    """Gives a client; MLflow's notes on making its tables are not for our users, and it sends nothing home."""
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    disabled = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        from mlflow import MlflowClient

        yield MlflowClient(tracking_uri=db_uri)
    finally:
        logging.disable(disabled)


def _mirrored(client: "MlflowClient") -> "dict[str, Run]":
    """Returns the database's runs that came from a store, by our id."""
    experiments = [experiment.experiment_id for experiment in client.search_experiments()]
    found: dict[str, Run] = {}
    token: str | None = None
    while True:
        page = client.search_runs(experiments, max_results=1000, page_token=token)
        found |= {run.data.tags[TAG]: run for run in page if TAG in run.data.tags}
        token = page.token
        if not token:
            return found


def _experiment(client: "MlflowClient", name: str) -> str:
    experiment = client.get_experiment_by_name(name)
    return client.create_experiment(name) if experiment is None else str(experiment.experiment_id)


def _scores(store: Store) -> dict[str, dict[str, float]]:
    """Returns the metrics of the evaluations of single runs, by run."""
    found: dict[str, dict[str, float]] = {}
    for row in store.evaluations(["run_id", "split", "score", *METRICS], pc.field("runs") == 1).to_pylist():
        metrics = {f"{row['split']}/{row['score']}/{name}": row[name] for name in METRICS if row[name] is not None}
        found.setdefault(row["run_id"], {}).update(metrics)
    return found


def _curve(store: Store, record: RunRecord) -> "Iterable[Metric]":
    from mlflow.entities import Metric

    table = store.curve(record.run_id)
    rows: list[dict[str, Any]] = [] if table is None else table.to_pylist()
    for step, row in enumerate(rows, start=1):
        epoch = int(row.pop("epoch", step))
        share = step / len(rows)
        when = record.provenance.started * (1 - share) + record.provenance.ended * share
        for name, value in row.items():
            if isinstance(value, int | float) and math.isfinite(value):
                yield Metric(name, float(value), int(when * 1000), epoch)


def _finals(metrics: dict[str, float], ended: float) -> "Iterable[Metric]":
    from mlflow.entities import Metric

    return (Metric(name, value, int(ended * 1000), 0) for name, value in metrics.items() if math.isfinite(value))

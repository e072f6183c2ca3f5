"""Optuna's journal as a mirror, for optuna-dashboard: a study for every sweep, a trial for every setting tried."""

import os
import statistics
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow.compute as pc

from fieldmark.errors import UserError
from fieldmark.store.records import RunRecord
from fieldmark.store.store import Store

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

ROLES = ("published", "search")
_STATES = (("completed", "COMPLETE"), ("stopped", "PRUNED"), ("failed", "FAIL"))


def rebuild_journal(store: Store, path: str | Path) -> int:
    """Replaces the journal by one that says what the store's runs say; returns the number of trials.

    A setting is one trial however many seeds it has; its value is the mean over the completed ones.
    """
    import optuna
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    _refuse_other_files(Path(path))
    fresh = Path(f"{path}.{os.getpid()}.new")
    fresh.parent.mkdir(parents=True, exist_ok=True)
    verbosity = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        storage = JournalStorage(JournalFileBackend(str(fresh)))
        trials = 0
        for sweep_id in store.sweeps():
            metric = _metric(store, sweep_id)
            direction = "minimize" if metric == "log_loss" else "maximize"
            study = optuna.create_study(storage=storage, study_name=sweep_id, direction=direction)
            found = sweep_trials(store, sweep_id, metric)
            study.add_trials(found)
            trials += len(found)
        fresh.touch()  # a store without sweeps has an empty journal
        fresh.replace(path)
    finally:
        fresh.unlink(missing_ok=True)
        optuna.logging.set_verbosity(verbosity)
    return trials


def _refuse_other_files(path: Path) -> None:
    """Raises UserError for a file that is no journal: a mistyped name must not cost the user a file."""
    if not path.exists():
        return
    if path.is_dir():
        raise UserError(f"--journal {path}: is a folder; name a file")
    with path.open("rb") as stream:
        start = stream.read(64)
    if start and b'"op_code"' not in start:
        raise UserError(f"--journal {path}: holds something else than an Optuna journal; it is left alone")


def sweep_trials(store: Store, sweep_id: str, metric: str) -> "list[FrozenTrial]":
    """Returns a sweep's settings as Optuna's trials, in the order of their numbers."""
    groups: dict[str, list[RunRecord]] = {}
    for record in store.run_records((pc.field("sweep") == sweep_id) & pc.field("role").isin(ROLES)):
        groups.setdefault(record.trial.group, []).append(record)
    return [_trial(records, metric) for records in groups.values()]


def _trial(records: list[RunRecord], metric: str) -> "FrozenTrial":
    from optuna.distributions import json_to_distribution
    from optuna.trial import TrialState, create_trial

    status, state = next((s, state) for s, state in _STATES if any(record.status == s for record in records))
    deciding = [record for record in records if record.status == status]
    values = [record.metrics[metric] for record in deciding if metric in record.metrics]
    value = statistics.fmean(values) if values else None
    if status == "completed" and value is None:
        state = "FAIL"  # Optuna knows no complete trial without a value
    trial = records[0].trial
    known = {name for name in trial.params if name in trial.distributions}
    attributes: dict[str, Any] = {
        "group": trial.group,
        "role": trial.role,
        "runs": [record.run_id for record in records],
        "config": records[0].spec.config.model_dump(mode="json"),
    }
    return create_trial(
        state=TrialState[state],
        value=value if state in ("COMPLETE", "PRUNED") else None,
        params={name: trial.params[name] for name in known},
        distributions={name: json_to_distribution(trial.distributions[name]) for name in known},
        intermediate_values={deciding[0].epochs: value} if state == "PRUNED" and value is not None else {},
        user_attrs=attributes,
    )


def _metric(store: Store, sweep_id: str) -> str:
    objective = (store.plan(sweep_id) or {}).get("objective") or {}
    return str(objective.get("metric", "top1"))

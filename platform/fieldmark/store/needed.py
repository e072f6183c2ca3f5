"""What records and plans name, and so need."""

import json
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any

from fieldmark.store import layout
from fieldmark.store.records import EvaluationRecord, RunRecord
from fieldmark.store.store import Store


class Needed:
    """A look at all records and newest plans of a store."""

    def __init__(self, store: Store) -> None:
        """Reads nothing yet."""
        self._store = store

    @cached_property
    def sweep_of(self) -> dict[str, str]:
        """Every recorded run, retracted or not, with the sweep that its record names."""
        rows = self._store.runs(["run_id", "sweep"], retracted=True).to_pylist()
        return {row["run_id"]: row["sweep"] or "" for row in rows}

    def stage(self, key: str, meta: Mapping[str, Any]) -> bool:
        """Whether a planned or recorded run needs a stage.

        Features belong to the image-only run that their meta names; they are needed while a run that starts from it is
        recorded, or the sweep that it is part of is planned, or it is not recorded itself.
        """
        if key in self._named:
            return True
        image_run = meta.get("image_run")
        if image_run is None:
            return False
        if image_run in self._store.retractions():
            return False
        sweep = self.sweep_of.get(image_run)
        return image_run in self._named or sweep is None or sweep in self._store.sweeps()

    def only_retracted(self) -> set[str]:
        """Returns the keys of weights and whole probabilities that retracted runs alone have.

        The weights of a run that others start from stay, and so do probabilities that an ensemble averages.
        """
        retracted = set(self._store.retractions())
        members = {member for one in self._evaluations if not retracted & set(one.run_ids) for member in one.members}
        scores = {one.evaluation_id for one in self._evaluations if retracted & set(one.run_ids)}
        weights = {layout.weights(run_id) for run_id in retracted - self._named}
        return weights | {layout.probabilities(identity) for identity in scores - members}

    @cached_property
    def _named(self) -> set[str]:
        retracted = self._store.retractions()
        named = {text for run in self._runs if run.run_id not in retracted for text in run.spec.stages.values()}
        for sweep in self._store.sweeps():
            named |= set(_texts(self._store.plan(sweep)))
            for key in self._store.list(f"{layout.SWEEPS}/{sweep}/proposals"):
                named |= set(_texts(json.loads(self._store.get(key) or b"null")))
        return named

    @cached_property
    def _runs(self) -> list[RunRecord]:
        rows = self._store.runs(["record"], retracted=True)["record"].to_pylist()
        return [RunRecord.model_validate_json(row) for row in rows]

    @cached_property
    def _evaluations(self) -> list[EvaluationRecord]:
        rows = self._store.evaluations(["record"], views=True, retracted=True)["record"].to_pylist()
        return [EvaluationRecord.model_validate_json(row) for row in rows]


def _texts(value: Any) -> Iterator[str]:
    """Yields every text in a JSON value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for one in value.values():
            yield from _texts(one)
    elif isinstance(value, list):
        for one in value:
            yield from _texts(one)

"""What a store keeps beside its records: for data sets, sweeps, stages, unfinished runs, and for other parts."""

import builtins
import io
import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fieldmark.errors import UserError
from fieldmark.store import layout, stages
from fieldmark.store.checkpoints import StoreCheckpoints
from fieldmark.store.commit import read_json
from fieldmark.store.faults import fault_point
from fieldmark.store.objects import Objects
from fieldmark.store.records import DatasetCard


class Belongings:
    """The part of a store that is no record."""

    def __init__(self, objects: Objects) -> None:
        """Takes opened objects."""
        self.objects = objects
        self.url = objects.url

    def put_card(self, card: DatasetCard) -> None:
        """Writes a data set's card, or replaces it by a newer one."""
        self.objects.put(layout.card(card.fingerprint, card.protocol), card.model_dump_json().encode())
        fault_point("card.written")

    def cards(self) -> list[DatasetCard]:
        """Returns the cards of all data sets."""
        return [DatasetCard.model_validate(read_json(self.objects, key)) for key in self.objects.keys(layout.DATASETS)]

    def put_plan(self, sweep_id: str, plan: Mapping[str, Any]) -> int:
        """Adds a revision of a sweep's plan unless it says what the newest says; returns the revision, from 1."""
        while True:
            newest = max(map(layout.revision, self._plans(sweep_id)), default=0)
            if newest and self.plan(sweep_id) == json.loads(json.dumps(plan)):
                return newest
            if self.objects.put_once(layout.plan(sweep_id, newest + 1), json.dumps(plan, indent=1).encode()):
                fault_point("plan.written")
                return newest + 1

    def plan(self, sweep_id: str) -> dict[str, Any] | None:
        """Returns the newest plan of a sweep, or None."""
        keys = self._plans(sweep_id)
        return read_json(self.objects, keys[-1]) if keys else None

    def sweeps(self) -> list[str]:
        """Returns the ids of all sweeps."""
        return self.objects.folders(layout.SWEEPS)

    def stage(self, key: str) -> dict[str, NDArray[Any]] | None:
        """Returns a stage's arrays, or None where it is not there or not complete."""
        return stages.get_stage(self.objects, key)

    def stage_meta(self, key: str) -> dict[str, Any] | None:
        """Returns what was stored beside a stage's arrays, or None."""
        return stages.get_stage_meta(self.objects, key)

    def put_stage(self, key: str, arrays: Mapping[str, NDArray[Any]], meta: Mapping[str, Any]) -> bool:
        """Stores a stage once; returns False where another maker was first."""
        return stages.put_stage(self.objects, key, arrays, meta)

    def checkpoints(self, run_id: str) -> StoreCheckpoints:
        """Returns where an unfinished run leaves its state."""
        return StoreCheckpoints(self.objects, run_id)

    def put_weights(self, run_id: str, data: bytes) -> bool:
        """Stores a run's trained weights once; returns False where they are stored already.

        Args:
            run_id: the run.
            data: safetensors bytes of its model's state.
        """
        made = self.objects.put_once(layout.weights(run_id), data)
        fault_point("weights.written")
        return made

    def weights(self, run_id: str) -> bytes | None:
        """Returns a run's trained weights as safetensors bytes, or None where they were not kept."""
        return self.objects.get(layout.weights(run_id))

    def put_probabilities(self, evaluation_id: str, scores_NC: NDArray[np.floating]) -> bool:
        """Stores an evaluation's whole probabilities (N, C) as float16, once, in the order of its predictions.

        Returns:
            False where they are stored already.
        """
        buffer = io.BytesIO()
        np.save(buffer, scores_NC.astype(np.float16), allow_pickle=False)
        made = self.objects.put_once(layout.probabilities(evaluation_id), buffer.getvalue())
        fault_point("probabilities.written")
        return made

    def probabilities(self, evaluation_id: str) -> NDArray[np.float16] | None:
        """Returns an evaluation's whole probabilities (N, C), or None where they were not kept.

        Raises:
            UserError: they are damaged; names the file.
        """
        key = layout.probabilities(evaluation_id)
        data = self.objects.get(key)
        if data is None:
            return None
        try:
            found: NDArray[np.float16] = np.load(io.BytesIO(data), allow_pickle=False)
        except (ValueError, EOFError, OSError) as error:
            raise UserError(f"{self.objects.name(key)}: damaged ({str(error).splitlines()[0]})") from error
        return found

    def put_categories(self, fingerprint: str, names: Sequence[str]) -> bool:
        """Stores the names of a data set's categories, in the order of their numbers, once."""
        made = self.objects.put_once(layout.categories(fingerprint), json.dumps(list(names)).encode())
        fault_point("categories.written")
        return made

    def categories(self, fingerprint: str) -> tuple[str, ...] | None:
        """Returns the names of a data set's categories, or None where they were not kept."""
        data = self.objects.get(layout.categories(fingerprint))
        return None if data is None else tuple(json.loads(data))

    def put_extension(self, run_id: str, source: str) -> bool:
        """Stores the text of the user's file that a run's fusion is defined in, once."""
        made = self.objects.put_once(layout.extension(run_id), source.encode())
        fault_point("extension.written")
        return made

    def extension(self, run_id: str) -> str | None:
        """Returns the text of the user's file that a run's fusion is defined in; None for a built-in fusion."""
        data = self.objects.get(layout.extension(run_id))
        return None if data is None else data.decode()

    def append_log(self, run_id: str, text: str) -> None:
        """Adds to a run's log; a run has one writer."""
        before = self.objects.get(layout.log(run_id)) or b""
        self.objects.put(layout.log(run_id), before + text.encode())
        fault_point("log.written")

    def log(self, run_id: str) -> str:
        """Returns a run's log, empty where there is none."""
        return (self.objects.get(layout.log(run_id)) or b"").decode(errors="replace")

    def put_once(self, key: str, data: bytes) -> bool:
        """Writes unless the key is taken; returns whether it wrote."""
        return self.objects.put_once(key, data)

    def put(self, key: str, data: bytes) -> None:
        """Writes or replaces."""
        self.objects.put(key, data)

    def get(self, key: str) -> bytes | None:
        """Returns the bytes under a key, or None."""
        return self.objects.get(key)

    def list(self, prefix: str) -> builtins.list[str]:
        """Returns the keys in a folder and below, sorted."""
        return self.objects.keys(prefix)

    def _plans(self, sweep_id: str) -> builtins.list[str]:
        return [key for key in self.objects.keys(f"{layout.SWEEPS}/{sweep_id}") if "/plan-" in key]

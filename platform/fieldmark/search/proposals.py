"""Optuna's proposals, each written to the store before it is run, so that a cut-off trial goes on under the same id.

A proposal is the sweep's k-th question to the sampler. Its answer may be a setting that was run already (on this data,
after scaling): then nothing is run, and the study is told what is known.
"""

import json
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict

from fieldmark.config import MethodConfig

if TYPE_CHECKING:
    from fieldmark.store import Store


class Proposal(BaseModel):
    """One answer of the sampler."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    k: int
    """Which question it answers, from 0."""
    params: dict[str, Any]
    """As asked for: of a prior in the paper's units."""
    distributions: dict[str, str]
    """Parameter to Optuna's JSON of its distribution."""
    config: MethodConfig
    """As run."""
    repeats: bool
    """Whether this configuration was planned or proposed before."""


class Proposals:
    """The proposals of one sweep, in order, without gaps."""

    def __init__(self, store: "Store", sweep_id: str) -> None:
        self._store = store
        self._folder = f"sweeps/{sweep_id}/proposals"
        self._all: list[Proposal] = []
        while (data := store.get(self._key(len(self._all)))) is not None:
            self._all.append(Proposal.model_validate(json.loads(data)))

    def __len__(self) -> int:
        return len(self._all)

    def __iter__(self) -> "Any":
        return iter(self._all)

    def __getitem__(self, k: int) -> Proposal:
        return self._all[k]

    def add(self, proposal: Proposal) -> Proposal:
        """Writes the next proposal; returns the one that counts, should another driver have been first."""
        assert proposal.k == len(self._all)
        key = self._key(proposal.k)
        if not self._store.put_once(key, proposal.model_dump_json().encode()):
            found = self._store.get(key)
            assert found is not None, key
            proposal = Proposal.model_validate(json.loads(found))
        self._all.append(proposal)
        return proposal

    def _key(self, k: int) -> str:
        return f"{self._folder}/{k:06d}.json"

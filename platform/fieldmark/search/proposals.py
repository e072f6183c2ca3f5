"""Optuna's proposals, each written to the store before it is run, so that a cut-off trial goes on under the same id.

A proposal is the sweep's k-th question to the sampler. Its answer may be a setting that was run already (on this data,
after scaling): then nothing is run, and the study is told what is known.
"""

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict

from fieldmark.config import MethodConfig

if TYPE_CHECKING:
    from fieldmark.store import Store

MOST_REPEATS = 25
"""So many proposals in a row that were run before, and the space has nothing new."""


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
    heard: int | None = None
    """Of how many trials the sampler heard, where that was not all (see `fieldmark.search.history`)."""
    noted: dict[str, Any] = {}
    """What the sampler has noted with it (see `fieldmark.search.study.Told`)."""


class Proposals:
    """The proposals of one sweep, in order, without gaps."""

    def __init__(self, store: "Store", sweep_id: str) -> None:
        self._store = store
        self._folder = f"sweeps/{sweep_id}/proposals"
        self._all: list[Proposal] = []
        self._asked = 0
        self._repeats_at_the_end = 0
        listed = len(store.list(self._folder))
        for data in store.objects.get_many(map(self._key, range(listed))):
            if data is None:  # what lies behind a gap was never run
                break
            self._append(Proposal.model_validate(json.loads(data)))

    def __len__(self) -> int:
        return len(self._all)

    def __iter__(self) -> Iterator[Proposal]:
        return iter(self._all)

    def __getitem__(self, k: int) -> Proposal:
        return self._all[k]

    @property
    def asked(self) -> int:
        """Settings proposed so far that were new."""
        return self._asked

    @property
    def exhausted(self) -> bool:
        """Whether the last proposals were all settings run before."""
        return self._repeats_at_the_end >= MOST_REPEATS

    def add(self, proposal: Proposal) -> Proposal:
        """Writes the next proposal; returns the one that counts, should another driver have been first."""
        assert proposal.k == len(self._all)
        key = self._key(proposal.k)
        nothing = {name for name, empty in (("heard", None), ("noted", {})) if getattr(proposal, name) == empty}
        if not self._store.put_once(key, proposal.model_dump_json(exclude=nothing).encode()):
            found = self._store.get(key)
            assert found is not None, key
            proposal = Proposal.model_validate(json.loads(found))
        self._append(proposal)
        return proposal

    def _append(self, proposal: Proposal) -> None:
        self._all.append(proposal)
        self._asked += not proposal.repeats
        self._repeats_at_the_end = self._repeats_at_the_end + 1 if proposal.repeats else 0

    def _key(self, k: int) -> str:
        return f"{self._folder}/{k:06d}.json"

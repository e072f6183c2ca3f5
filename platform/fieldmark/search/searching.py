"""Optuna's part of a sweep: which setting to try next, given everything that is recorded."""

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

from fieldmark.search import study
from fieldmark.search.asking import Asking, attributes
from fieldmark.search.ledger import Ledger
from fieldmark.search.plan import Group, SweepPlan
from fieldmark.search.proposals import Proposal, Proposals
from fieldmark.search.study import Told
from fieldmark.search.tasks import Task
from search_spaces import priorsnet as space

if TYPE_CHECKING:
    from fieldmark.config import PriorsNetConfig

SEARCH_SEED = 0
"""The seed of every search trial; the best setting is confirmed on fresh ones."""


class Searching(Asking[Task, "PriorsNetConfig"]):
    """Proposes settings of PriorsNet."""

    def __init__(self, plan: SweepPlan, ledger: Ledger, proposals: Proposals) -> None:
        super().__init__(
            proposals,
            directions=[plan.objective.direction],
            sampler=plan.sampler,
            search_seed=plan.search_seed,
            planned=[group.name for group in plan.groups],
            suggest=partial(space.suggest, vary=plan.vary),
        )
        self._plan = plan
        self._ledger = ledger
        self.failed: set[str] = set()
        """Runs that this command gave up."""
        self._run_ids: dict[int, str] = {}
        """Of proposals: their ids are digests, and are asked for at every look."""

    def tasks(self) -> list[Task]:
        """Returns the runs of everything proposed so far, in order."""
        return [self.task(proposal) for proposal in self._proposals if not proposal.repeats]

    def task(self, proposal: Proposal) -> Task:
        """Returns a proposal's run."""
        fields = {
            "number": self.number(proposal),
            "role": "search",
            "params": proposal.params,
            "distributions": proposal.distributions,
        }
        return self._plan.task(proposal.config, SEARCH_SEED, fields, may_stop=True)

    def number(self, proposal: Proposal) -> int:
        """Returns a proposal's position in the plan."""
        return len(self._plan.groups) + proposal.k

    def value_of(self, group: Group) -> float | None:
        """Returns the mean of the objective over a group's seeds, or None until all are recorded."""
        known = [self._ledger.get(self._plan.spec(group.config, seed).run_id) for seed in group.seeds]
        values = [one.value for one in known if one is not None and one.status == "completed" and one.value is not None]
        return sum(values) / len(values) if len(values) == len(group.seeds) else None

    def _as_run(self, setting: "PriorsNetConfig", params: dict[str, Any], distributions: dict[str, str]) -> Any:
        return self._plan.brought_to_data(setting)

    def _runs(self, proposal: Proposal) -> Task:
        return self.task(proposal)

    def _told_others(self) -> Iterator[Told]:
        for group in self._plan.groups:
            value = self.value_of(group) if group.role == "published" else None
            if value is None:
                continue
            for row, params in group.serves.items():
                distributions = study.fixed(params, self._suggest) if params else None
                if distributions is not None:
                    names = {"published": row, "group": group.name}
                    yield Told(
                        params=params, distributions=distributions, state="complete", values=(value,), attributes=names
                    )

    def _told_of(self, proposal: Proposal) -> Told:
        run_id = self._run_id(proposal)
        known = self._ledger.get(run_id)
        retracted = known is not None and known.value is None
        state: study.State = "failed" if retracted or run_id in self.failed else "running"
        if known is not None and known.value is not None:
            state = "complete" if known.status == "completed" else "pruned"
        return Told(
            params=proposal.params,
            distributions=proposal.distributions,
            state=state,
            values=() if known is None or known.value is None else (known.value,),
            epochs=0 if known is None else known.epochs,
            attributes=attributes(proposal),
            noted=proposal.noted,
        )

    def _run_id(self, proposal: Proposal) -> str:
        if proposal.k not in self._run_ids:
            self._run_ids[proposal.k] = self._plan.spec(proposal.config, SEARCH_SEED).run_id
        return self._run_ids[proposal.k]

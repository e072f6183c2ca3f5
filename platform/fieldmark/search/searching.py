"""Optuna's part of a sweep: which setting to try next, given everything that is recorded."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from fieldmark.search import study
from fieldmark.search.ledger import Ledger
from fieldmark.search.plan import Group, SweepPlan
from fieldmark.search.proposals import Proposal, Proposals
from fieldmark.search.study import Told
from fieldmark.search.tasks import Task
from search_spaces import priorsnet as space

if TYPE_CHECKING:
    import optuna

    from fieldmark.config import PriorsNetConfig

MOST_REPEATS = 25
"""So many proposals in a row that were run before, and the space has nothing new."""

SEARCH_SEED = 0
"""The seed of every search trial; the best setting is confirmed on fresh ones."""


class Searching:
    """Proposes settings, one a call, and knows the study."""

    def __init__(self, plan: SweepPlan, ledger: Ledger, proposals: Proposals) -> None:
        self._plan = plan
        self._ledger = ledger
        self._proposals = proposals
        self.failed: set[str] = set()
        """Runs that this command gave up."""
        self._seen = {group.name for group in plan.groups} | {one.config.config_id for one in proposals}

    @property
    def asked(self) -> int:
        """Settings proposed so far that were new."""
        return sum(not proposal.repeats for proposal in self._proposals)

    @property
    def exhausted(self) -> bool:
        """Whether the last proposals were all settings run before."""
        last = list(self._proposals)[-MOST_REPEATS:]
        return len(last) == MOST_REPEATS and all(proposal.repeats for proposal in last)

    def tasks(self) -> list[Task]:
        """Returns the runs of everything proposed so far, in order."""
        return [self.task(proposal) for proposal in self._proposals if not proposal.repeats]

    def task(self, proposal: Proposal) -> Task:
        """Returns a proposal's run."""
        fields = {
            "number": len(self._plan.groups) + proposal.k,
            "role": "search",
            "params": proposal.params,
            "distributions": proposal.distributions,
        }
        return self._plan.task(proposal.config, SEARCH_SEED, fields, may_stop=True)

    def propose(self) -> Task | None:
        """Asks the sampler; returns the run of a setting that is new, or None when nothing new turns up."""
        while not self.exhausted:
            k = len(self._proposals)
            config, params, distributions = study.ask(
                self.told(),
                [self._plan.objective.direction],
                self._plan.sampler,
                study.question_seed(self._plan.search_seed, k),
                self._suggest,
            )
            run = self._plan.brought_to_data(config)
            repeats = run.config_id in self._seen
            proposal = self._proposals.add(
                Proposal(k=k, params=params, distributions=distributions, config=run, repeats=repeats)
            )
            if not proposal.repeats:
                self._seen.add(proposal.config.config_id)
                return self.task(proposal)
        return None

    def told(self) -> list[Told]:
        """Returns what the study knows: complete published groups, then the proposals in order."""
        return [*self._told_groups(), *map(self._told_proposal, self._proposals)]

    def value_of(self, group: Group) -> float | None:
        """Returns the mean of the objective over a group's seeds, or None until all are recorded."""
        known = [self._ledger.get(self._plan.spec(group.config, seed).run_id) for seed in group.seeds]
        values = [one.value for one in known if one is not None and one.status == "completed" and one.value is not None]
        return sum(values) / len(values) if len(values) == len(group.seeds) else None

    def _suggest(self, trial: "optuna.trial.BaseTrial") -> "PriorsNetConfig":
        return space.suggest(trial, self._plan.vary)

    def _told_groups(self) -> Iterator[Told]:
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

    def _told_proposal(self, proposal: Proposal) -> Told:
        run_id = self._plan.spec(proposal.config, SEARCH_SEED).run_id
        known = self._ledger.get(run_id)
        state: study.State = "failed" if run_id in self.failed else "running"
        if known is not None and known.value is not None:
            state = "complete" if known.status == "completed" else "pruned"
        return Told(
            params=proposal.params,
            distributions=proposal.distributions,
            state=state,
            values=() if known is None or known.value is None else (known.value,),
            epochs=0 if known is None else known.epochs,
            attributes={"proposal": proposal.k, "group": proposal.config.config_id, "repeats": proposal.repeats},
        )

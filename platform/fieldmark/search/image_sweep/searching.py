"""Optuna's part of an image sweep: which setting to try next, given everything that is recorded."""

from collections.abc import Iterator, Sequence
from typing import Any

from fieldmark.config import ClassifierConfig, MethodConfig
from fieldmark.search.asking import Asking, attributes
from fieldmark.search.image_sweep.ledger import ImageLedger
from fieldmark.search.image_sweep.plan import Group, ImageSweepPlan
from fieldmark.search.image_sweep.warm import WarmGroup
from fieldmark.search.proposals import Proposal, Proposals
from fieldmark.search.study import Told


class ImageSearching(Asking[Group, ClassifierConfig]):
    """Proposes settings of image classifiers."""

    def __init__(
        self, plan: ImageSweepPlan, ledger: ImageLedger, proposals: Proposals, warm: Sequence[WarmGroup]
    ) -> None:
        super().__init__(
            proposals,
            directions=plan.directions,
            sampler=plan.sampler,
            search_seed=plan.search_seed,
            planned=[group.name for group in plan.groups],
            suggest=plan.space.suggest,
        )
        self._plan = plan
        self._ledger = ledger
        self._warm = [_told_warm(one) for one in warm]
        self._groups: dict[int, Group] = {}

    def groups(self) -> list[Group]:
        """Returns the groups of everything new that was proposed so far, in order."""
        return [self.group(proposal) for proposal in self._proposals if not proposal.repeats]

    def group(self, proposal: Proposal) -> Group:
        """Returns a proposal's runs."""
        if proposal.k not in self._groups:
            number = len(self._plan.groups) + proposal.k
            found = self._plan.proposed(proposal.params, proposal.distributions, number=number)
            assert found.name == proposal.config.config_id, "a space that has changed is another sweep"
            self._groups[proposal.k] = found
        return self._groups[proposal.k]

    def _as_run(self, setting: ClassifierConfig, params: dict[str, Any], distributions: dict[str, str]) -> MethodConfig:
        return self._plan.proposed(params, distributions, number=0).config

    def _runs(self, proposal: Proposal) -> Group:
        return self.group(proposal)

    def _told_others(self) -> Iterator[Told]:
        yield from self._warm
        for group in self._plan.groups:
            standing = self._ledger.standing(group)
            if group.role == "published" and group.params and standing.state == "complete":
                yield Told(
                    params=group.params,
                    distributions=group.distributions,
                    state="complete",
                    values=standing.values,
                    attributes={"group": group.name, "role": group.role},
                )

    def _told_of(self, proposal: Proposal) -> Told:
        standing = self._ledger.standing(self.group(proposal))
        return Told(
            params=proposal.params,
            distributions=proposal.distributions,
            state=standing.state,
            values=standing.values,
            epochs=standing.epochs,
            attributes=attributes(proposal),
            noted=proposal.noted,
        )


def _told_warm(warm: WarmGroup) -> Told:
    return Told(
        params=warm.params,
        distributions=warm.distributions,
        state="complete",
        values=warm.values,
        attributes={"runs": list(warm.run_ids), "role": "warm"},
    )

"""Optuna's part of an image sweep: which setting to try next, given everything that is recorded."""

from collections.abc import Iterator, Sequence

from fieldmark.search import study
from fieldmark.search.image_sweep.ledger import ImageLedger
from fieldmark.search.image_sweep.plan import Group, ImageSweepPlan
from fieldmark.search.image_sweep.warm import WarmGroup
from fieldmark.search.proposals import Proposal, Proposals
from fieldmark.search.searching import MOST_REPEATS
from fieldmark.search.study import Told


class ImageSearching:
    """Proposes settings, one a call, and knows the study."""

    def __init__(
        self, plan: ImageSweepPlan, ledger: ImageLedger, proposals: Proposals, warm: Sequence[WarmGroup]
    ) -> None:
        self._plan = plan
        self._ledger = ledger
        self._proposals = proposals
        self._warm = warm
        self._groups: dict[int, Group] = {}
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

    def propose(self) -> Group | None:
        """Asks the sampler; returns the runs of a setting that is new, or None when nothing new turns up."""
        while not self.exhausted:
            k = len(self._proposals)
            _, params, texts = study.ask(
                self.told(),
                self._plan.directions,
                self._plan.sampler,
                study.question_seed(self._plan.search_seed, k),
                self._plan.space.suggest,
            )
            config = self._plan.proposed(params, texts, number=k).config
            repeats = config.config_id in self._seen
            proposal = self._proposals.add(
                Proposal(k=k, params=params, distributions=texts, config=config, repeats=repeats)
            )
            if not proposal.repeats:
                self._seen.add(proposal.config.config_id)
                return self.group(proposal)
        return None

    def told(self) -> list[Told]:
        """Returns what the study knows: other runs' settings, complete published groups, the proposals in order."""
        return [*map(_told_warm, self._warm), *self._told_published(), *map(self._told_proposal, self._proposals)]

    def _told_published(self) -> Iterator[Told]:
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

    def _told_proposal(self, proposal: Proposal) -> Told:
        standing = self._ledger.standing(self.group(proposal))
        return Told(
            params=proposal.params,
            distributions=proposal.distributions,
            state=standing.state,
            values=standing.values,
            epochs=standing.epochs,
            attributes={"proposal": proposal.k, "group": proposal.config.config_id, "repeats": proposal.repeats},
        )


def _told_warm(warm: WarmGroup) -> Told:
    return Told(
        params=warm.params,
        distributions=warm.distributions,
        state="complete",
        values=warm.values,
        attributes={"runs": list(warm.run_ids), "role": "warm"},
    )

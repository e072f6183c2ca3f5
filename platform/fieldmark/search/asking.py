"""The part of a search that all sweeps share: asking the sampler, and what it is told."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from fieldmark.config import MethodConfig
from fieldmark.search import study
from fieldmark.search.history import WITHOUT_HISTORY, batch_start, heard
from fieldmark.search.proposals import Proposal, Proposals
from fieldmark.search.study import Questions, Told

if TYPE_CHECKING:
    import optuna

Runs = TypeVar("Runs")
"""What is run of a proposal."""
Setting = TypeVar("Setting")
"""What the search space gives."""


class Asking(ABC, Generic[Runs, Setting]):
    """Proposes settings, one a call, and knows the study."""

    def __init__(
        self,
        proposals: Proposals,
        *,
        directions: Sequence[str],
        sampler: str,
        search_seed: int,
        planned: Iterable[str],
        suggest: "Callable[[optuna.trial.BaseTrial], Setting]",
    ) -> None:
        """Takes up what was proposed before.

        Args:
            proposals: of the sweep.
            directions: `maximize` or `minimize`, one an objective.
            sampler: a name that `study.make_sampler` knows.
            search_seed: of the sampler.
            planned: ids of the configurations that are run whatever the sampler says.
            suggest: the search space: returns the setting that a trial proposes.
        """
        self._proposals = proposals
        self._directions = list(directions)
        self._sampler = sampler
        self._search_seed = search_seed
        self._suggest = suggest
        self._seen = {*planned, *(one.config.config_id for one in proposals)}
        self._told: list[Told | None] = []
        """Of every proposal what the study is told: what is final, and else what was known at the last look."""
        self._open: set[int] = set()
        """Proposals of which something may yet become known."""
        self._best: tuple[float, int] | None = None
        """Of the best complete proposal how good it is, and minus its number."""
        self._batch: tuple[int, Questions, int | None] | None = None
        """The present batch's first question, its study, and of how many trials that heard if not of all."""

    @property
    def asked(self) -> int:
        """Settings proposed so far that were new."""
        return self._proposals.asked

    @property
    def exhausted(self) -> bool:
        """Whether the last proposals were all settings run before."""
        return self._proposals.exhausted

    def propose(self) -> Runs | None:
        """Asks the sampler; returns the runs of a setting that is new, or None when nothing new turns up."""
        while not self.exhausted:
            proposal = self._ask()
            if not proposal.repeats:
                self._seen.add(proposal.config.config_id)
                return self._runs(proposal)
        return None

    def told(self) -> list[Told]:
        """Returns what there is to tell: other runs' settings, complete published groups, the proposals in order."""
        self._look()
        return [*self._told_others(), *(one for one in self._told if one is not None)]

    def best(self) -> tuple[float, Proposal] | None:
        """Returns the best complete proposal by the first objective, with its value; the earliest of equals."""
        self._look()
        if self._best is None:
            return None
        k = -self._best[1]
        told = self._told[k]
        assert told is not None
        return told.values[0], self._proposals[k]

    @abstractmethod
    def _as_run(self, setting: Setting, params: dict[str, Any], distributions: dict[str, str]) -> MethodConfig:
        """Returns a setting as it is run on this data."""

    @abstractmethod
    def _runs(self, proposal: Proposal) -> Runs:
        """Returns what is run of a proposal."""

    @abstractmethod
    def _told_others(self) -> Iterable[Told]:
        """Returns what the study is told before the proposals."""

    @abstractmethod
    def _told_of(self, proposal: Proposal) -> Told:
        """Returns what is known of a proposal."""

    def _ask(self) -> Proposal:
        k = len(self._proposals)
        questions, of_how_many = self._questions(k)
        seed = study.question_seed(self._search_seed, k)
        setting, params, distributions = questions.ask(self._sampler, seed, self._suggest)
        config = self._as_run(setting, params, distributions)
        repeats = config.config_id in self._seen
        proposal = self._proposals.add(
            Proposal(
                k=k,
                params=params,
                distributions=distributions,
                config=config,
                repeats=repeats,
                heard=of_how_many,
                noted=questions.noted,
            )
        )
        if self._sampler not in WITHOUT_HISTORY:
            questions.hear(_running(proposal))
        return proposal

    def _questions(self, k: int) -> tuple[Questions, int | None]:
        """Returns the study that question k is put to: as of its batch's start, and the batch's earlier answers."""
        start = batch_start(k)
        if self._batch is None or self._batch[0] != start:
            told = [] if self._sampler in WITHOUT_HISTORY else self._told_before(start)
            chosen = heard(told, self._directions[0])
            questions = Questions([*chosen, *self._asked_since(start, k)], self._directions)
            self._batch = start, questions, None if len(chosen) == len(told) else len(chosen)
        return self._batch[1], self._batch[2]

    def _told_before(self, start: int) -> list[Told]:
        self._look()
        return [*self._told_others(), *(one for one in self._told[:start] if one is not None)]

    def _asked_since(self, start: int, k: int) -> list[Told]:
        if self._sampler in WITHOUT_HISTORY:
            return []
        return [_running(self._proposals[one]) for one in range(start, k)]

    def _look(self) -> None:
        """Looks at the proposals that are not known to be at their end."""
        fresh = range(len(self._told), len(self._proposals))
        self._told.extend(None for _ in fresh)
        self._open.update(fresh)
        for k in sorted(self._open):
            told = self._told[k] = self._told_of(self._proposals[k])
            if told.state in ("complete", "pruned"):
                self._open.remove(k)
            if told.state == "complete" and not self._proposals[k].repeats:
                sign = 1 if self._directions[0] == "maximize" else -1
                self._best = max(self._best or (-float("inf"), -k), (sign * told.values[0], -k))


def _running(proposal: Proposal) -> Told:
    return Told(
        params=proposal.params,
        distributions=proposal.distributions,
        state="running",
        attributes=attributes(proposal),
        noted=proposal.noted,
    )


def attributes(proposal: Proposal) -> dict[str, Any]:
    """Returns what stands beside a proposal in the study."""
    return {"proposal": proposal.k, "group": proposal.config.config_id, "repeats": proposal.repeats}

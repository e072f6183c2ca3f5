"""What to run next. Knows plans, records and Optuna; never touches a process.

The order is: published rows (every row once, then every row again with the next seed), baselines, Optuna's trials, and
at last the best setting again on fresh seeds. What is recorded is never run again; a worker that was killed is replaced
twice; a run that raised an exception is not tried again by this command, but by the next one.
"""

from collections import deque

from fieldmark.config import PriorsNetConfig, effective
from fieldmark.search.ledger import Ledger
from fieldmark.search.plan import CONFIRMATION_SEED, Group, SweepPlan
from fieldmark.search.proposals import Proposals
from fieldmark.search.searching import SEARCH_SEED, Searching
from fieldmark.search.study import Told
from fieldmark.search.tasks import Task
from fieldmark.search.under_way import UnderWay


class Scheduler(UnderWay[Task]):
    """Hands out tasks and hears how they ended."""

    def __init__(self, plan: SweepPlan, ledger: Ledger, proposals: Proposals) -> None:
        super().__init__()
        self.plan = plan
        self._ledger = ledger
        self._search = Searching(plan, ledger, proposals)
        self._met: set[str] = set()
        self._confirming = False
        self._queue: deque[Task] = deque()
        for task in [*self._fixed_tasks(), *self._proposed()]:
            self._enqueue(task)
        self.done_before = sum(ledger.get(run_id) is not None for run_id in self._met)

    def _next(self) -> Task | None:
        if self._queue:
            return self._started(self._queue.popleft())
        while self._search.asked < self.plan.trials and not self._search.exhausted:
            task = self._search.propose()
            if task is not None:
                self._met.add(task.run_id)
                if self._ledger.look_again(task.run_id) is None:
                    return self._started(task)
                self.done_before += 1
        if not self._running and not self._confirming:
            self._confirming = True
            for group in self.confirmations():
                for task in self.plan.tasks(group):
                    self._enqueue(task)
                    self.done_before += self._ledger.get(task.run_id) is not None
            return self._next()
        return None

    @property
    def planned(self) -> int:
        """Runs that the whole sweep has, as far as is known now."""
        proposals = max(0, self.plan.trials - self._search.asked) if not self._search.exhausted else 0
        confirmations = 0 if self._confirming else self.plan.seeds + self.plan.confirm_exact
        return len(self._met) + proposals + confirmations

    def told(self) -> list[Told]:
        """Returns what the study knows."""
        return self._search.told()

    def best(self) -> Group | None:
        """Returns the best setting by the objective on tune, as a group to confirm; None before any is complete."""
        best = self._best()
        return None if best is None else best[1]

    def best_value(self) -> float | None:
        """Returns the best setting's objective on tune."""
        best = self._best()
        return None if best is None else best[0]

    def standing(self) -> str:
        """Returns the best value so far, in words."""
        best = self.best_value()
        return "nothing to compare yet" if best is None else f"best {self.plan.objective.metric} on tune {best:.4f}"

    def confirmations(self) -> list[Group]:
        """Returns the groups that repeat the best setting: on fresh seeds, and once exactly after a sampled search."""
        best = self.best()
        if best is None:
            return []
        seeds = tuple(range(CONFIRMATION_SEED, CONFIRMATION_SEED + self.plan.seeds))
        fresh = best.model_copy(update={"role": "confirmation", "seeds": seeds})
        return [fresh, self._exactly(fresh)] if self.plan.confirm_exact else [fresh]

    def _exactly(self, group: Group) -> Group:
        assert isinstance(group.config, PriorsNetConfig)
        exact = group.config.model_copy(update={"loss": "exact"})
        config = effective(exact, self.plan.facts.card.largest_category)
        return group.model_copy(update={"config": config, "seeds": (CONFIRMATION_SEED,)})

    def _best(self) -> tuple[float, Group] | None:
        """Returns the best value and its setting; the superset's row stands apart and is none."""
        found = [
            (value, group)
            for group in self.plan.groups
            if group.role == "published" and group.params and (value := self._search.value_of(group)) is not None
        ]
        searched = self._search.best()
        if searched is not None:
            value, proposal = searched
            group = Group(
                role="confirmation",
                config=proposal.config,
                seeds=(SEARCH_SEED,),
                number=self._search.number(proposal),
                params=proposal.params,
            )
            found.append((value, group))
        return max(found, key=lambda one: self.plan.objective.goodness(one[0]), default=None)

    def _fixed_tasks(self) -> list[Task]:
        published = [self.plan.tasks(group) for group in self.plan.groups if group.role == "published"]
        by_seed = [tasks[position] for position in range(self.plan.seeds) for tasks in published]
        baselines = [task for group in self.plan.groups if group.role == "baseline" for task in self.plan.tasks(group)]
        return [*by_seed, *baselines]

    def _proposed(self) -> list[Task]:
        """Returns what was proposed before: all that is recorded, and of the rest what is still asked for."""
        tasks = self._search.tasks()
        return [task for k, task in enumerate(tasks) if k < self.plan.trials or self._ledger.get(task.run_id)]

    def _enqueue(self, task: Task) -> None:
        if task.run_id in self._met:
            return
        self._met.add(task.run_id)
        if self._ledger.look_again(task.run_id) is None:
            self._queue.append(task)

    def _cost(self, unit: Task) -> float | None:
        known = self._ledger.look_again(unit.run_id)
        return None if known is None else known.cpu_seconds

    def _again(self, unit: Task) -> None:
        self._queue.appendleft(unit)

    def _give_up(self, unit: Task, message: str) -> None:
        self._failed(unit, message)
        self._search.failed.add(unit.run_id)

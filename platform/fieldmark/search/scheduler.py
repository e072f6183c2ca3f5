"""What to run next. Knows plans, records and Optuna; never touches a process.

The order is: published rows (every row once, then every row again with the next seed), baselines, Optuna's trials, and
at last the best setting again on fresh seeds. What is recorded is never run again; a worker that was killed is replaced
twice; a run that raised an exception is not tried again by this command, but by the next one.
"""

from collections import Counter, deque
from dataclasses import dataclass

from fieldmark.config import PriorsNetConfig, effective
from fieldmark.search.ledger import Ledger
from fieldmark.search.plan import CONFIRMATION_SEED, Group, SweepPlan
from fieldmark.search.proposals import Proposals
from fieldmark.search.schedule import share_by_count
from fieldmark.search.searching import SEARCH_SEED, Searching
from fieldmark.search.study import Told
from fieldmark.search.tasks import Outcome, Task

RETRIES = 2
"""How often a run whose worker was killed is tried again by one command."""


@dataclass(frozen=True, kw_only=True)
class Failure:
    """A run that this command gave up."""

    task: Task
    message: str


class Scheduler:
    """Hands out tasks and hears how they ended."""

    def __init__(self, plan: SweepPlan, ledger: Ledger, proposals: Proposals) -> None:
        self.plan = plan
        self._ledger = ledger
        self._search = Searching(plan, ledger, proposals)
        self._running: dict[str, Task] = {}
        self._lost: Counter[str] = Counter()
        self._new: list[str] = []
        self._met: set[str] = set()
        self._closed = False
        self._confirming = False
        self._queue: deque[Task] = deque()
        self.failures: list[Failure] = []
        for task in [*self._fixed_tasks(), *self._proposed()]:
            self._enqueue(task)
        self.done_before = sum(ledger.get(run_id) is not None for run_id in self._met)

    def next(self) -> Task | None:
        """Returns a task to start now, or None: wait for results, or, with nothing running, the end."""
        if self._closed:
            return None
        if self._queue:
            return self._start(self._queue.popleft())
        if self._search.asked < self.plan.trials and not self._search.exhausted:
            task = self._search.propose()
            if task is not None:
                self._met.add(task.run_id)
                if self._ledger.look_again(task.run_id) is None:
                    return self._start(task)
                self.done_before += 1
                return self.next()
        if not self._running and not self._confirming:
            self._confirming = True
            for group in self.confirmations():
                for task in self.plan.tasks(group):
                    self._enqueue(task)
                    self.done_before += self._ledger.get(task.run_id) is not None
            return self.next()
        return None

    def tell(self, outcome: Outcome) -> None:
        """Hears that a task has ended; the store, not the outcome, says whether its run is recorded."""
        task = self._running.pop(outcome.run_id)
        if self._ledger.look_again(outcome.run_id) is not None:
            self._new.append(outcome.run_id)
        elif outcome.kind == "failed":
            self._give_up(task, outcome.message)
        else:
            self._retry(task, outcome.message)

    def close(self) -> None:
        """Starts nothing new from now on."""
        self._closed = True

    @property
    def closed(self) -> bool:
        """Whether `close` was called."""
        return self._closed

    @property
    def running(self) -> list[Task]:
        """Tasks that were started and have not ended."""
        return list(self._running.values())

    @property
    def new_runs(self) -> list[str]:
        """Ids of runs recorded since the start, in that order."""
        return list(self._new)

    @property
    def recorded(self) -> int:
        """Runs of this sweep that are recorded, by whatever command."""
        return self.done_before + len(self._new)

    @property
    def planned(self) -> int:
        """Runs that the whole sweep has, as far as is known now."""
        proposals = max(0, self.plan.trials - self._search.asked) if not self._search.exhausted else 0
        confirmations = 0 if self._confirming else self.plan.seeds + self.plan.confirm_exact
        return len(self._met) + proposals + confirmations

    @property
    def cpu_seconds(self) -> float:
        """What the runs recorded since the start have cost."""
        known = (self._ledger.get(run_id) for run_id in self._new)
        return sum(one.cpu_seconds for one in known if one is not None)

    def told(self) -> list[Told]:
        """Returns what the study knows."""
        return self._search.told()

    def best(self) -> Group | None:
        """Returns the best setting by the objective on tune, as a group to confirm; None before any is complete."""
        candidates = self._candidates()
        if not candidates:
            return None
        return max(candidates, key=lambda one: self.plan.objective.goodness(one[0]))[1]

    def best_value(self) -> float | None:
        """Returns the best setting's objective on tune."""
        values = [value for value, _ in self._candidates()]
        return max(values, key=self.plan.objective.goodness) if values else None

    @property
    def share_done(self) -> float:
        """Share of this command's runs that are done."""
        return share_by_count(self)

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

    def _candidates(self) -> list[tuple[float, Group]]:
        """Returns every setting with a value; the superset's row stands apart and is none."""
        found = []
        for group in self.plan.groups:
            value = self._search.value_of(group)
            if group.role == "published" and group.params and value is not None:
                found.append((value, group))
        for task in self._search.tasks():
            known = self._ledger.get(task.run_id)
            if known is not None and known.status == "completed" and known.value is not None:
                trial = task.trial
                group = Group(
                    role="confirmation",
                    config=task.spec.config,
                    seeds=(SEARCH_SEED,),
                    number=trial.number,
                    params=trial.params,
                )
                found.append((known.value, group))
        return found

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

    def _start(self, task: Task) -> Task:
        self._running[task.run_id] = task
        return task

    def _retry(self, task: Task, message: str) -> None:
        self._lost[task.run_id] += 1
        if self._lost[task.run_id] <= RETRIES:
            self._queue.appendleft(task)
            return
        self._give_up(task, f"its worker was lost {RETRIES + 1} times; {message}".rstrip("; "))

    def _give_up(self, task: Task, message: str) -> None:
        self.failures.append(Failure(task=task, message=message))
        self._search.failed.add(task.run_id)

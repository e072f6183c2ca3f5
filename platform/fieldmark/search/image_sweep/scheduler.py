"""What to run next. Knows plans, records and Optuna; never touches a process.

The order is: image-only references, published settings (every one once, then again with the next seed), Optuna's
trials, and at last the best setting again on fresh seeds. A run that starts from another waits for it. A trial's
seeds follow each other; with early stopping seed 0 decides first, and the trial whose seed 0 was stopped at a rung gets
no other. What is done is never done again; a worker that was killed is replaced twice; a run that raised an exception
is tried again by the next command only, and so is everything that starts from it.
"""

from collections import Counter, deque
from collections.abc import Sequence

from fieldmark.search.image_sweep.ledger import ImageLedger, Standing
from fieldmark.search.image_sweep.plan import Group, ImageSweepPlan
from fieldmark.search.image_sweep.searching import ImageSearching
from fieldmark.search.image_sweep.warm import WarmGroup
from fieldmark.search.image_task import ImageTask
from fieldmark.search.proposals import Proposals
from fieldmark.search.schedule import share_by_count
from fieldmark.search.scheduler import RETRIES, Failure
from fieldmark.search.study import Told
from fieldmark.search.tasks import Outcome


class ImageScheduler:
    """Hands out units and hears how they ended."""

    def __init__(
        self, plan: ImageSweepPlan, ledger: ImageLedger, proposals: Proposals, warm: Sequence[WarmGroup] = ()
    ) -> None:
        self.plan = plan
        self._ledger = ledger
        self._search = ImageSearching(plan, ledger, proposals, warm)
        self._queue: deque[ImageTask] = deque()
        self._running: dict[str, ImageTask] = {}
        self._met: set[str] = set()
        self._lost: Counter[str] = Counter()
        self._undecided: dict[str, Group] = {}
        """By the run of its seed 0: groups whose other seeds wait for that."""
        self._confirming = False
        self._closed = False
        self._cpu_seconds = 0.0
        self.done_before = 0
        """Units that were done before this command."""
        self.new_runs: list[str] = []
        self.failures: list[Failure] = []
        self._plan_what_is_known()

    def next(self) -> ImageTask | None:
        """Returns a unit to start now, or None: wait for results, or, with nothing running, the end."""
        if self._closed:
            return None
        if self._queue:
            return self._start()
        if self._search.asked < self.plan.trials and not self._search.exhausted:
            group = self._search.propose()
            if group is not None:
                self._add_trial(group)
                return self.next()
        if not self._running and not self._confirming:
            self._confirming = True
            for group in self.confirmations():
                self._add(self.plan.units(group))
            return self.next()
        return None

    def tell(self, outcome: Outcome) -> None:
        """Hears that a unit has ended; the store, not the outcome, says whether it is done."""
        unit = self._running.pop(outcome.run_id)
        if (known := self._ledger.look_again(unit)) is not None:
            self._cpu_seconds += known.cpu_seconds
            self.new_runs.append(unit.run_id)
            self._decide(unit.run_id)
        elif outcome.kind == "failed":
            self._give_up(unit, outcome.message)
        else:
            self._retry(unit, outcome.message)

    def close(self) -> None:
        """Starts nothing new from now on."""
        self._closed = True

    @property
    def closed(self) -> bool:
        """Whether `close` was called."""
        return self._closed

    @property
    def running(self) -> list[ImageTask]:
        """Units that were started and have not ended."""
        return list(self._running.values())

    @property
    def recorded(self) -> int:
        """Units of this sweep that are done, by whatever command."""
        return self.done_before + len(self.new_runs)

    @property
    def planned(self) -> int:
        """Units that the whole sweep has, as far as is known now."""
        waiting = sum(len(group.seeds) - 1 for group in self._undecided.values())
        trials = 0 if self._search.exhausted else max(0, self.plan.trials - self._search.asked)
        fresh = 0 if self._confirming else self.plan.seeds * (2 if self.plan.frozen else 1)
        return len(self._met) + waiting + trials * self.plan.seeds + fresh

    @property
    def cpu_seconds(self) -> float:
        """What the units done since the start have cost."""
        return self._cpu_seconds

    @property
    def share_done(self) -> float:
        """Share of this command's runs that are done."""
        return share_by_count(self)

    def standing(self) -> str:
        """Returns how far the settings have come, in a few words."""
        best = self.best()
        return "nothing to compare yet" if best is None else f"highest top-1 on tune {self.stands(best).values[0]:.4f}"

    def groups(self) -> list[Group]:
        """Returns all groups known now: references, published, proposed, and the confirmation once it has begun."""
        return [*self.plan.groups, *self._search.groups(), *(self.confirmations() if self._confirming else ())]

    def stands(self, group: Group) -> Standing:
        """Returns how a group stands."""
        return self._ledger.standing(group)

    def told(self) -> list[Told]:
        """Returns what the study knows."""
        return self._search.told()

    def best(self) -> Group | None:
        """Returns the best complete setting by accuracy on tune, the earliest of equals; None before there is any."""
        found = [group for group in (*self.plan.groups, *self._search.groups()) if group.role != "baseline"]
        complete = [group for group in found if self.stands(group).state == "complete"]
        return max(complete, key=lambda group: self.stands(group).values[0], default=None)

    def confirmations(self) -> list[Group]:
        """Returns the group that repeats the best setting on fresh seeds."""
        best = self.best()
        return [] if best is None else [self.plan.confirmation(best)]

    def _plan_what_is_known(self) -> None:
        references = [group for group in self.plan.groups if group.role == "baseline"]
        published = [group for group in self.plan.groups if group.role == "published"]
        for group in references:
            self._add(self.plan.units(group))
        for place in range(self.plan.seeds):
            for group in published:
                self._add(self.plan.needed(group, group.seeds[place]))
        for k, group in enumerate(self._search.groups()):
            if k < self.plan.trials or self._ledger.get(self._ledger.unit(group, group.seeds[0])) is not None:
                self._add_trial(group)

    def _add_trial(self, group: Group) -> None:
        """Takes a trial up: all its seeds, or the first of them, which then decides."""
        if not self.plan.early_stopping:
            self._add(self.plan.units(group))
            return
        first = group.seeds[0]
        self._undecided[self._ledger.unit(group, first).run_id] = group
        self._add(self.plan.needed(group, first))
        self._decide(self._ledger.unit(group, first).run_id)

    def _decide(self, run_id: str) -> None:
        """Takes up a trial's other seeds when its seed 0 has come to its end."""
        group = self._undecided.get(run_id)
        known = None if group is None else self._ledger.get(self._ledger.unit(group, group.seeds[0]))
        if group is None or known is None:
            return
        del self._undecided[run_id]
        if known.status == "completed":
            for seed in group.seeds[1:]:
                self._add(self.plan.needed(group, seed))

    def _add(self, units: Sequence[ImageTask]) -> None:
        for unit in units:
            if unit.run_id in self._met:
                continue
            self._met.add(unit.run_id)
            if self._ledger.get(unit) is not None:
                self.done_before += 1
            elif unit.start in self._ledger.failed:
                self._give_up(unit, _start_failed(unit))
            else:
                self._queue.append(unit)

    def _start(self) -> ImageTask | None:
        """Starts the first unit that waits for no other; None while all wait for one that is under way."""
        waited_for = {unit.run_id for unit in (*self._queue, *self._running.values())}
        unit = next((one for one in self._queue if one.start not in waited_for), None)
        if unit is not None:
            self._queue.remove(unit)
            self._running[unit.run_id] = unit
        return unit

    def _retry(self, unit: ImageTask, message: str) -> None:
        self._lost[unit.run_id] += 1
        if self._lost[unit.run_id] <= RETRIES:
            self._queue.appendleft(unit)
            return
        self._give_up(unit, f"its worker was lost {RETRIES + 1} times; {message}".rstrip("; "))

    def _give_up(self, unit: ImageTask, message: str) -> None:
        self.failures.append(Failure(task=unit.task, message=message))
        self._ledger.failed.add(unit.run_id)
        self._undecided.pop(unit.run_id, None)
        for other in [one for one in self._queue if one.start == unit.run_id]:
            self._queue.remove(other)
            self._give_up(other, _start_failed(other))


def _start_failed(unit: ImageTask) -> str:
    return f"the image-only run {(unit.start or '')[:10]} that it starts from failed"

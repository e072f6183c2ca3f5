"""What to run next. Knows plans, records and Optuna; never touches a process.

The order is: image-only references, published settings (every one once, then again with the next seed), Optuna's
trials, and at last the best setting again on fresh seeds. A run that starts from another waits for it. A trial's
seeds follow each other; with early stopping seed 0 decides first, and the trial whose seed 0 was stopped at a rung gets
no other. What is done is never done again; a worker that was killed is replaced twice; a run that raised an exception
is tried again by the next command only, and so is everything that starts from it.
"""

from collections.abc import Sequence

from fieldmark.search.image_sweep.ledger import ImageLedger, Standing
from fieldmark.search.image_sweep.plan import Group, ImageSweepPlan
from fieldmark.search.image_sweep.searching import ImageSearching
from fieldmark.search.image_sweep.warm import WarmGroup
from fieldmark.search.image_task import ImageTask
from fieldmark.search.proposals import Proposals
from fieldmark.search.study import Told
from fieldmark.search.under_way import UnderWay


class ImageScheduler(UnderWay[ImageTask]):
    """Hands out units and hears how they ended."""

    def __init__(
        self, plan: ImageSweepPlan, ledger: ImageLedger, proposals: Proposals, warm: Sequence[WarmGroup] = ()
    ) -> None:
        super().__init__()
        self.plan = plan
        self._ledger = ledger
        self._search = ImageSearching(plan, ledger, proposals, warm)
        self._queue: dict[str, ImageTask] = {}
        """By run id, in the order in which they are to start."""
        self._met: set[str] = set()
        self._undecided: dict[str, Group] = {}
        """By the run of its seed 0: groups whose other seeds wait for that."""
        self._confirming = False
        self._plan_what_is_known()

    def _next(self) -> ImageTask | None:
        while not self._queue and self._search.asked < self.plan.trials and not self._search.exhausted:
            group = self._search.propose()
            if group is not None:
                self._add_trial(group)
        if self._queue:
            return self._start()
        if not self._running and not self._confirming:
            self._confirming = True
            for group in self.confirmations():
                self._add(self.plan.units(group))
            return self._next()
        return None

    @property
    def planned(self) -> int:
        """Units that the whole sweep has, as far as is known now."""
        waiting = sum(len(group.seeds) - 1 for group in self._undecided.values())
        trials = 0 if self._search.exhausted else max(0, self.plan.trials - self._search.asked)
        fresh = 0 if self._confirming else self.plan.seeds * (2 if self.plan.frozen else 1)
        return len(self._met) + waiting + trials * self.plan.seeds + fresh

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
        planned = [group for group in self.plan.groups if group.role != "baseline"]
        found = [(self.stands(group).values[0], group) for group in planned if self.stands(group).state == "complete"]
        searched = self._search.best()
        if searched is not None:
            found.append((searched[0], self._search.group(searched[1])))
        return max(found, key=lambda one: one[0], default=(0.0, None))[1]

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
                self._queue[unit.run_id] = unit

    def _start(self) -> ImageTask | None:
        """Starts the first unit that waits for no other; None while all wait for one that is under way."""
        ready = (one for one in self._queue.values() if not (one.start in self._queue or one.start in self._running))
        unit = next(ready, None)
        if unit is not None:
            del self._queue[unit.run_id]
            self._started(unit)
        return unit

    def _cost(self, unit: ImageTask) -> float | None:
        known = self._ledger.look_again(unit)
        return None if known is None else known.cpu_seconds

    def _ended(self, unit: ImageTask) -> None:
        self._decide(unit.run_id)

    def _again(self, unit: ImageTask) -> None:
        self._queue = {unit.run_id: unit, **self._queue}

    def _give_up(self, unit: ImageTask, message: str) -> None:
        self._failed(unit, message)
        self._ledger.failed.add(unit.run_id)
        self._undecided.pop(unit.run_id, None)
        for other in [one for one in self._queue.values() if one.start == unit.run_id]:
            if self._queue.pop(other.run_id, None) is not None:
                self._give_up(other, _start_failed(other))


def _start_failed(unit: ImageTask) -> str:
    return f"the image-only run {(unit.start or '')[:10]} that it starts from failed"

"""Nodes that fail and come back, in virtual time that the driver's real work delays.

Virtual time advances to the next event, and by the measured time of everything that the driver does between two calls
of the executor: asking, telling, reading and writing the store. The driver does one thing at a time, so that this
delays every slot that waits for it. What a trial writes when it ends is measured too, but delays that trial's slot
only: workers do it side by side.
"""

import heapq
import random
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from fieldmark.search.executors.bench import Unit
from fieldmark.search.executors.simulated import SimulatedExecutor
from fieldmark.search.simulation.machines import Machines, checkpoint_seconds
from fieldmark.search.simulation.meter import TRIAL, Meter
from fieldmark.search.tasks import Outcome

HOUR = 3600.0


@dataclass(kw_only=True)
class _Attempt:
    unit: Unit
    node: int
    begun: float
    seconds: float
    """What is left of the trial at the start."""
    gone: bool = False
    """Whether the node has failed under it."""


class SimulatedCluster(SimulatedExecutor):
    """Runs units on nodes; a unit on a node that fails is lost, and goes on from its checkpoint when started again."""

    def __init__(
        self,
        machines: Machines,
        run: Callable[[Unit], Outcome],
        duration: Callable[[Unit], float],
        epochs: Callable[[Unit], int],
        meter: Meter,
    ) -> None:
        """Starts all nodes.

        Args:
            machines: the cluster.
            run: writes what a trial writes at its end; its real time is added to the trial's slot.
            duration: seconds of a whole unit.
            epochs: of a unit, all of the same length: a checkpoint is written between two of them.
            meter: of the driver's work.
        """
        super().__init__(machines.nodes * machines.slots, run, duration)
        self.driver_seconds = self.driver_cpu_seconds = 0.0
        self.node_failures = self.lost = 0
        self.lost_seconds = 0.0
        """Slot time whose work was done again, and slot time until the driver heard."""
        self.durations: dict[str, float] = {}
        self._machines = machines
        self._epochs = epochs
        self._meter = meter
        self._up = machines.nodes
        self._on: list[set[int]] = [set() for _ in range(machines.nodes)]
        self._attempts: dict[int, _Attempt] = {}
        self._begun = 0
        self._boots = [0] * machines.nodes
        self._free = [(node, 0) for node in range(machines.nodes) for _ in range(machines.slots)]
        """Of every free slot its node, and of which boot it is; sorted, and so a heap."""
        self._waiting: deque[Unit] = deque()
        self._unheard = 0
        self._more_room = False
        self._kept: dict[str, float] = {}
        """By run: seconds of work in the last checkpoint."""
        self._luck = [random.Random(f"{machines.seed} {node}") for node in range(machines.nodes)]
        for node in range(machines.nodes if machines.failures else 0):
            self._plan_failure(node, 0.0)

    @property
    def capacity(self) -> int:
        """Slots of the nodes that are up, and of trials that the driver takes for alive; one at least, to wait in."""
        return max(1, self._up * self._machines.slots + self._unheard)

    def start(self, unit: Unit) -> None:
        """Starts the unit, once the driver has done what it did since the last call."""
        self._delay()
        self.now += self._machines.dispatch
        self.started.append(unit.run_id)
        self._place(unit, self.now)
        self._meter.begin_lap()

    def poll(self, timeout: float) -> list[Outcome]:
        """Advances the clock until a trial ends or a node is back, and returns all that has ended by then."""
        self._delay()
        found: list[Outcome] = []
        self._more_room = False  # a node that comes back is seen at once, not when the next trial ends
        while self._events and not (found or self._more_room):
            found = self._step()
        while self._events and self._events[0][0] <= self.now:
            found += self._step()
        self._meter.begin_lap()
        return found

    def _delay(self) -> None:
        lap, cpu = self._meter.lap()
        self.driver_seconds += lap
        self.driver_cpu_seconds += cpu
        self.now += lap

    def _place(self, unit: Unit, time: float) -> None:
        while self._free:
            node, boot = heapq.heappop(self._free)
            if boot == self._boots[node]:
                break
        else:
            self._waiting.append(unit)
            return
        whole = self.durations[unit.run_id] = self._duration(unit)
        left = max(0.0, whole - self._kept.get(unit.run_id, 0.0))
        attempt = _Attempt(unit=unit, node=node, begun=time, seconds=left)
        self._begun += 1
        number = self._begun
        self._attempts[number] = attempt
        self._on[node].add(number)
        self._at(time + left, partial(self._worked, number))

    def _worked(self, number: int, time: float) -> list[Outcome]:
        """The work is done; what is written takes its own time."""
        attempt = self._attempts.get(number)
        if attempt is not None and not attempt.gone:
            before = self._meter.seconds[TRIAL]
            with self._meter.part(TRIAL):
                outcome = self._run(attempt.unit)
            took = self._meter.seconds[TRIAL] - before
            self._at(time + took, partial(self._ended, number, outcome))
        return []

    def _ended(self, number: int, outcome: Outcome, time: float) -> list[Outcome]:
        attempt = self._attempts.get(number)
        if attempt is None or attempt.gone:
            return []
        del self._attempts[number]
        self._on[attempt.node].discard(number)
        self._kept.pop(attempt.unit.run_id, None)
        self._set_free(attempt.node, time)
        return [outcome]

    def _set_free(self, node: int, time: float) -> None:
        heapq.heappush(self._free, (node, self._boots[node]))
        if self._waiting:
            self._place(self._waiting.popleft(), time)

    def _plan_failure(self, node: int, time: float) -> None:
        hours = self._luck[node].expovariate(1.0) / self._machines.failures  # infinite where failures are next to none
        self._at(time + hours * HOUR, partial(self._fails, node))

    def _fails(self, node: int, time: float) -> list[Outcome]:
        self.node_failures += 1
        self._up -= 1
        self._boots[node] += 1
        for number in sorted(self._on[node]):
            self._lose(number, time)
        self._on[node].clear()
        self._at(time + self._machines.back_after, partial(self._back, node))
        return []

    def _lose(self, number: int, time: float) -> None:
        attempt = self._attempts[number]
        attempt.gone = True
        run_id = attempt.unit.run_id
        done = min(time - attempt.begun, attempt.seconds)
        every = checkpoint_seconds(self.durations[run_id], self._epochs(attempt.unit))
        saved = done // every * every
        self._kept[run_id] = self._kept.get(run_id, 0.0) + saved
        self.lost += 1
        self.lost_seconds += time - attempt.begun - saved + self._machines.noticed_after
        self._unheard += 1
        self._at(time + self._machines.noticed_after, partial(self._heard, number))

    def _heard(self, number: int, _: float) -> list[Outcome]:
        self._unheard -= 1
        attempt = self._attempts.pop(number)
        return [Outcome(run_id=attempt.unit.run_id, kind="lost", message=f"simulated node {attempt.node} failed")]

    def _back(self, node: int, time: float) -> list[Outcome]:
        self._up += 1
        self._more_room = True
        self._plan_failure(node, time)
        for _ in range(self._machines.slots):
            self._set_free(node, time)
        return []

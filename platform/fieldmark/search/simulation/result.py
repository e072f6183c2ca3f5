"""What a simulation hands back. Every field that is measured is real time on the machine that simulated."""

from collections.abc import Sequence
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from fieldmark.search.words import duration

MODEL = (
    "Real: the scheduler, the sampler, the driving loop, and every read and write of a store on this machine's disk.",
    "Simulated: trials, nodes, their failures, and time; no process is started, and nothing is trained.",
    "Simulated time advances by the measured time of the driver's work, one thing after another, which delays all; and "
    "by the measured time of a trial's own writes (evaluation, curve, record) on its own slot only.",
    "Not in it: Ray's own time to hand a trial over (--dispatch adds a stated one), a store that is far away, and what "
    "a command does beside: showing progress, renewing the lease, metering a budget, and what keeps checkpoints small.",
)


MOST_LINES = 20
"""Stretches that are printed; JSON has all."""
UNKNOWN = {"overhead", "driver_overhead", "trials_a_second", "most_slots", "scaling"}
"""Figures that a sweep has not shown that has left trials undone."""


class DriverTime(BaseModel):
    """Seconds of the driver for one trial, means; real time."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    ask: float
    """The scheduler's next unit, the sampler's part of it above all; without the store."""
    tell: float
    """Hearing that one ended; without the store."""
    store: float
    """Reading and writing the store for both."""
    other: float
    """The driving loop and the display."""

    @property
    def total(self) -> float:
        """All of it."""
        return self.ask + self.tell + self.store + self.other


class Thousand(BaseModel):
    """A stretch of a sweep: a thousand starts of trials, of a small sweep a tenth of all."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    trials: int
    """Started by its end, lost ones each time."""
    driver: DriverTime
    memory_bytes: int
    """Of the process, at its end."""


class Scaling(BaseModel):
    """Overhead on a larger or smaller cluster, computed from the measured driver time; without failures."""

    model_config = ConfigDict(extra="forbid")

    slots: int
    overhead: float


class SimulationResult(BaseModel):
    """A simulated sweep. Fields may be added; none will change its meaning."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    simulated: Literal[True] = True
    model: tuple[str, ...] = MODEL
    """What is real in it, and what is not."""
    sweep: str
    sampler: str
    clock: str
    """What measured the driver's work: `wall` (real time) or `processor` (processor time of the process)."""
    trials: int
    """Recorded."""
    nodes: int
    slots: int
    """All nodes' together."""
    trial: str
    """How long trials take."""
    seed: int
    ideal_seconds: float
    """No order of these trials on so many slots ends earlier."""
    packed_seconds: float
    """When they would end in the order in which they were started, with a driver that takes no time and no failure."""
    simulated_seconds: float
    overhead: float
    """Of the simulated time over the ideal one, a share of the latter."""
    driver_overhead: float
    """What the measured driver times make of the packed time, computed, over the ideal: without failures."""
    driver: DriverTime
    driver_seconds: float
    """All trials' together."""
    driver_cpu_seconds: float
    """Of processor time in them: less where other programs were in the way, or the disk."""
    by_thousand: list[Thousand]
    memory_bytes_per_trial: float
    """Growth of the process's memory, the simulation's own included."""
    node_failures: int
    failures_an_hour: float
    """Of a node, as asked for."""
    lost: int
    """Trials lost with their nodes, each a time."""
    lost_seconds: float
    """Slot time whose work was done again, or that passed before the driver heard."""
    commands: int
    """How often the sweep's command was given: again where it gave trials up."""
    left: int
    """Trials that were given up by the last of them, too."""
    wall_seconds: float
    load: float
    """Of the machine, mean of the last minute at the end; measured times grow with it."""
    trials_a_second: float
    """That one driver can serve at this number of trials."""
    most_slots: int
    """That it can keep busy with trials of this length."""
    scaling: list[Scaling]
    notes: list[str]

    def to_json(self) -> dict[str, Any]:
        """Returns the object that `--json` prints; `left` trials undone leave some figures out."""
        return self.model_dump(mode="json", exclude=UNKNOWN if self.left else set())

    @property
    def exit_code(self) -> int:
        """1 where trials are left undone."""
        return 1 if self.left else 0

    @property
    def limit(self) -> str:
        """Where it stops scaling, in a sentence."""
        return (
            f"after {self.trials:,} trials one driver serves {self.trials_a_second:,.0f} trials a second "
            f"({1000 / self.trials_a_second:.1f} ms each), and so keeps up to {self.most_slots:,} slots busy with "
            f"trials of this length"
        )

    def text(self) -> str:
        """Returns the result for people; every line says that it is simulated."""
        lines = [
            f"{self.sweep} sweep, sampler {self.sampler}: {self.trials:,} trials, {self.trial}; {self.nodes:,} nodes, "
            f"{self.slots:,} slots, seed {self.seed}, {self.clock} clock",
            f"ideal time      {duration(self.ideal_seconds)} ({self.ideal_seconds:.1f} s)",
            f"simulated time  {duration(self.simulated_seconds)} ({self.simulated_seconds:.1f} s): "
            + (f"{self.left:,} trials are left undone" if self.left else f"{self.overhead:.2%} over ideal"),
            *self._without_failure(),
            f"driver          {_parts(self.driver)}, other {1000 * self.driver.other:.2f}; "
            f"{self.driver_seconds:.1f} s in all, {self.driver_cpu_seconds:.1f} s of them processor time",
            *(
                f"  to {one.trials:>7,}    {_parts(one.driver)}; {one.memory_bytes / 1e6:.0f} MB"
                for one in _some(self.by_thousand)
            ),
            f"memory          {self.memory_bytes_per_trial / 1000:.1f} kB more a trial",
            f"failures        {self.node_failures} of nodes ({self.failures_an_hour:g} a node and hour): {self.lost} "
            f"trials lost, {duration(self.lost_seconds)} of slot time; {self.commands} commands, {self.left} left",
            *self._scaling(),
            f"this took       {duration(self.wall_seconds)} of real time, the machine's load being {self.load:.1f}",
            *(f"note            {note}" for note in self.notes),
            *(f"model           {line}" for line in self.model),
        ]
        return "\n".join(f"simulated | {line}" for line in lines)

    def _without_failure(self) -> list[str]:
        if self.left:
            return []
        return [
            f"without failure {self.driver_overhead:.2%} over ideal by the driver's times (computed), "
            f"{self.packed_seconds / self.ideal_seconds - 1:.2%} with a driver that takes no time"
        ]

    def _scaling(self) -> list[str]:
        if self.left:
            return []
        computed = [f"overhead        {one.overhead:.2%} on {one.slots:,} slots (computed)" for one in self.scaling]
        return [f"limit           {self.limit}", *computed]


def _some(stretches: Sequence[Thousand]) -> Sequence[Thousand]:
    """Returns at most so many of them, evenly, the last among them."""
    step = -(-len(stretches) // MOST_LINES)
    return stretches[::-1][:: step or 1][::-1]


def _parts(driver: DriverTime) -> str:
    parts = f"ask {1000 * driver.ask:.2f}, tell {1000 * driver.tell:.2f}, store {1000 * driver.store:.2f}"
    return f"{1000 * driver.total:.2f} ms a trial: {parts}"

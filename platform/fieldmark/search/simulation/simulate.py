"""A sweep on a cluster that is not there, from its flags to its result."""

import os
import tempfile
import time
from collections.abc import Callable, Sequence
from itertools import chain, islice, repeat
from typing import Any

from fieldmark.search.drive import drive
from fieldmark.search.history import history_notes
from fieldmark.search.simulation.bounds import ideal_seconds, list_seconds
from fieldmark.search.simulation.machines import Machines
from fieldmark.search.simulation.meter import Clock, Meter
from fieldmark.search.simulation.nodes import SimulatedCluster
from fieldmark.search.simulation.observer import Observer, memory_growth
from fieldmark.search.simulation.options import SimulateOptions
from fieldmark.search.simulation.result import Scaling, SimulationResult, Thousand
from fieldmark.search.simulation.subject import Trials, make_scheduler
from fieldmark.search.simulation.workload import Workload
from fieldmark.store import Store

MOST_COMMANDS = 100
"""After so many a trial that is given up again and again stays undone."""
ROUNDS = 10
"""Trials a slot where the overhead on other clusters is computed."""
SLOTS = (1, 10, 100, 1_000, 3_000, 10_000)
LEAST_COST = 1e-9
"""Seconds: a clock that stands still measures nothing."""
CLOCKS: dict[str, Clock] = {"wall": time.perf_counter, "processor": time.process_time}
STORE_CALLS = ("put_once", "put", "get", "exists", "keys")


def simulate(
    options: SimulateOptions, *, clock: Clock | None = None, say: Callable[[str], None] = lambda _: None
) -> SimulationResult:
    """Runs a sweep in simulated time; its store is a folder that is removed at the end.

    Args:
        options: the flags.
        clock: of the driver's work, instead of the one that the options name; one that stands still makes the result
            a function of the options.
        say: shows a line of progress.

    Raises:
        UserError: for a store of --like that cannot be read.
    """
    workload = Workload(options)
    begun = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="fieldmark-simulated-") as folder:
        store = Store.open(folder)
        trials = Trials(workload, store)
        meter = Meter(clock or CLOCKS[options.clock])
        meter.watch(store.objects, dict.fromkeys(STORE_CALLS, "store"))
        cluster = SimulatedCluster(_machines(options), trials.write, trials.seconds, trials.epochs, meter)
        observer = Observer(options.trials, meter, cluster, say)
        commands, scheduler = _run(options, store, cluster, observer, meter)
    ended = scheduler.recorded
    durations = list(cluster.durations.values())
    slots = options.nodes * options.slots
    costs = _cost_of_starts(observer.stretches, options.dispatch)
    rate = 1 / max(costs[-1], LEAST_COST)
    ideal = ideal_seconds(durations, slots)
    return SimulationResult(
        sweep=options.sweep,
        sampler=options.sampler,
        trials=ended,
        clock=options.clock,
        nodes=options.nodes,
        slots=slots,
        trial=workload.described,
        seed=options.seed,
        ideal_seconds=ideal,
        packed_seconds=list_seconds(durations, slots),
        simulated_seconds=cluster.now,
        overhead=cluster.now / ideal - 1,
        driver_overhead=list_seconds(durations, slots, chain(costs, repeat(costs[-1]))) / ideal - 1,
        driver=observer.total(ended),
        driver_seconds=cluster.driver_seconds,
        driver_cpu_seconds=cluster.driver_cpu_seconds,
        by_thousand=observer.stretches,
        memory_bytes_per_trial=memory_growth(observer.stretches),
        node_failures=cluster.node_failures,
        failures_an_hour=options.failures,
        lost=cluster.lost,
        lost_seconds=cluster.lost_seconds,
        commands=commands,
        left=len(scheduler.failures),
        wall_seconds=time.monotonic() - begun,
        load=round(os.getloadavg()[0], 1),
        trials_a_second=rate,
        most_slots=int(rate * workload.mean_seconds),
        scaling=_scaling(costs, workload.mean_seconds),
        notes=history_notes(options.sampler, ended),
    )


def _cost_of_starts(stretches: Sequence[Thousand], dispatch: float) -> list[float]:
    """Returns what each start takes of the driver, by the stretch that it is in."""
    begins = (0, *(one.trials for one in stretches))
    known = zip(stretches, begins, strict=False)
    return [one.driver.total + dispatch for one, begin in known for _ in range(one.trials - begin)]


def _scaling(costs: Sequence[float], trial_seconds: float) -> list[Scaling]:
    """Returns the overhead by slots, ten trials each; beyond what was measured by the last cost."""
    found = []
    for slots in SLOTS:
        count = ROUNDS * slots
        all_costs = islice(chain(costs, repeat(costs[-1])), count)
        seconds = list_seconds(repeat(trial_seconds, count), slots, all_costs)
        found.append(Scaling(slots=slots, overhead=seconds / (ROUNDS * trial_seconds) - 1))
    return found


def _machines(options: SimulateOptions) -> Machines:
    return Machines(
        nodes=options.nodes,
        slots=options.slots,
        failures=options.failures,
        back_after=options.back_after,
        noticed_after=options.noticed_after,
        dispatch=options.dispatch,
        seed=options.seed,
    )


def _run(
    options: SimulateOptions, store: Store, cluster: SimulatedCluster, observer: Observer, meter: Meter
) -> tuple[int, Any]:
    """Gives the sweep's command, again while it gives trials up; returns how often, and the last one's scheduler."""
    commands = 0
    while True:
        commands += 1
        scheduler = make_scheduler(options, store)
        meter.watch(scheduler, {"next": "ask", "tell": "tell"})
        drive(scheduler, cluster, observer.look)
        if not scheduler.failures or commands == MOST_COMMANDS:
            return commands, scheduler

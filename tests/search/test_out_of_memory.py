"""A unit that memory runs out of is tried once more with nothing beside it, and then given up."""

import pytest
import ray
import torch

from fieldmark.search.drive import drive
from fieldmark.search.executors.simulated import SimulatedExecutor
from fieldmark.search.out_of_memory import is_out_of_memory
from fieldmark.search.tasks import Outcome


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"),
        ray.exceptions.OutOfMemoryError("1 worker(s) were killed due to the node running low on memory"),
        RuntimeError("[enforce fail at alloc_cpu.cpp:124] DefaultCPUAllocator: can't allocate memory: you tried"),
        RuntimeError("cuDNN error: CUDNN_STATUS_ALLOC_FAILED"),
    ],
)
def test_every_way_of_saying_it_is_known(error: Exception) -> None:
    assert is_out_of_memory(error)


@pytest.mark.parametrize("error", [RuntimeError("shape"), ValueError("out of memory"), OSError(28, "no space")])
def test_other_errors_are_no_lack_of_memory(error: Exception) -> None:
    assert not is_out_of_memory(error)


class Memory:
    """Runs a plan's units; some need all memory to themselves, some more than there is."""

    def __init__(self, bench, scheduler, greedy: set[int], hopeless: set[int]) -> None:
        self._bench, self._scheduler = bench, scheduler
        self._greedy, self._hopeless = greedy, hopeless
        self.executor = SimulatedExecutor(3, self.run, lambda _: 1.0)
        self.beside: dict[str, list[int]] = {}
        """By unit: how many others were under way when each attempt ended."""

    def run(self, task) -> Outcome:
        others = len(self._scheduler.running) - 1
        self.beside.setdefault(task.run_id, []).append(others)
        number = self.executor.started.index(task.run_id)
        if number in self._hopeless or (number in self._greedy and others):
            return Outcome(run_id=task.run_id, kind="out_of_memory", message="MemoryError")
        return self._bench.run(task)


def test_it_is_done_alone(bench, plan_of) -> None:
    scheduler = bench.scheduler(plan_of(trials=3, seeds=1, data="table:small.csv"))
    memory = Memory(bench, scheduler, greedy={1, 2}, hopeless=set())
    drive(scheduler, memory.executor, lambda *_: None)
    assert not scheduler.failures and scheduler.recorded == scheduler.planned
    twice = [beside for beside in memory.beside.values() if len(beside) > 1]
    assert len(twice) == 2 and all(first > 0 and second == 0 for first, second in twice)


def test_it_is_given_up_when_even_that_is_too_little(bench, plan_of) -> None:
    scheduler = bench.scheduler(plan_of(trials=3, seeds=1, data="table:small.csv"))
    memory = Memory(bench, scheduler, greedy=set(), hopeless={1})
    drive(scheduler, memory.executor, lambda *_: None)
    (failure,) = scheduler.failures
    assert failure.message == "memory ran out with nothing else under way, too: MemoryError"
    assert len(memory.beside[failure.task.run_id]) == 2
    assert scheduler.recorded == scheduler.planned - 1, "the others are done"


def test_a_unit_that_its_executor_keeps_apart_holds_nothing_up(bench, plan_of) -> None:
    scheduler = bench.scheduler(plan_of(trials=3, seeds=1, data="table:small.csv"))
    first, second = scheduler.next(), scheduler.next()
    scheduler.tell(Outcome(run_id=first.run_id, kind="out_of_memory", apart=True))
    assert second in scheduler.running and scheduler.next().run_id == first.run_id
    assert scheduler.next() is not None, "the rest of the cluster goes on"
    scheduler.tell(Outcome(run_id=first.run_id, kind="out_of_memory", message="CUDA out of memory", apart=True))
    assert [one.message for one in scheduler.failures] == [
        "memory ran out on a GPU of its own, too: CUDA out of memory"
    ]


def test_a_unit_that_is_lost_while_it_is_alone_stays_alone(bench, plan_of) -> None:
    scheduler = bench.scheduler(plan_of(trials=3, seeds=1, data="table:small.csv"))
    first, second = scheduler.next(), scheduler.next()
    scheduler.tell(Outcome(run_id=first.run_id, kind="out_of_memory"))
    assert scheduler.next() is None, "another one is still under way"
    scheduler.tell(bench.run(second))
    assert scheduler.next().run_id == first.run_id
    assert scheduler.next() is None
    scheduler.tell(Outcome(run_id=first.run_id, kind="lost"))
    assert scheduler.next().run_id == first.run_id
    assert scheduler.next() is None
    scheduler.tell(bench.run(first))
    assert scheduler.next() is not None, "then all goes on as before"

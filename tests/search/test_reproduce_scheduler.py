"""The order in which a reproduction does its runs, and what it does when one fails."""

from collections.abc import Sequence

from fieldmark.config import IMAGE_MODEL, ClassifierConfig, RunSpec, Scale
from fieldmark.search.image_task import ImageTask
from fieldmark.search.objective import Objective
from fieldmark.search.reproduce.scheduler import ReproductionScheduler
from fieldmark.search.tasks import Outcome, Task
from fieldmark.search.under_way import RETRIES
from fieldmark.store.records import Trial


def unit(seed: int, start: str | None = None, workers: int = 1) -> ImageTask:
    spec = RunSpec(
        config=ClassifierConfig(fusion="image_only" if start is None else "dynamic_mlp_c"),
        dataset="d",
        fingerprint="f",
        protocol="p",
        stages={} if start is None else {IMAGE_MODEL: start},
        seed=seed,
    )
    objective = Objective(score="image", metric="top1")
    return ImageTask(
        task=Task(spec=spec, scale=Scale(name="paper"), trial=Trial(), objective=objective), data="d", workers=workers
    )


class Store:
    """Which runs are recorded."""

    def __init__(self) -> None:
        self.done: set[str] = set()

    def scheduler(self, units: Sequence[ImageTask]) -> ReproductionScheduler:
        return ReproductionScheduler(units, lambda one: one.run_id in self.done, lambda _: 1.0)

    def record(self, scheduler: ReproductionScheduler, one: ImageTask) -> None:
        self.done.add(one.run_id)
        scheduler.tell(Outcome(run_id=one.run_id, kind="recorded"))


def test_a_run_waits_for_the_image_model_that_it_starts_from() -> None:
    alone = unit(0)
    fused = unit(0, alone.run_id)
    store = Store()
    scheduler = store.scheduler([alone, fused])
    assert scheduler.next() == alone
    assert scheduler.next() is None, "its start is not recorded yet"
    store.record(scheduler, alone)
    assert scheduler.next() == fused
    store.record(scheduler, fused)
    assert scheduler.next() is None
    assert (scheduler.recorded, scheduler.planned, scheduler.cpu_seconds) == (2, 2, 2.0)


def test_what_is_recorded_is_not_done_again() -> None:
    alone = unit(0)
    store = Store()
    store.done.add(alone.run_id)
    scheduler = store.scheduler([alone, unit(0, alone.run_id)])
    first = scheduler.next()
    assert first is not None
    assert first.start == alone.run_id
    assert scheduler.done_before == 1


def test_two_runs_on_one_frozen_model_do_not_begin_together_where_there_is_another() -> None:
    starts = [unit(seed) for seed in (0, 1)]
    fused = [unit(seed, start.run_id) for start in starts for seed in (0, 1)]
    store = Store()
    store.done |= {start.run_id for start in starts}
    scheduler = store.scheduler([*starts, *fused])
    first, second = scheduler.next(), scheduler.next()
    assert first is not None
    assert second is not None
    assert first.start != second.start, "else both would make the same features"
    third = scheduler.next()
    assert third is not None, "no core stands idle for it"


def test_a_group_of_workers_comes_when_all_else_is_done() -> None:
    group, single = unit(0, workers=2), unit(1)
    store = Store()
    scheduler = store.scheduler([group, single])
    assert scheduler.next() == single
    assert scheduler.next() is None
    store.record(scheduler, single)
    assert scheduler.next() == group


def test_groups_run_beside_each_other_where_there_is_room() -> None:
    groups = [unit(seed, workers=2) for seed in (0, 1)]
    fused = unit(0, groups[0].run_id)
    store = Store()
    scheduler = store.scheduler([*groups, fused])
    assert [scheduler.next(), scheduler.next()] == groups
    store.record(scheduler, groups[0])
    assert scheduler.next() is None, "a single process waits until the groups have left"
    store.record(scheduler, groups[1])
    assert scheduler.next() == fused


def test_with_a_failed_image_model_all_that_start_from_it_are_given_up_and_said() -> None:
    alone, other = unit(0), unit(1)
    fused = [unit(seed, alone.run_id) for seed in (0, 1)]
    store = Store()
    scheduler = store.scheduler([alone, other, *fused])
    assert scheduler.next() == alone
    scheduler.tell(Outcome(run_id=alone.run_id, kind="failed", message="out of memory"))
    assert [failure.task.run_id for failure in scheduler.failures] == [alone.run_id, *(one.run_id for one in fused)]
    assert "out of memory" in scheduler.failures[0].message
    assert alone.run_id[:10] in scheduler.failures[1].message
    assert scheduler.next() == other, "the rest goes on"


def test_a_lost_worker_is_replaced_twice() -> None:
    alone = unit(0)
    scheduler = Store().scheduler([alone])
    for _ in range(RETRIES + 1):
        assert scheduler.next() == alone
        scheduler.tell(Outcome(run_id=alone.run_id, kind="lost", message="its process died"))
    assert scheduler.next() is None
    assert [failure.message for failure in scheduler.failures] == [
        f"its worker was lost {RETRIES + 1} times; its process died"
    ]


def test_closed_it_starts_nothing() -> None:
    scheduler = Store().scheduler([unit(0)])
    scheduler.close("enough")
    assert scheduler.next() is None


def test_large_pictures_are_more_of_the_work_than_small_ones() -> None:
    small, large = unit(0), unit(1)
    config = ClassifierConfig(fusion="image_only", resolution=448)
    large = large.model_copy(
        update={"task": large.task.model_copy(update={"spec": large.task.spec.model_copy(update={"config": config})})}
    )
    store = Store()
    scheduler = store.scheduler([small, large])
    assert scheduler.share_done == 0
    assert scheduler.next() == small
    store.record(scheduler, small)
    assert 0.1 < scheduler.share_done < 0.3, "224 x 224 of 224 x 224 + 448 x 448 pixels"

"""Trials on a real Ray, one session for all that can be shown in it."""

import os
import signal
from functools import partial
from pathlib import Path

from fieldmark.config import ClassFrequencyConfig, PriorsNetConfig
from fieldmark.data.experiment import experiment_data
from fieldmark.data.open import open_dataset
from fieldmark.search.executors.priorsnet_bench import PriorsNetBench
from fieldmark.search.facts import facts_of
from fieldmark.search.options import sweep_options
from fieldmark.search.plan import SweepPlan, build_plan
from fieldmark.search.tasks import Outcome, Task
from fieldmark.search.trial import run_trial
from fieldmark.store import Store

SMALL = PriorsNetConfig(batch=32, lr=2e-3, epochs=5, sampler="IB", images_per_class=None, width=16, blocks=1)
ENDLESS = SMALL.model_copy(update={"epochs": 10**6})


def task_of(plan: SweepPlan, config: PriorsNetConfig | ClassFrequencyConfig, seed: int = 0) -> Task:
    return plan.task(config, seed, {"number": 0, "role": "search"})


def wait_for(executor, count: int) -> dict[str, Outcome]:
    found: dict[str, Outcome] = {}
    for _ in range(240):
        found |= {outcome.run_id: outcome for outcome in executor.poll(0.5)}
        if len(found) >= count:
            return found
    raise AssertionError(f"{len(found)} of {count} tasks have ended")


def test_trials_on_ray(small_records: Path, tmp_path: Path) -> None:
    import ray
    from ray.util.state import list_actors

    from fieldmark.search.executors.tune import TuneExecutor

    spec = f"table:{small_records}"
    dataset = open_dataset(spec)
    data = experiment_data(dataset)
    plan = build_plan(sweep_options(data=spec), facts_of(dataset, spec, None), {})
    store, here = Store.open(str(tmp_path / "runs")), Store.open("memory://")
    said: list[str] = []
    executor = TuneExecutor(partial(PriorsNetBench, data), store, address=None, max_concurrent=2, say=said.append)
    try:
        tasks = [task_of(plan, SMALL, seed) for seed in range(2)]
        for task in tasks:
            executor.start(task)
        outcomes = wait_for(executor, 2)
        assert {outcome.kind for outcome in outcomes.values()} == {"recorded"}
        run_trial(tasks[1], data, here)
        assert store.run(tasks[1].run_id).metrics == here.run(tasks[1].run_id).metrics, "as in this process"

        # The standard library's `platform` is not shadowed by the folder of that name.
        machine = ray.remote(num_cpus=0)(lambda: __import__("platform").machine())
        assert ray.get(machine.remote(), timeout=60) == os.uname().machine

        # A worker that is killed is a lost task, and the next one finds another worker.
        endless = task_of(plan, ENDLESS)
        executor.start(endless)
        while not executor.epochs().get(endless.run_id):
            assert not executor.poll(0.2)
        pids = {
            actor.pid
            for actor in list_actors(address=ray.get_runtime_context().gcs_address, filters=[("state", "=", "ALIVE")])
        }
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
        (lost,) = wait_for(executor, 1).values()
        assert (lost.run_id, lost.kind) == (endless.run_id, "lost")
        after = task_of(plan, ClassFrequencyConfig())
        executor.start(after)
        assert wait_for(executor, 1)[after.run_id].kind == "recorded"

        # A sweep that stops cuts its trials off, and they leave their state.
        executor.start(endless)
        while not executor.epochs().get(endless.run_id):
            assert not executor.poll(0.2)
    finally:
        executor.stop()
    assert not ray.is_initialized()
    assert store.checkpoints(endless.run_id).load() is not None
    assert said == ["starting Ray on this machine"]

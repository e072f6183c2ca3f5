"""What the platform costs: the same trials as bare calls of the training functions, in this process, and on Ray Tune.

    python benchmarks/sweep_overhead.py                # 12 trials of about 3 s on the default world's place and date
    python benchmarks/sweep_overhead.py --trials 100 --epochs 1     # cheap trials: throughput

* bare: fit and evaluate, one after the other, on one thread; nothing is kept.
* local: the same through the platform in this process: checkpoints, curves, predictions, records, logs.
* tune: the same on Ray Tune with one trial at a time, after its actor has done one trial (the start is given apart).
* tune_all: with one trial a core; its ideal is bare divided by the cores.

Every way trains the same seeds, so that the work is the same.
"""

import argparse
import json
import os
import platform
import tempfile
import time
from collections.abc import Callable, Sequence

os.environ.setdefault("OMP_NUM_THREADS", "1")

import torch

from fieldmark.config import PriorsNetConfig
from fieldmark.data.experiment import ExperimentData, experiment_data
from fieldmark.data.open import open_dataset
from fieldmark.search.executors.base import Executor
from fieldmark.search.executors.local import LocalExecutor
from fieldmark.search.facts import facts_of
from fieldmark.search.options import sweep_options
from fieldmark.search.plan import SweepPlan, build_plan
from fieldmark.search.tasks import Task
from fieldmark.store import Store
from fieldmark.training.evaluation import evaluate
from fieldmark.training.methods import fit


def bare(tasks: Sequence[Task], data: ExperimentData) -> float:
    started = time.perf_counter()
    for task in tasks:
        evaluate(fit(task.spec.config, data, task.spec.seed, report=lambda *_: True), data)
    return time.perf_counter() - started


def through(executor: Executor, tasks: Sequence[Task]) -> float:
    """Returns the seconds in which an executor does all tasks."""
    started = time.perf_counter()
    waiting = list(tasks)
    running = 0
    while waiting or running:
        while waiting and running < executor.capacity:
            executor.start(waiting.pop(0))
            running += 1
        for outcome in executor.poll(0.5):
            assert outcome.kind == "recorded", outcome
            running -= 1
    return time.perf_counter() - started


def on_tune(
    data: ExperimentData, warm: Sequence[Task], tasks: Sequence[Task], folder: str, cores: int
) -> tuple[float, float]:
    """Returns seconds from nothing to the first results, and then for the tasks."""
    from fieldmark.search.executors.tune import TuneExecutor

    started = time.perf_counter()
    store = Store.open(folder)
    executor = TuneExecutor(data, store, address=None, max_concurrent=cores, say=lambda _: None)
    try:
        through(executor, warm)
        begun = time.perf_counter() - started
        return begun, through(executor, tasks)
    finally:
        executor.stop()


def measure(plan: SweepPlan, data: ExperimentData, config: PriorsNetConfig, trials: int) -> dict[str, object]:
    """Runs every way and returns seconds and ratios."""
    cores = len(os.sched_getaffinity(0))

    def tasks(first: int, count: int) -> list[Task]:
        return [plan.task(config, seed, {"number": seed, "role": "single"}) for seed in range(first, first + count)]

    measured, warm = tasks(0, trials), tasks(10_000, cores)
    bare(warm, data)
    with tempfile.TemporaryDirectory() as folder:
        seconds: dict[str, float] = {"bare": bare(measured, data)}
        seconds["local"] = through(LocalExecutor(data, Store.open(f"{folder}/local")), measured)
        start, seconds["tune"] = on_tune(data, warm[:1], measured, f"{folder}/tune", 1)
        _, seconds["tune_all"] = on_tune(data, warm, measured, f"{folder}/all", cores)
    return {
        "machine": f"{platform.platform()}, {cores} cores",
        "trials": trials,
        "cores": cores,
        "seconds": seconds,
        "ratios_to_bare": {name: value / seconds["bare"] for name, value in seconds.items()},
        "share_of_ideal_on_all_cores": seconds["bare"] / cores / seconds["tune_all"],
        "seconds_a_trial_beyond_bare": {name: (seconds[name] - seconds["bare"]) / trials for name in ("local", "tune")},
        "seconds_to_first_result_on_a_new_ray": start,
        "trials_a_second_on_all_cores": trials / seconds["tune_all"],
    }


def text(result: dict[str, object], say: Callable[[float], str] = lambda value: f"{value:.2f}") -> str:
    """Returns the result for people."""
    seconds, ratios = result["seconds"], result["ratios_to_bare"]
    assert isinstance(seconds, dict) and isinstance(ratios, dict)
    lines = [f"{result['machine']}; {result['trials']} trials"]
    lines += [f"  {name:<9} {say(seconds[name]):>8} s   {say(ratios[name])} x bare" for name in seconds]
    lines += [
        f"  one trial a core: {say(result['share_of_ideal_on_all_cores'])} of the ideal, "
        f"{say(result['trials_a_second_on_all_cores'])} trials/s",
        f"  a new local Ray gives its first result after {say(result['seconds_to_first_result_on_a_new_ray'])} s",
    ]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", default="world", help="the data set; image scores are not used")
    parser.add_argument("--trials", type=int, default=12)
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--quick", action="store_true", help="two cheap trials: whether it runs, not how fast")
    parser.add_argument("--json", action="store_true", help="one JSON object instead of text")
    args = parser.parse_args()
    if args.quick:
        args.trials, args.epochs, args.data = 2, 1, "world:species=6,per_category=20"
    torch.set_num_threads(1)
    dataset = open_dataset(args.data)
    plan = build_plan(sweep_options(data=args.data), facts_of(dataset, args.data, None), {})
    config = PriorsNetConfig(batch=args.batch, lr=1e-3, epochs=args.epochs, sampler="IB", images_per_class=None)
    result = measure(plan, experiment_data(dataset), config, args.trials)
    print(json.dumps(result) if args.json else text(result))


if __name__ == "__main__":
    main()

"""Trains a user's own fusion by two Ray Train workers, kills driver and workers, and compares the ends.

Everything that is killed was started by this program. It prints what it found as JSON.
"""

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from kill_loop import GRACE, Process, alive, descendants, title

ROOT = Path(__file__).resolve().parents[2]
WORLD = "world:species=12,per_category=24,val_per_category=8,test_per_category=10,full=2"
PATIENCE = 300.0
WORKER = "RayTrainWorker"
VOLATILE = ("images_per_second",)
"""Columns of a curve that are no result."""

MY_FUSION = '''
from torch import Tensor, nn

from fieldmark.config import FusionSettings
from fieldmark.models.fusions import FeatureFusion, Sizes, fusion


class GateSettings(FusionSettings):
    """How wide the location vector is."""

    d: int = 32


@fusion("gate", settings=GateSettings)
class Gate(FeatureFusion):
    """The place opens and closes the image's features."""

    def __init__(self, sizes: Sizes, settings: GateSettings) -> None:
        super().__init__(sizes, settings, d=settings.d)
        self.gate = nn.Linear(settings.d, sizes.features)

    def fuse(self, image_BF: Tensor, location_BD: Tensor) -> Tensor:
        return image_BF * (1 + self.gate(location_BD).tanh())
'''


class Training:
    """The command, started by this program."""

    def __init__(self, folder: Path, store: str, epochs: int) -> None:
        job = [sys.executable, str(ROOT / "jobs/train_dynamic_mlp.py"), "--data", WORLD, "--store", store]
        mine = ["--import", "my_fusion.py", "--fusion", "gate", "--set", "d=16"]
        size = ["--epochs", str(epochs), "--batch", "32", "--workers", "2"]
        self.started = time.monotonic()
        self.seen: set[Process] = set()
        self.log = (folder / "driver.log").open("ab")
        self.popen = subprocess.Popen(
            [*job, *mine, *size, "--json"],
            cwd=folder,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
            stdout=subprocess.PIPE,
            stderr=self.log,
            start_new_session=True,
            text=True,
        )

    def watch(self, until: Callable[[], bool]) -> bool:
        """Waits until something holds, noting every process below; False when the command ends before."""
        while time.monotonic() - self.started < PATIENCE:
            self.seen |= descendants(self.popen.pid)
            if until():
                return True
            if self.popen.poll() is not None:
                return False
            time.sleep(0.2)
        raise TimeoutError(f"the command did not come that far within {PATIENCE:.0f} s; see driver.log")

    def ended(self) -> tuple[int, str]:
        """Waits for the end and for all its processes to go; returns exit code and standard output."""
        self.watch(lambda: self.popen.poll() is not None)
        end = time.monotonic() + GRACE
        while any(map(alive, self.seen)) and time.monotonic() < end:
            time.sleep(0.2)
        left = [title(pid)[:200] for pid, start in self.seen if alive((pid, start))]
        assert not left, f"left {GRACE:.0f} s after the end of the driver: {left}"
        return self.popen.returncode, self.popen.communicate()[0]

    def workers(self) -> list[int]:
        """Returns the processes of the group of workers."""
        return sorted(pid for pid, _ in descendants(self.popen.pid) if WORKER in title(pid))


def epochs_saved(folder: Path, store: str) -> int:
    """Returns how many checkpoints lie in the store: there is one while a run is under way."""
    return len(list((folder / store / "checkpoints").glob("*/state.bin")))


def kill_driver(folder: Path, store: str, epochs: int, moment: float) -> float | None:
    """Kills the driver after so many seconds; returns when, or None where it had ended."""
    training = Training(folder, store, epochs)
    if training.watch(lambda: time.monotonic() - training.started >= moment):
        os.kill(training.popen.pid, signal.SIGKILL)
        training.ended()
        return round(moment, 1)
    training.ended()
    return None


def kill_worker(folder: Path, store: str, epochs: int, draw: random.Random) -> dict[str, object]:
    """Kills a worker once a checkpoint is there; the command itself goes on and ends well."""
    training = Training(folder, store, epochs)
    assert training.watch(lambda: epochs_saved(folder, store) > 0 and len(training.workers()) == 2)
    victim = draw.choice(training.workers())
    os.kill(victim, signal.SIGKILL)
    code, output = training.ended()
    assert code == 0, "see driver.log"
    return dict(json.loads(output))


def interrupt(folder: Path, store: str, epochs: int) -> int:
    """Presses Ctrl-C once a checkpoint is there; returns the exit code."""
    training = Training(folder, store, epochs)
    assert training.watch(lambda: epochs_saved(folder, store) > 0)
    os.kill(training.popen.pid, signal.SIGINT)
    return training.ended()[0]


def finished(folder: Path, store: str, epochs: int) -> tuple[dict[str, object], float]:
    """Has the command end; returns what it printed and how long it took."""
    training = Training(folder, store, epochs)
    code, output = training.ended()
    assert code == 0, "see driver.log"
    return dict(json.loads(output)), time.monotonic() - training.started


def difference(folder: Path, one: str, other: str) -> float:
    """Returns the largest relative difference of any figure of any run's curve and of any evaluation's metrics."""
    from fieldmark.store import Store

    stores = [Store.open(str(folder / name), create=False) for name in (one, other)]
    ids = [sorted(store.runs(["run_id"])["run_id"].to_pylist()) for store in stores]
    assert ids[0] == ids[1], "the same runs"
    found = 0.0
    for run_id in ids[0]:
        curves = [store.curve(run_id) for store in stores]
        if curves[0] is None:
            continue
        columns = [{name: curve[name].to_pylist() for name in curve.column_names} for curve in curves]
        for name in set(columns[0]) - set(VOLATILE):
            found = max(found, *map(relative, columns[0][name], columns[1][name]))
    metrics = [{one.evaluation_id: one.metrics for one in store.evaluation_records(views=True)} for store in stores]
    for identity, values in metrics[0].items():
        found = max(found, *(relative(value, metrics[1][identity][name]) for name, value in values.items()))
    assert not any(store.conflicts() or store.problems() for store in stores)
    return found


def relative(a: float, b: float) -> float:
    """Returns the relative difference of two figures."""
    return 0.0 if a == b else abs(a - b) / max(abs(a), abs(b))


def main() -> None:
    """Trains undisturbed, with the driver killed, with a worker killed and with Ctrl-C, and compares."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--epochs", type=int, default=6)
    parser.add_argument("--kills", type=int, default=3)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    folder, epochs, draw = arguments.folder, arguments.epochs, random.Random(arguments.seed)
    (folder / "my_fusion.py").write_text(MY_FUSION)
    whole, seconds = finished(folder, "whole", epochs)
    drivers = [f"driver{number}" for number in range(arguments.kills)]
    kills = []
    for store in drivers:
        kills.append(kill_driver(folder, store, epochs, draw.uniform(5, seconds)))
        finished(folder, store, epochs)
    recovered = kill_worker(folder, "worker", epochs, draw)
    code = interrupt(folder, "interrupt", epochs)
    finished(folder, "interrupt", epochs)
    again, seconds_again = finished(folder, "whole", epochs)
    assert {**again, "figures": None} == {**whole, "figures": None}, "the same command again says the same"
    found = {
        "undisturbed": whole,
        "undisturbed_seconds": round(seconds, 1),
        "same_command_again_seconds": round(seconds_again, 1),
        "driver_killed_after_seconds": kills,
        "interrupted_exit_code": code,
        "worker_killed_run": recovered["run"],
        "relative_difference": {name: difference(folder, "whole", name) for name in (*drivers, "worker", "interrupt")},
    }
    print(json.dumps(found))


if __name__ == "__main__":
    main()

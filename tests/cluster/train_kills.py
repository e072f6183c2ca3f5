"""Trains a user's own fusion by two Ray Train workers, kills driver and workers, and compares the ends.

Everything that is killed was started by this program. It prints what it found as JSON.
"""

import argparse
import json
import os
import random
import signal
from pathlib import Path

from fieldmark.store import Store
from fieldmark.testing.faults.command import Command
from fieldmark.testing.faults.difference import difference

ROOT = Path(__file__).resolve().parents[2]
WORLD = "world:species=12,per_category=24,val_per_category=8,test_per_category=10,full=2"

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


def training_of(folder: Path, store: str, epochs: int) -> Command:
    """Starts the training."""
    mine = ["--import", "my_fusion.py", "--fusion", "gate", "--set", "d=16"]
    size = ["--epochs", str(epochs), "--batch", "32", "--workers", "2"]
    return Command(ROOT / "jobs/train_dynamic_mlp.py", ["--data", WORLD, "--store", store, *mine, *size], folder)


def workers_of(training: Command) -> list[int]:
    """Returns the processes of the group of workers."""
    return training.below("RayTrainWorker")


def epochs_saved(folder: Path, store: str) -> int:
    """Returns how many checkpoints lie in the store: there is one while a run is under way."""
    return len(list((folder / store / "checkpoints").glob("*/state.bin")))


def kill_driver(folder: Path, store: str, epochs: int, moment: float) -> float | None:
    """Kills the driver after so many seconds; returns when, or None where it had ended."""
    training = training_of(folder, store, epochs)
    if training.watch_for(moment):
        os.kill(training.popen.pid, signal.SIGKILL)
        training.ended()
        return round(moment, 1)
    training.ended()
    return None


def kill_worker(folder: Path, store: str, epochs: int, draw: random.Random) -> dict[str, object]:
    """Kills a worker once a checkpoint is there; the command itself goes on and ends well."""
    training = training_of(folder, store, epochs)
    assert training.watch(lambda: epochs_saved(folder, store) > 0 and len(workers_of(training)) == 2)
    victim = draw.choice(workers_of(training))
    os.kill(victim, signal.SIGKILL)
    return training.finished()[0]


def interrupt(folder: Path, store: str, epochs: int) -> int:
    """Presses Ctrl-C once a checkpoint is there; returns the exit code."""
    training = training_of(folder, store, epochs)
    assert training.watch(lambda: epochs_saved(folder, store) > 0)
    os.kill(training.popen.pid, signal.SIGINT)
    return training.ended()[0]


def apart(folder: Path, one: str, other: str) -> float:
    """Returns how far two stores differ."""
    return difference(*(Store.open(str(folder / name), create=False) for name in (one, other)))


def main() -> None:
    """Trains undisturbed, with the driver killed, with a worker killed and with Ctrl-C, and compares."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--epochs", type=int, default=6)
    parser.add_argument("--kills", type=int, default=3)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    folder, epochs, draw = arguments.folder, arguments.epochs, random.Random(arguments.seed)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "my_fusion.py").write_text(MY_FUSION)
    whole, seconds = training_of(folder, "whole", epochs).finished()
    drivers = [f"driver{number}" for number in range(arguments.kills)]
    kills = []
    for store in drivers:
        kills.append(kill_driver(folder, store, epochs, draw.uniform(5, seconds)))
        training_of(folder, store, epochs).finished()
    recovered = kill_worker(folder, "worker", epochs, draw)
    code = interrupt(folder, "interrupt", epochs)
    training_of(folder, "interrupt", epochs).finished()
    again, seconds_again = training_of(folder, "whole", epochs).finished()
    assert {**again, "figures": None} == {**whole, "figures": None}, "the same command again says the same"
    found = {
        "undisturbed": whole,
        "undisturbed_seconds": round(seconds, 1),
        "same_command_again_seconds": round(seconds_again, 1),
        "driver_killed_after_seconds": kills,
        "interrupted_exit_code": code,
        "worker_killed_run": recovered["run"],
        "relative_difference": {name: apart(folder, "whole", name) for name in (*drivers, "worker", "interrupt")},
    }
    print(json.dumps(found))


if __name__ == "__main__":
    main()

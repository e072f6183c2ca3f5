"""Faults of a training by several Ray Train workers."""

import os
import random
import signal
import time

from fieldmark.testing.faults.record import Injection
from fieldmark.testing.faults.scene import Recovery, TrainingScene
from fieldmark.testing.faults.sweep_kinds import AT_MOST, Found, injection

WORKER = "RayTrainWorker"
"""In the title of a worker's process."""


def kill_workers(scene: TrainingScene, draw: random.Random) -> Found:
    """Kills one worker of the two while they train, again and again, in one training."""
    command = scene.start()
    found: list[Injection] = []
    while len(found) < AT_MOST and command.watch(lambda: scene.progress() > 0 and len(command.below(WORKER)) == 2):
        saved = scene.progress()
        if not command.watch_for(draw.uniform(0, 2)) or not (workers := command.below(WORKER)):
            continue
        victim = draw.choice(workers)
        at, recovery, saved = command.seconds, Recovery(scene), max(saved, scene.progress())
        os.kill(victim, signal.SIGKILL)
        again = max(0.0, time.time() - saved)
        one = injection("ddp_worker_killed", at, "one of two workers", recovery.wait(command), seconds_again=again)
        found.append(one)
    return scene.ended(command), found

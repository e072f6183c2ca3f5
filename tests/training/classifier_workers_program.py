"""Trains the tiny classifier on groups of 4 and of 2 workers and writes what each said: `program OUT.json`.

The workers are forks of one process that has imported everything, before it has computed anything.
"""

import base64
import json
import sys
import tempfile
from datetime import timedelta
from pathlib import Path

import torch
from torch import distributed, multiprocessing

sys.path.insert(0, str(Path(__file__).parent))

import classifier_tiny as tiny

from fieldmark.search.interruption import CutOff
from fieldmark.training.classifier.workers import Workers

LARGEST = 4
LOST = timedelta(seconds=60)
"""A worker that waits longer has lost the others."""


def everything(workers):
    """What one group of workers is asked to do; figures of worker 0."""
    found = {}
    for name, changes in tiny.CASES.items():
        trained = tiny.train(tiny.config(**changes), workers=workers)
        evaluated = trained.fitted.evaluate(tiny.experiment(), workers)
        found[name] = {
            "losses": trained.losses,
            "curve": {epoch: dict(row, images_per_second=0) for epoch, row in trained.curve.items()},
            "statistics": {
                key: value.tolist() for key, value in trained.fitted.model.state_dict().items() if "layers" in key
            },
            "test": [[one.metrics, one.predictions.to_pydict()] for one in evaluated if one.split == "test"],
        }
    return found | {"stopped": stopped(workers)}


def stopped(workers):
    """How a training of which worker 0 is cut off in mid-epoch ends, and how it goes on."""
    memory = tiny.Memory(due_at=(6,), stop_after=2, stop_with=CutOff)
    trained = tiny.Trained()
    try:
        tiny.train(tiny.config(), trained=trained, workers=workers, checkpoints=memory)
        ended = "finished"
    except CutOff:
        ended = "cut off"
    seen = workers.gather([ended, memory.saves])
    state = [memory.saved]  # every worker reads the one state that worker 0 wrote
    distributed.broadcast_object_list(state, src=0)
    memory.saved, memory.stop_after = state[0], None
    steps = len(trained.losses)
    tiny.train(tiny.config(), trained=trained, workers=workers, checkpoints=memory)
    return {
        "workers": seen,
        "steps": steps,
        "losses": trained.losses,
        "state": base64.b64encode(state[0]).decode(),
    }


def worker(rank, folder):
    """One of the forks."""
    torch.set_num_threads(1)
    for size in (LARGEST, LARGEST // 2):
        if rank >= size:
            return
        store = distributed.FileStore(f"{folder}/{size}", size)
        distributed.init_process_group("gloo", store=store, rank=rank, world_size=size, timeout=LOST)
        workers = Workers.current()
        found = everything(workers)
        if workers.is_first:
            Path(folder, f"{size}.json").write_text(json.dumps(found))
        distributed.destroy_process_group()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        multiprocessing.start_processes(worker, args=(folder,), nprocs=LARGEST, start_method="fork")
        found = {size: json.loads(Path(folder, f"{size}.json").read_text()) for size in (LARGEST, LARGEST // 2)}
    Path(sys.argv[1]).write_text(json.dumps(found))

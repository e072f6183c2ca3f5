"""What nodes are asked to do together: share a store, read the same data, sum vectors. It travels as `probes` does."""

import os
import socket
import time
from collections.abc import Sequence


def write_store(url: str, key: str) -> str:
    """Writes an object; returns what is wrong, or nothing."""
    from fieldmark.errors import UserError
    from fieldmark.store import Store

    os.environ["FIELDMARK_STORE_PATIENCE"] = "0"  # of this actor alone: a look does not wait for a full disk to empty
    try:
        Store.open(url, create=False).hasty().put(key, os.urandom(2**20))
    except UserError as error:
        return str(error)
    return ""


def read_store(url: str, keys: Sequence[str]) -> list[str]:
    """Returns those of the keys under which nothing is read here."""
    from fieldmark.store import Store

    store = Store.open(url, create=False).hasty()
    return [key for key in keys if store.get(key) is None]


def read_data(spec: str) -> dict[str, str]:
    """Reads the data set as a run would; returns its fingerprint, or what is wrong."""
    from fieldmark.data.open import open_dataset
    from fieldmark.errors import UserError

    try:
        return {"fingerprint": open_dataset(spec).observations.fingerprint}
    except (UserError, OSError) as error:
        return {"problem": " ".join(str(error).split())}


def free_port() -> int:
    """Returns a port that nothing listens on."""
    with socket.socket() as one:
        one.bind(("", 0))
        return int(one.getsockname()[1])


def all_reduce(
    backend: str, rank: int, workers: int, address: str, port: int, sizes: Sequence[int], seconds: float
) -> list[tuple[int, float]]:
    """Sums vectors over all workers; returns the bytes of each and the seconds of one sum (the fastest of three).

    Args:
        backend: gloo or nccl.
        rank: of this worker, from 0.
        workers: how many there are.
        address: where rank 0 is.
        port: where rank 0 listens.
        sizes: bytes of the vectors, ascending.
        seconds: in all; larger vectors are left out when the time is over.
    """
    from datetime import timedelta

    if backend == "nccl":
        os.environ["CUDA_VISIBLE_DEVICES"] = "0"  # Ray hides it from an actor that asks for none
    import torch
    from torch import distributed

    device = torch.device("cuda", 0) if backend == "nccl" else torch.device("cpu")
    url = f"tcp://[{address}]:{port}" if ":" in address else f"tcp://{address}:{port}"
    limit = timedelta(seconds=seconds)
    distributed.init_process_group(backend, init_method=url, rank=rank, world_size=workers, timeout=limit)
    try:
        started, found = time.monotonic(), []
        for size in sizes:
            vector_N = torch.ones(size // 4, device=device)
            times = []
            for _ in range(4):  # the first makes the connections
                distributed.barrier()
                before = time.perf_counter()
                distributed.all_reduce(vector_N)
                if backend == "nccl":
                    torch.cuda.synchronize()
                times.append(time.perf_counter() - before)
            spent = torch.tensor([min(times[1:]), time.monotonic() - started], device=device)
            distributed.all_reduce(spent, op=distributed.ReduceOp.MAX)  # all stop after the same size
            found.append((size, float(spent[0])))
            if float(spent[1]) > seconds / 4:
                break
        return found
    finally:
        distributed.destroy_process_group()

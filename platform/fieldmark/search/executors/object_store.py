"""How large Ray's object store has to be: the arrays of a data set lie in it once a node, and are mapped from there."""

import os
from collections.abc import Mapping

from fieldmark.errors import UserError

SPARE = 1.25
"""Times the arrays: results and messages lie there, too."""
LEAST = 512 * 2**20
SHARED_MEMORY = "/dev/shm"
KEY = "object_store_memory"


def bytes_of(thing: object) -> int:
    """Returns the bytes of a thing's arrays and all else that would be put; arrays are not copied for it."""
    import ray.cloudpickle as cloudpickle

    if thing is None:
        return 0
    arrays: list[int] = []
    rest = cloudpickle.dumps(thing, protocol=5, buffer_callback=lambda one: arrays.append(one.raw().nbytes))
    return len(rest) + sum(arrays)


def store_size(needed: int) -> int | None:
    """Returns the bytes of the object store of a local Ray; None: Ray's own choice.

    That is as much as the arrays need and some more, where shared memory has room for it. Where it has not, Ray puts
    the store onto the disk, which works more slowly.
    """
    size = max(LEAST, round(needed * SPARE))
    return size if size < _shared_memory() else None


def check_room(needed: int, what: str, nodes: Mapping[str, Mapping[str, float]]) -> None:
    """Refuses what does not fit into each node's object store, before anything is put.

    Args:
        needed: bytes.
        what: in words.
        nodes: resources of each, by name.

    Raises:
        UserError: naming the node that has the least room.
    """
    sizes = {name: resources.get(KEY, 0.0) for name, resources in nodes.items()}
    name = min(sizes, key=sizes.__getitem__, default=None)
    if name is not None and needed > sizes[name]:
        raise UserError(
            f"{what} take {needed / 1e9:.2f} GB of every node's object store, and node {name} has "
            f"{sizes[name] / 1e9:.2f} GB: start Ray there with --object-store-memory={round(needed * SPARE)}, "
            "or leave the node out"
        )


def _shared_memory() -> int:
    try:
        found = os.statvfs(SHARED_MEMORY)
    except OSError:
        return 0
    return found.f_bavail * found.f_frsize

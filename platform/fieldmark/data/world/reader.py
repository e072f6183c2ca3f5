"""Reads `world[:key=value,...]` as any other data set is read."""

from functools import lru_cache

from fieldmark.data.observations import Observations
from fieldmark.data.world.config import parse_world
from fieldmark.data.world.world import World


@lru_cache(maxsize=2)
def _world(text: str) -> World:
    return World(parse_world(text))


def open_world(spec: str) -> World:
    """Returns the world written ``world[:key=value,...]``; the same object for the same text, as worlds never change.

    Raises:
        UserError: for an unknown key or a bad value, listing the keys.
    """
    return _world(spec)


def read_world(settings: str) -> Observations:
    """Returns the observations of `world:settings`, with train, val and test as the given split."""
    return open_world(f"world:{settings}").observations()


def read_world_superset(settings: str) -> Observations:
    """Returns the `full` training set of `world:settings`; its categories are those of `read_world`."""
    return open_world(f"world:{settings}").superset()

"""The embedded world as a data set: `world[:key=value,...]`."""

from fieldmark.data.observations import Observations
from fieldmark.data.readers.registry import reader, superset_reader


@reader("world")
def read_embedded(rest: str) -> Observations:
    """Reads the world that these settings describe."""
    from fieldmark.data.world.reader import read_world

    return read_world(rest)


@superset_reader("world")
def read_embedded_superset(rest: str) -> Observations | None:
    """Reads the world's `full` variant, where these settings ask for its `mini`."""
    from fieldmark.data.world.reader import read_world_superset

    return read_world_superset(rest)

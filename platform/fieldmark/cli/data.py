"""`fieldmark data describe`: look at a data set before anything is trained on it."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from fieldmark.cli.common import JsonFlag, print_json


def describe(
    spec: str,
    *,
    protocol: Annotated[str | None, Parameter(help="Split protocol and seed, e.g. coordinate:0.")] = None,
    map: Annotated[Path | None, Parameter(name="--map", help="Draw the records on a map into this PNG file.")] = None,
    max_bad_share: Annotated[float, Parameter(help="Stop when a larger share of records is bad.")] = 0.2,
    json: JsonFlag = False,
) -> None:
    """Print counts against the published ones, the share of each field, splits, fingerprint and bad records.

    Args:
        spec: The data set, e.g. world, occurrences:FILE.csv.gz, inat2018:DIR, yfcc_inat2017:FILE.zip.
    """
    from fieldmark.data.describe import describe as describe_data
    from fieldmark.data.open import open_dataset

    data = open_dataset(spec, protocol=protocol, max_bad_share=max_bad_share)
    description = describe_data(data)
    if map is not None:
        from fieldmark.figures.map import draw_map

        draw_map(data.observations, map)
    if json:
        print_json(description.to_json())
        return
    for line in description.lines():
        print(line)
    if map is not None:
        print(f"map          {map}")

"""`fieldmark table`: a published table beside what was measured."""

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from fieldmark.cli.common import STORE, StoreFlag, open_existing

Format = Literal["terminal", "md", "latex", "csv", "html", "json"]


def table(
    name: str,
    /,
    *,
    format: Format = "terminal",
    store: StoreFlag = STORE,
    dataset: Annotated[
        str | None,
        Parameter(
            help="Data set to join, by name; needed where a sweep's store holds several. S1, S3 to S6: as published."
        ),
    ] = None,
    scale: Annotated[Literal["smoke", "paper"] | None, Parameter(help="Which runs to join, by scale.")] = None,
    sweep: Annotated[
        str | None, Parameter(help="Sweep to join, by the beginning of its id; default: the latest runs.")
    ] = None,
    score: Annotated[str | None, Parameter(help="Score source; default: the product as published.")] = None,
    output: Annotated[Path | None, Parameter(help="Write to this file instead of standard output.")] = None,
) -> None:
    """Print a published table beside what was measured: S2 by a sweep, S1 and S3 to S6 by a reproduction.

    Args:
        name: The table's name, e.g. S2.
        format: How it is written.
    """
    from fieldmark.tables.compare import comparison_table
    from fieldmark.tables.definitions import definition
    from fieldmark.tables.render import render

    definition(name)  # a name that no paper has is said before any store is looked for
    joined = comparison_table(open_existing(store), name, dataset=dataset, scale=scale, score=score, sweep=sweep)
    text = render(joined, format)
    if output is None:
        print(text)
    else:
        output.write_text(text + "\n")
        print(output)

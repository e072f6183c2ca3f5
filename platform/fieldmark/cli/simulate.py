"""`fieldmark simulate`: a sweep on a cluster that is not there."""

import sys
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from fieldmark.cli.common import print_json
from fieldmark.errors import UserError
from fieldmark.search.simulation.options import SimulateOptions


def simulate(*, options: Annotated[SimulateOptions | None, Parameter(name="*")] = None) -> int:
    """Simulate a sweep of thousands of trials on thousands of nodes that fail, by the real search code.

    No process is started and nothing is trained; time is virtual, and advances by the measured time of the driver's
    work. It says what the driver costs, where it stops scaling, and what failures lose. Exit code 1 where trials are
    left undone: then there is nothing to say of the limit, and no figure.
    """
    from fieldmark.search.simulation.simulate import simulate as run

    options = options or SimulateOptions()
    figure = None if options.figure is None else Path(options.figure)
    if figure is not None and not figure.parent.is_dir():
        raise UserError(f"--figure {figure}: there is no folder {figure.parent}")
    result = run(options, say=lambda line: print(line, file=sys.stderr, flush=True))
    drawn = figure if figure is not None and not result.left else None
    if drawn is not None:
        from fieldmark.search.simulation.figure import draw

        draw([result], drawn)
    if options.json_output:
        print_json(result.to_json())
    else:
        print(result.text())
        if drawn is not None:
            print(f"simulated | figure          {drawn}")
    return result.exit_code

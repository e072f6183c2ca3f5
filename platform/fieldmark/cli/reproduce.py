"""`fieldmark reproduce`: run what the tables of a paper need, print them, write their pages."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from fieldmark.cli.common import EXIT_TERMINATED, exit_code, print_json
from fieldmark.errors import UserError
from fieldmark.search.reproduce.options import ReproduceOptions, with_subjects

if TYPE_CHECKING:
    from fieldmark.search.reproduce.result import ReproduceResult

EXIT_INCOMPLETE = 1


def reproduce(
    *what: Annotated[str, Parameter(help="Tables S1 to S6, figures figS1 to figS4, or all.")],
    options: Annotated[ReproduceOptions | None, Parameter(name="*")] = None,
) -> int:
    """Reproduce the tables and figures of the Dynamic MLP supplement: only what the store lacks is run.

    At scale smoke small stand-ins train on generated worlds, in minutes; at scale paper the full recipes run on the
    published data, named by --data NAME=SPEC. The same command again goes on with it. Ctrl-C (or
    SIGTERM) stops cleanly: what is under way goes on from its checkpoint.
    """
    from fieldmark.search.reproduce.driver import reproduce as run
    from fieldmark.search.reproduce.dryrun import ReproduceDryRun
    from fieldmark.search.training.interrupt import Terminated, terminable

    options = with_subjects(options or ReproduceOptions(), what)
    try:
        with terminable():
            result = run(options)
    except Terminated:
        return EXIT_TERMINATED
    if not isinstance(result, ReproduceDryRun):
        return _finish(options, result)
    if options.json_output:
        print_json(result.model_dump(mode="json", exclude={"lines"}))
    else:
        print(result.text())
    return 0


def _finish(options: ReproduceOptions, result: "ReproduceResult") -> int:
    page = None if result.interrupted else _write_pages(options)
    if options.json_output:
        print_json({**result.to_json(), "page": None if page is None else str(page)})
    elif not result.interrupted:
        _print_tables(options)
        _print_end(result)
        print(f"Page: {page or 'not written'}")
    sys.stdout.flush()
    if result.interrupted:
        return exit_code(result)
    return EXIT_INCOMPLETE if result.measured < result.cells and not result.budget_spent else 0


def _write_pages(options: ReproduceOptions) -> Path | None:
    """Returns the index page, or None where there is no place for it: the results count more."""
    from fieldmark.dashboard.reproduction import write_reproduction
    from fieldmark.store import Store

    try:
        return write_reproduction(Store.open(options.store, create=False), Path(options.out), options.scale)
    except (UserError, OSError) as error:
        print(f"no pages: {error}", file=sys.stderr)
        return None


def _print_tables(options: ReproduceOptions) -> None:
    from fieldmark.store import Store
    from fieldmark.tables.compare import comparison_table
    from fieldmark.tables.render import render

    store = Store.open(options.store, create=False)
    for table in options.tables:
        try:
            print(render(comparison_table(store, table, scale=options.scale), "terminal"))
        except UserError as error:
            print(f"Table {table}: {error}", file=sys.stderr)


def _print_end(result: "ReproduceResult") -> None:
    print(
        f"\n{result.measured} of {result.cells} values have all their seeds; {result.new_runs} runs done now, "
        f"{result.done_runs} before, in {result.seconds:.0f} s; spent {result.spending.text()}"
    )
    for one in result.failures:
        print(f"failed: run {one.run_id[:10]}: {one.message}  (`fieldmark logs {one.run_id[:10]}` tells more)")
    for line in result.problems:
        print(f"note: {line}")
    for path in result.figures:
        print(f"figure {path}")

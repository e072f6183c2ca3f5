"""`fieldmark sweep`: run a sweep, print its table, write its page."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from fieldmark.cli.common import EXIT_TERMINATED, exit_code, print_json
from fieldmark.errors import UserError
from fieldmark.search.options import SweepOptions

if TYPE_CHECKING:
    from fieldmark.search.result import SweepResult
    from fieldmark.store import Store


def priorsnet(*, options: Annotated[SweepOptions | None, Parameter(name="*")] = None) -> int:
    """Sweep PriorsNet: the published rows of Table S2, then Optuna's own trials, then the best again on fresh seeds.

    The same command again goes on with it. Ctrl-C (or SIGTERM) stops cleanly: what is under way goes on from its
    checkpoint.
    """
    from fieldmark.search.dryrun import DryRun
    from fieldmark.search.sweep import sweep_priorsnet
    from fieldmark.search.training.interrupt import Terminated, terminable

    options = options or SweepOptions()
    try:
        with terminable():
            result = sweep_priorsnet(options)
    except Terminated:
        return EXIT_TERMINATED
    if not isinstance(result, DryRun):
        return _finish(options, result)
    if options.json_output:
        print_json(result.model_dump(mode="json"))
    else:
        print(result.text())
    return 0


def _finish(options: SweepOptions, result: "SweepResult") -> int:
    from fieldmark.store import Store

    store = Store.open(options.store)
    page = _write_page(store, result)
    if options.json_output:
        print_json({**result.to_json(), "page": None if page is None else str(page)})
    elif page is not None or not result.interrupted:
        _print_tables(store, result)
        print(f"\nSpent: {result.spending.text()}")
        print(f"Page: {page or 'not written'}", flush=True)
    return exit_code(result)


def _write_page(store: "Store", result: "SweepResult") -> Path | None:
    """Returns the page, or None where there is nothing to show yet or no place for it: the results count more."""
    from fieldmark.dashboard.report import write_report

    try:
        return write_report(store, result.sweep, Path("reports"))
    except UserError as error:
        print(f"no page: {error}", file=sys.stderr)
        return None


def _print_tables(store: "Store", result: "SweepResult") -> None:
    from fieldmark.tables.compare import comparison_table
    from fieldmark.tables.render import render
    from fieldmark.tables.settings import settings_table

    print(render(comparison_table(store, "S2", sweep=result.sweep), "terminal"))
    print(render(settings_table(store, result.sweep), "terminal"))
    sys.stdout.flush()

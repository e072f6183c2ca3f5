"""`fieldmark store`: merge, compact, check and mirror results stores."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from fieldmark.cli.common import STORE, JsonFlag, StoreFlag, open_existing, print_json


def merge(source: str, target: str, /, *, json: JsonFlag = False) -> None:
    """Copy every record of SOURCE into TARGET; what is there already is left alone.

    Args:
        source: The store that is read.
        target: The store that grows; made where there is none.
    """
    from fieldmark.store import Store

    read = open_existing(source)  # first: a source that is not there must not leave an empty target
    report = Store.open(target).merge(read)
    if json:
        print_json(asdict(report))
    else:
        found = f"{report.runs} runs, {report.evaluations} evaluations and {report.files} other files are new"
        print(f"{target}: {found}; {len(report.conflicts)} records disagree")


def compact(*, store: StoreFlag = STORE) -> None:
    """Pack loose records into segments, which are read many times faster."""
    print(f"packed {open_existing(store).compact()} records")


def check(*, store: StoreFlag = STORE, json: JsonFlag = False) -> int:
    """Name damaged files and records that disagree; changes nothing. Exit code 1 where there are any."""
    opened = open_existing(store)
    problems, conflicts = opened.problems(), opened.conflicts()
    if json:
        print_json({"problems": problems, "conflicts": [asdict(conflict) for conflict in conflicts]})
    else:
        for line in [*problems, *(f"conflict: {conflict}" for conflict in conflicts)]:
            print(line)
        print(f"{len(problems)} damaged, {len(conflicts)} conflicts")
    return 1 if problems or conflicts else 0


def rebuild_mirrors(
    *,
    store: StoreFlag = STORE,
    mlflow: Annotated[Path | None, Parameter(help="SQLite file for MLflow; default: mlflow.db in the store.")] = None,
    journal: Annotated[Path | None, Parameter(help="Optuna journal; default: optuna.journal in the store.")] = None,
) -> None:
    """Make the MLflow database and Optuna's journal anew from the store, which stays the only truth."""
    from fieldmark.errors import UserError
    from fieldmark.store.mirrors.journal import rebuild_journal
    from fieldmark.store.mirrors.mlflow import rebuild_mlflow

    opened = open_existing(store)
    if "://" in opened.url and (mlflow is None or journal is None):
        raise UserError("--mlflow and --journal: name local files; mirrors cannot live in an object store")
    mlflow_file, journal_file = mlflow or Path(opened.url) / "mlflow.db", journal or Path(opened.url) / "optuna.journal"
    runs = rebuild_mlflow(opened, f"sqlite:///{mlflow_file.resolve()}")
    trials = rebuild_journal(opened, journal_file)
    print(f"{mlflow_file}: {runs} runs  (mlflow ui --backend-store-uri sqlite:///{mlflow_file})")
    print(f"{journal_file}: {trials} trials  (optuna-dashboard {journal_file})")

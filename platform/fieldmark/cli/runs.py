"""`fieldmark runs` and `fieldmark logs`: list, show, retract and repeat runs."""

import json
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import App, Parameter

from fieldmark.cli.common import STORE, JsonFlag, StoreFlag, open_existing, print_json
from fieldmark.cli.runs_list import COLUMNS, SETTINGS, print_runs
from fieldmark.errors import UserError

if TYPE_CHECKING:
    from fieldmark.store import Store

runs = App(name="runs", help="List, show, retract and repeat runs.", help_format="markdown")

Status = Literal["completed", "stopped", "failed"]


@runs.default
def list_runs(
    *,
    store: StoreFlag = STORE,
    json: JsonFlag = False,
    method: Annotated[str | None, Parameter(help="Only this method, e.g. priorsnet.")] = None,
    dataset: Annotated[str | None, Parameter(help="Only this data set.")] = None,
    status: Annotated[Status | None, Parameter(help="Only completed, stopped or failed.")] = None,
    sweep: Annotated[str | None, Parameter(help="Only runs of this sweep, by the beginning of its id.")] = None,
    retracted: Annotated[bool, Parameter(negative=(), help="Show retracted runs too.")] = False,
) -> None:
    """List runs, newest last. On a terminal, columns are left out until the rest fits; a pipe gets all of them."""
    opened = open_existing(store)
    wanted = {"method": method, "dataset": dataset, "status": status}
    if json:
        where = _where(wanted, sweep)
        table = opened.runs(columns=["record", "started"], where=where, retracted=retracted).sort_by("started")
        print_json([_loads(text) for text in table["record"].to_pylist()])
        return
    columns = [*COLUMNS, *SETTINGS, "started"]
    found = opened.runs(columns=columns, where=_where(wanted, sweep), retracted=retracted)
    print_runs(found.sort_by("started").to_pylist())


def _loads(text: str) -> Any:
    return json.loads(text)


def _where(wanted: dict[str, str | None], sweep: str | None) -> Any:
    from functools import reduce
    from operator import and_

    import pyarrow.compute as pc

    conditions = [pc.field(name) == value for name, value in wanted.items() if value is not None]
    if sweep is not None:
        conditions.append(pc.starts_with(pc.field("sweep"), pattern=sweep))
    return reduce(and_, conditions) if conditions else None


def find_run(store: "Store", prefix: str) -> str:
    """Returns the id of the one run whose id begins so.

    Raises:
        UserError: where no run or several begin so.
    """
    found = [
        run_id
        for run_id in store.runs(columns=["run_id"], retracted=True)["run_id"].to_pylist()
        if run_id.startswith(prefix)
    ]
    if len(found) != 1:
        what = "no run" if not found else f"{len(found)} runs"
        raise UserError(f"run id '{prefix}': {what} in store {store.url} begin so")
    return str(found[0])


@runs.command
def show(run_id: str, /, *, store: StoreFlag = STORE, json: JsonFlag = False) -> None:
    """Show one run: configuration, metrics, cost, provenance and its evaluations.

    Args:
        run_id: The id or its first digits.
    """
    import pyarrow.compute as pc

    opened = open_existing(store)
    full_id = find_run(opened, run_id)
    record = opened.run(full_id).model_dump(mode="json")
    record["retracted"] = opened.retractions().get(full_id)
    evaluations = opened.evaluations(columns=["record"], where=pc.field("run_id") == full_id, retracted=True)
    record["evaluations"] = [_loads(text) for text in evaluations["record"].to_pylist()]
    if json:
        print_json(record)
        return
    _print_record(record)


def _print_record(record: dict[str, Any]) -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console()
    spec, cost, where = record["spec"], record["cost"], record["provenance"]
    console.print(f"[bold]run {record['run_id']}[/] {record['status']} {record['message']}")
    if record["retracted"] is not None:
        console.print(f"[bold]RETRACTED[/]      {record['retracted']}", highlight=False)
    console.print(f"data           {spec['dataset']} ({spec['fingerprint'][:10]}), protocol {spec['protocol']}")
    console.print(f"seed           {spec['seed']}, scale {record['scale']['name']}")
    console.print("configuration  " + ", ".join(f"{name}={value}" for name, value in spec["config"].items()))
    console.print(f"cost           {cost['seconds']:.1f} s, {cost['cpu_seconds']:.1f} CPU-seconds, ", end="")
    console.print(f"peak {cost['peak_memory_bytes'] / 2**20:.0f} MiB, {record['parameters']:,} parameters")
    revision = (where["git_revision"][:10] or "unknown") + (" (changed since)" if where["git_dirty"] else "")
    console.print(f"made on        {where['host']} ({where['device']}), revision {revision}")
    if not record["evaluations"]:  # an imported or unfinished run has no scores but its own
        own = ", ".join(f"{name}={value:.5g}" for name, value in record["metrics"].items())
        console.print(f"metrics        {own or 'none'}")
        return
    table = Table(box=None, header_style="bold", pad_edge=False)
    names = ["top1", "top3", "top5", "top10", "mrr", "log_loss"]
    for name in ["split", "score", "n", *names]:
        table.add_column(name.replace("_", " "), justify="left" if name in ("split", "score") else "right")
    for row in sorted(record["evaluations"], key=lambda row: (row["split"], row["score"])):
        figures = (f"{row['metrics'].get(name, float('nan')):.4f}" for name in names)
        table.add_row(row["split"], row["score"], str(row["n"]), *figures)
    console.print(table)


@runs.command
def retract(run_id: str, /, *, reason: str, store: StoreFlag = STORE) -> None:
    """Hide a run from every table by a tombstone; nothing is deleted.

    Args:
        run_id: The id or its first digits.
        reason: Why; it is shown with the run.
    """
    if not reason.strip():
        raise UserError("--reason: say why, for whoever meets the run later")
    opened = open_existing(store)
    full_id = find_run(opened, run_id)
    opened.retract(full_id, reason)
    print(f"retracted {full_id}: {reason}")


@runs.command
def rerun(
    run_id: str,
    /,
    *,
    store: StoreFlag = STORE,
    data: Annotated[str | None, Parameter(help="Where the data set is now.")] = None,
    image_scores: Annotated[str | None, Parameter(help="The image scores that the run was given.")] = None,
    json: JsonFlag = False,
) -> int:
    """Do a run again and compare: the same machine gives the same numbers. The store is not changed.

    Args:
        run_id: The id or its first digits.
    """
    from fieldmark.search.rerun import rerun as repeat

    opened = open_existing(store)
    comparison = repeat(opened, find_run(opened, run_id), data=data, image_scores=image_scores)
    if json:
        print_json(comparison.model_dump(mode="json"))
    else:
        for line in comparison.lines():
            print(line)
    return 0 if comparison.equal else 1


def logs(run_id: str, /, *, store: StoreFlag = STORE) -> None:
    """Print what a run wrote while it ran.

    Args:
        run_id: The id or its first digits.
    """
    opened = open_existing(store)
    print(opened.log(find_run(opened, run_id)), end="")

"""`fieldmark predict`: names what is on pictures."""

import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from fieldmark.cli.common import STORE, JsonFlag, StoreFlag, open_existing, print_json
from fieldmark.cli.models import ImportFlag, run_extensions
from fieldmark.errors import UserError

if TYPE_CHECKING:
    import pyarrow as pa

    from fieldmark.export.inputs import Inputs
    from fieldmark.export.load import Trained

SHOWN_ROWS = 20
BETWEEN_LINES = 2.0
Batches = Iterator["pa.RecordBatch"]


def predict(
    model: str,
    source: Path,
    /,
    *,
    out: Annotated[Path | None, Parameter(help="Write all rows into this .csv or .parquet file.")] = None,
    force: Annotated[bool, Parameter(negative=(), help="Replace a file that is there already; never SOURCE.")] = False,
    top_k: Annotated[int, Parameter(help="Categories a row gets.")] = 5,
    store: StoreFlag = STORE,
    image_root: Annotated[
        Path | None, Parameter(help="The folder that a table's paths start from; default: its own.")
    ] = None,
    batch: Annotated[int, Parameter(help="Pictures that go through the model together.")] = 64,
    device: Annotated[str, Parameter(help="cpu, cuda, cuda:1, ...; auto takes a GPU where there is one.")] = "auto",
    extensions: ImportFlag = (),
    json: JsonFlag = False,
) -> int:
    """Name what is on pictures, by a trained run or an export. Rows come in the order of the input.

    A picture that cannot be read gets a row with the reason. A place or date that cannot be true is left out, and the
    row says so. Without --out the first rows are shown. Exit code 1: not one picture could be named.

    Args:
        model: An export's folder, or the id of a run in the store, or its first digits.
        source: A folder of pictures, a picture, or a table with an image column, and place and date columns if known.
    """
    from fieldmark.export.inputs import read_inputs
    from fieldmark.export.notes import input_notes
    from fieldmark.export.output import check_output

    for name, value in (("--top-k", top_k), ("--batch", batch)):
        if value < 1:
            raise UserError(f"{name} {value}: expected a whole number of at least 1")
    if out is not None:
        check_output(out, source, force=force)
    inputs = read_inputs(source, image_root)
    trained = _load(model, store, extensions)
    notes = input_notes(source, inputs, trained.config)
    for note in notes:
        print(note, file=sys.stderr, flush=True)
    whole = out is not None or json
    rows = inputs if whole else inputs.first(SHOWN_ROWS)
    started = time.monotonic()
    counts, shown = _ask(trained, rows, out, top_k=top_k, batch=batch, device=chosen_device(device), keep=not out)
    summary = {
        "run_id": trained.run_id,
        "rows": len(rows),
        **{status: counts[status] for status in ("ok", "partial", "bad")},
        "seconds": time.monotonic() - started,
        "out": None if out is None else str(out),
        "notes": notes,
    }
    if json:
        print_json(summary if out else {**summary, "answers": shown})
    else:
        _print(summary, shown, len(inputs))
    return 0 if counts["ok"] + counts["partial"] else 1


def _load(model: str, store: str, extensions: tuple[str, ...]) -> "Trained":
    from fieldmark.export.load import check_export, load_trained

    if Path(model).is_dir() or "/" in model:
        check_export(Path(model))  # before its extension, which may be among these, is run
        run_extensions(extensions)
        return load_trained(model)
    from fieldmark.export.stored import classifiers

    try:
        opened = open_existing(store)
    except UserError as error:
        raise UserError(
            f"{model}: there is no such folder, and no store to look for such a run in ({error})"
        ) from error
    if not classifiers(opened, model):
        where = f"no trained classifier in store {opened.url} has an id that begins so (`fieldmark runs` lists them)"
        raise UserError(f"{model}: there is no such folder, and {where}")
    run_extensions(extensions)
    return load_trained(opened, model)


def chosen_device(name: str) -> str:
    """Returns a device as torch names it.

    Raises:
        UserError: it is not there.
    """
    import torch

    if name == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    try:
        torch.zeros(1, device=name).cpu()
    except (RuntimeError, AssertionError) as error:
        cuda = f"{torch.cuda.device_count()} here" if torch.cuda.is_available() else "none here"
        raise UserError(f"--device {name}: not to be had here; expected auto, cpu, or cuda ({cuda})") from error
    return name


def _ask(
    trained: "Trained", rows: "Inputs", out: Path | None, *, top_k: int, batch: int, device: str, keep: bool
) -> tuple[Counter[str], list[dict[str, Any]]]:
    from fieldmark.export.output import answer_file
    from fieldmark.export.predict import predict as answers
    from fieldmark.export.predict import schema

    counts: Counter[str] = Counter()
    kept: list[dict[str, Any]] = []
    columns = schema(min(top_k, len(trained.categories)))
    found = _with_progress(answers(trained, rows, top_k=top_k, batch=batch, device=device), len(rows))
    with nullcontext() if out is None else answer_file(out, columns) as writer:
        for chunk in found:
            counts.update(chunk["status"].to_pylist())
            if writer is not None:
                writer.write_batch(chunk)
            if keep:
                kept += chunk.to_pylist()
    return counts, kept


def _with_progress(batches: Batches, total: int) -> Batches:
    from fieldmark.search.words import duration

    started = told = time.monotonic()
    done = 0
    for chunk in batches:
        yield chunk
        done += len(chunk)
        now = time.monotonic()
        if now - told >= BETWEEN_LINES:
            told, rate = now, done / (now - started)
            left = duration((total - done) / rate)
            print(f"{done:,} of {total:,} rows, {rate:,.1f}/s, about {left} left", file=sys.stderr, flush=True)


def _print(summary: dict[str, Any], shown: list[dict[str, Any]], total: int) -> None:
    from fieldmark.data.readers.folder import printable

    if shown:
        _print_rows(shown)
    counts = ", ".join(f"{summary[status]:,} {status}" for status in ("ok", "partial", "bad"))
    rate = summary["rows"] / max(summary["seconds"], 1e-9)
    print(f"{summary['rows']:,} rows by run {summary['run_id'][:10]}: {counts}; {rate:,.1f} rows/s")
    if summary["out"]:
        print(f"all in {printable(summary['out'])}")
    elif total > summary["rows"]:
        print(f"{total - summary['rows']:,} more rows are not shown; --out FILE.csv names them all")


def _print_rows(rows: list[dict[str, Any]]) -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    table = Table(box=None, header_style="bold", pad_edge=False)
    for name in ("image", "", "best", "then"):
        table.add_column(name, overflow="fold")
    places = range(1, sum(name.startswith("category_") for name in rows[0]) + 1)
    for row in rows:
        named = [f"{row[f'category_{k}']} {row[f'probability_{k}']:.3f}" for k in places if row[f"category_{k}"]]
        said = row["reason"] if row["status"] == "bad" else ", ".join(named[1:])
        partial = f" ({row['reason']})" if row["status"] == "partial" else ""
        table.add_row(*map(escape, (row["image"], row["status"], named[0] if named else "–", said + partial)))
    Console().print(table)

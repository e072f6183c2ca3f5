"""`fieldmark import-log`: read the training log that the authors released."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from fieldmark.cli.common import JsonFlag, print_json
from fieldmark.errors import UserError

if TYPE_CHECKING:
    from fieldmark.training.logged_run import LoggedRun

TABLES = (".csv", ".parquet")
PICTURES = (".png", ".svg", ".pdf")
SHOWN_EVERY = 10
_BAR = 40


def import_log(
    file: Path,
    /,
    *,
    out: Annotated[Path | None, Parameter(help="Write a row an epoch into this .csv or .parquet file.")] = None,
    figure: Annotated[Path | None, Parameter(help="Draw the curve into this .png, .svg or .pdf file.")] = None,
    store: Annotated[
        str | None, Parameter(help="Keep the curve in this results store, apart from measured runs.")
    ] = None,
    json: JsonFlag = False,
) -> None:
    """Read the official training log: validation curve, learning rates, gaps and speed.

    Epochs count from 0, as in the log.

    Args:
        file: The log, plain or gzipped.
    """
    from fieldmark.cli.imported_run import keep
    from fieldmark.training.official_log import read_official_log

    for flag, path, endings in (("--out", out, TABLES), ("--figure", figure, PICTURES)):
        if path is not None:
            _check_target(flag, path, endings)
    log = read_official_log(file)
    if out is not None:
        _write_table(log, out)
    if figure is not None:
        from fieldmark.figures.official_log import draw_official_log

        draw_official_log(log, figure)
    kept = None if store is None else keep(log, store, report_lines(log))
    if json:
        print_json({**to_json(log), "run_id": None if kept is None else kept.run_id})
        return
    written = [("table", out), ("figure", figure), ("run", kept)]
    for line in [*report_lines(log), *(_line(name, str(what)) for name, what in written if what is not None)]:
        print(line)


def report_lines(log: "LoggedRun") -> list[str]:
    """Returns what a person reads of a log."""
    best, last = log.best, log.last
    where = "the last" if best.epoch == last.epoch else f"the last, epoch {last.epoch}, has {100 * last.top1:.3f}"
    whole = "" if log.is_whole else f"; it ends before epoch {log.epochs - 1}, the last that was to come"
    pauses = log.clock_seconds - log.running_seconds
    rows: list[tuple[str, str]] = [
        ("log", log.name),
        ("lines", f"{len(log.train):,} of training, {len(log.validations)} of validation"),
        ("epochs", f"{log.epochs} of {log.steps} steps{whole}"),
        ("best top-1", f"{100 * best.top1:.3f} % at epoch {best.epoch} ({where}); top-5 {100 * best.top5:.3f} %"),
        ("rate", _rates(log)),
        ("speed", f"{log.batches_per_second:.2f} batches/s (median)"),
        ("an epoch", f"{log.epoch_seconds:.0f} s, and {log.validation_seconds:.0f} s for its validation (medians)"),
        ("time", f"{_hours(log.running_seconds)} running, of {_hours(log.clock_seconds)} on the clock"),
        (
            "gaps",
            f"{_hours(pauses)}; {len(log.gaps)} of more than ten minutes" if log.gaps else "none over ten minutes",
        ),
    ]
    rows += [
        (
            "",
            f"{_hours(gap.seconds)} ({gap.seconds:,.0f} s) before epoch {gap.epoch}, step {gap.step} (line {gap.line})",
        )
        for gap in log.gaps
    ]
    return [_line(name, text) for name, text in rows] + ["", *_curve_lines(log), ""]


def to_json(log: "LoggedRun") -> dict[str, Any]:
    """Returns everything but the single steps; scores are fractions, epochs count from 0."""
    return {
        "file": log.name,
        "sha256": log.digest,
        "epochs": log.epochs,
        "steps": log.steps,
        "train_lines": len(log.train),
        "best": _scores(log.best),
        "last": _scores(log.last),
        "largest_lr": log.largest_rate,
        "batches_per_second": log.batches_per_second,
        "epoch_seconds": log.epoch_seconds,
        "validation_seconds": log.validation_seconds,
        "clock_seconds": log.clock_seconds,
        "running_seconds": log.running_seconds,
        "gaps": [{"epoch": gap.epoch, "step": gap.step, "line": gap.line, "seconds": gap.seconds} for gap in log.gaps],
        "curve": log.curve(),
    }


def _line(name: str, text: str) -> str:
    return f"{name:<12}  {text}"


def _scores(one: Any) -> dict[str, float]:
    return {"epoch": one.epoch, "top1": one.top1, "top5": one.top5, "validation_loss": one.loss}


def _rates(log: "LoggedRun") -> str:
    middle = log.epochs // 2
    shown = [f"at most {log.largest_rate:.4f}"]
    shown += [f"{log.rates[middle]:.4f} at epoch {middle}"] if middle in log.rates else []
    return ", ".join([*shown, f"{log.train[-1].lr:.4f} at the end"])


def _rate(log: "LoggedRun", epoch: int) -> str:
    return f"{log.rates[epoch]:.4f}" if epoch in log.rates else "–"


def _hours(seconds: float) -> str:
    return f"{seconds / 3600:.1f} h" if seconds >= 3600 else f"{seconds / 60:.1f} min"


def _curve_lines(log: "LoggedRun") -> list[str]:
    """Returns the first, every tenth and the last epoch, with a bar of top-1."""
    shown = [
        one
        for one in log.validations
        if one.epoch == 0 or (one.epoch + 1) % SHOWN_EVERY == 0 or one in (log.best, log.last)
    ]
    head = f"{'epoch':>5}  {'top-1':>7}  {'top-5':>7}  {'loss':>7}  {'rate':>7}"
    return [head] + [
        f"{one.epoch:>5}  {100 * one.top1:>7.3f}  {100 * one.top5:>7.3f}  {one.loss:>7.4f}  "
        f"{_rate(log, one.epoch):>7}  {'█' * round(_BAR * one.top1)}"
        for one in shown
    ]


def _check_target(flag: str, path: Path, endings: tuple[str, ...]) -> None:
    """Refuses what could not be written, before anything is read."""
    if path.suffix.lower() not in endings:
        raise UserError(f"{flag} {path}: expected a name that ends in {', '.join(endings)}")
    if not path.parent.is_dir():
        raise UserError(f"{flag} {path}: there is no folder {path.parent}")


def _write_table(log: "LoggedRun", path: Path) -> None:
    import pyarrow as pa
    from pyarrow import csv, parquet

    table = pa.Table.from_pylist(log.curve())
    if path.suffix.lower() == ".csv":
        csv.write_csv(table, path)
    else:
        parquet.write_table(table, path)

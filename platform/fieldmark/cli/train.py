"""`fieldmark train`: train an image classifier, print how good it is beside its bounds, draw its figures."""

import sys
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from fieldmark.cli.common import EXIT_TERMINATED, print_json
from fieldmark.errors import UserError
from fieldmark.search.training.options import TrainOptions

if TYPE_CHECKING:
    from fieldmark.search.training.result import FrozenBackbone, TrainedRun, TrainResult
    from fieldmark.store import Store

EXIT_FAILED = 1
REPORTS = Path("reports")
WIDTH = 84
COLUMNS = (
    "tune\ntop-1",
    "test\ntop-1",
    "\ntop-5",
    "\nlog-loss",
    "para-\nmeters",
    "mult-\nadds",
    "images\n/s",
    "\nseconds",
)


def train(*, options: Annotated[TrainOptions | None, Parameter(name="*")] = None) -> int:
    """Train an image classifier that looks at place and date, too: one backbone, one fusion, one recipe.

    The same command again goes on with it, or says again what is recorded. Ctrl-C (or SIGTERM) stops after the next
    step.
    """
    from fieldmark.search.training.dryrun import TrainDryRun
    from fieldmark.search.training.failed import TrainingFailed
    from fieldmark.search.training.interrupt import Terminated
    from fieldmark.search.training.train import train_classifier

    options = options or TrainOptions()
    try:
        result = train_classifier(options)
    except TrainingFailed as error:
        print(
            f"fieldmark: training failed: {error}  (`fieldmark logs {error.attempt[:10]}` tells more)", file=sys.stderr
        )
        return EXIT_FAILED
    except Terminated:
        return EXIT_TERMINATED
    if not isinstance(result, TrainDryRun):
        return _finish(options, result)
    if options.json_output:
        print_json(result.model_dump(mode="json"))
    else:
        print(result.text())
    return 0


def _finish(options: TrainOptions, result: "TrainResult") -> int:
    from fieldmark.store import Store

    figures = draw_figures(Store.open(options.store, create=False), result, REPORTS)
    if options.json_output:
        print_json({**result.to_json(), "figures": {name: str(path) for name, path in figures.items()}})
        return 0
    _print(result)
    for name, path in figures.items():
        print(f"{name:<11} {path}")
    sys.stdout.flush()
    return 0


def draw_figures(store: "Store", result: "TrainResult", reports: Path) -> dict[str, Path]:
    """Draws the curve and the accuracy by category; returns what could be drawn: results count more than pictures."""
    run, alone = [result.run.run_id], [] if result.image_only is None else [result.image_only.run_id]
    folder = reports / result.run.run_id[:10]
    found = {}
    # Categories stand in the order of their first run, the baseline, and a fusion's gain is then above it.
    drawn = (("curve", "training_curve", run + alone), ("categories", "category_accuracy", alone + run))
    for name, module, runs in drawn:
        try:
            draw = import_module(f"fieldmark.figures.{module}").draw
            folder.mkdir(parents=True, exist_ok=True)
            draw(store, runs, folder / f"{name}.png")
            found[name] = folder / f"{name}.png"
        except (UserError, OSError, ImportError) as error:
            print(f"no figure {name}: {error}", file=sys.stderr)
    return found


def _print(result: "TrainResult") -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console(highlight=False, width=max(WIDTH, Console().width))
    console.print(f"run {result.run.run_id} on {result.dataset}, protocol {result.protocol}", soft_wrap=True)
    for note in result.notes:
        console.print(f"note        {note}", soft_wrap=True, markup=False)
    table = Table(box=None, header_style="bold", padding=(0, 1, 0, 0))
    table.add_column("", no_wrap=True)
    for name in COLUMNS:
        table.add_column(name, justify="right", no_wrap=True)
    name = str(result.run.config["fusion"])
    table.add_row(name if result.frozen is None else f"{name}\n  frozen backbone", *_cells(result.run))
    if result.image_only is not None:
        table.add_row("image only", *_cells(result.image_only))
    for fields, metrics in result.bounds.items():
        table.add_row(f"bound {fields}", "", *_scores(metrics), *4 * [""])
    console.print(table)
    _print_remarks(result)


def _print_remarks(result: "TrainResult") -> None:
    from fieldmark.search.training.result import standard_error

    pictures = result.images["test"]
    error = standard_error(result.run.metrics["test"]["top1"], pictures)
    if result.frozen is not None:
        _print_frozen(result.frozen)
    print(f"test: {pictures:,} pictures, one training; the standard error of its top-1 is {error:.4f}")
    if result.compared is not None and result.turned_right is not None and result.turned_wrong is not None:
        print(
            f"of {result.compared:,} test pictures, {_count(result.turned_right)} that image only names wrongly are "
            f"now right, {_count(result.turned_wrong)} that it names rightly are now wrong"
        )
    if result.share_of_gain is not None:
        seen = list(result.bounds)[-1].removeprefix("image+").replace("+", " and ")
        print(f"of what {seen} can add to image only, {result.share_of_gain:.0%} is gained")
    if result.without_image_only is not None:
        print(f"image only  {result.without_image_only}")
    for line in result.left_out:
        print(line)


def _print_frozen(frozen: "FrozenBackbone") -> None:
    took = "no longer in the store" if frozen.cache_seconds is None else f"made in {frozen.cache_seconds:.1f} s"
    print(
        f"frozen      the fusion alone was trained, on {frozen.views} cached views of each training picture, of which "
        f"image only names {frozen.train_top1:.1%} rightly ({frozen.test_top1:.1%} of test)"
    )
    print(f"features    {took}, once for every fusion on this model; not in the seconds above")


def _count(expected: float) -> str:
    """Returns an expected number, whole unless ties share their credit."""
    return f"{expected:,.1f}".removesuffix(".0")


def _cells(run: "TrainedRun") -> list[str]:
    speed = "–" if run.images_per_second is None else f"{run.images_per_second:.0f}"
    return [
        f"{run.metrics['tune']['top1']:.4f}",
        *_scores(run.metrics["test"]),
        _short(run.parameters),
        _short(run.multiply_adds),
        speed,
        f"{run.seconds:.0f}",
    ]


def _short(count: int) -> str:
    """Returns e.g. `6.74M`; the whole figure is in the JSON."""
    for size, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if count >= size:
            return f"{count / size:.3g}{unit}"
    return str(count) if count else "–"


def _scores(metrics: dict[str, float]) -> list[str]:
    return [f"{metrics['top1']:.4f}", f"{metrics['top5']:.4f}", f"{metrics['log_loss']:.4f}"]

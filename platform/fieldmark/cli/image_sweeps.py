"""`fieldmark sweep fusion` and `fieldmark sweep resolution`: run a sweep of image classifiers, print its table."""

import sys
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from fieldmark.cli.common import EXIT_TERMINATED, exit_code, print_json
from fieldmark.search.image_sweep.options import FusionSweepOptions, ImageSweepOptions, ResolutionSweepOptions
from fieldmark.search.words import counted

if TYPE_CHECKING:
    from rich.table import Table

    from fieldmark.search.image_sweep.result import ImageSweepResult, Measured, SettingResult

WIDTH = 120
VIEW_WIDTH = 14
"""Narrower, and columns would be cut off."""


def fusion(*, options: Annotated[FusionSweepOptions | None, Parameter(name="*")] = None) -> int:
    """Sweep how place and date come in: the published fusions, then Optuna's own trials, then the best on fresh seeds.

    The same command again goes on with it. Ctrl-C (or SIGTERM) stops cleanly: what is under way goes on from its
    checkpoint.
    """
    return _sweep(options or FusionSweepOptions())


def resolution(*, options: Annotated[ResolutionSweepOptions | None, Parameter(name="*")] = None) -> int:
    """Sweep the training resolution and the backbone; every run is tested at several resolutions.

    The same command again goes on with it. Ctrl-C (or SIGTERM) stops cleanly: what is under way goes on from its
    checkpoint.
    """
    return _sweep(options or ResolutionSweepOptions())


def _sweep(options: ImageSweepOptions) -> int:
    from fieldmark.search.image_sweep.dryrun import ImageDryRun
    from fieldmark.search.image_sweep.sweep import sweep_images
    from fieldmark.search.training.interrupt import Terminated, terminable

    try:
        with terminable():
            result = sweep_images(options)
    except Terminated:
        return EXIT_TERMINATED
    if isinstance(result, ImageDryRun):
        if options.json_output:
            print_json(result.model_dump(mode="json"))
        else:
            print(result.text())
        return 0
    if options.json_output:
        print_json(result.to_json())
    else:
        _print(result)
    return exit_code(result)


def _print(result: "ImageSweepResult") -> None:
    from rich.console import Console

    further = max((len(one.views) for one in result.settings), default=0)
    console = Console(highlight=False, width=max(WIDTH + VIEW_WIDTH * further, Console().width))
    frozen = "; FROZEN: fusions on cached features of a frozen image-only model" if result.frozen else ""
    console.print(
        f"sweep {result.sweep} ({result.space}) on {result.dataset}, protocol {result.protocol}{frozen}",
        soft_wrap=True,
    )
    console.print(result.scale, soft_wrap=True, markup=False)
    for note in result.notes:
        console.print(f"note: {note}", soft_wrap=True, markup=False)
    console.print(_table(result))
    print(f"* on the Pareto front of {' and '.join(result.front_of)}, by tune; sampler {result.sampler}")
    for line in _bounds(result):
        print(line)
    print(about_the_best(result))
    for failure in result.failures:
        print(f"failed: {failure.run_id[:10]}: {failure.message}")
    if result.limit is not None:
        console.print(result.limit.sentence(result.sweep), soft_wrap=True, markup=False)
    print(f"spent: {result.spending.text()}")
    for path in result.figures:
        print(f"figure: {path}")
    sys.stdout.flush()


def _table(result: "ImageSweepResult") -> "Table":
    from rich.table import Table

    larger = max((_heads(one) for one in result.settings), key=len, default=[])
    table = Table(box=None, header_style="bold", padding=(0, 1, 0, 0))
    table.add_column("", no_wrap=True)
    table.add_column("role", no_wrap=True)
    table.add_column("setting", overflow="fold", min_width=20)
    for name in ("tune\ntop-1", "test\ntop-1", *larger, "n", "para-\nmeters", "mult-\nadds", "seconds\na run"):
        table.add_column(name, justify="right", no_wrap=True)
    for one in result.settings:
        table.add_row("*" if one.front else "", one.role, _label(one), *_cells(one, len(larger)))
    return table


def _heads(one: "SettingResult") -> list[str]:
    """Returns the heads of the columns of further views: their sizes as factors of the training resolution."""
    from fieldmark.config import View

    sizes = [View.parse(text).sizes_of(one.resolution) for text in one.views]
    return [
        "test at\n×" + "..".join(f"{side / one.resolution:.2g}" for side in (some[0], some[-1])[: len(some)])
        for some in sizes
    ]


def _label(one: "SettingResult") -> str:
    short = {"lr": "lr", "weight_decay": "decay", "mixup": "mixup"}
    words = [f"{word} {one.params[name]:.2g}" for name, word in short.items() if name in one.params]
    return " ".join([one.label, *words, *(["(frozen)"] if one.frozen else [])])


def _cells(one: "SettingResult", larger: int) -> list[str]:
    if one.measured is None:
        return [one.state, *[""] * (larger + 5)]
    views = [_mean(measured) for measured in one.views.values()]
    return [
        f"{one.measured.tune:.4f}",
        _mean(one.measured),
        *views,
        *[""] * (larger - len(views)),
        str(one.measured.n),
        f"{one.parameters / 1e3:,.0f}k",
        f"{one.multiply_adds / 1e6:,.1f}M",
        "–" if one.seconds is None else f"{one.seconds:.0f}",
    ]


def _mean(measured: "Measured") -> str:
    spread = "" if measured.test_std is None else f" ±{measured.test_std:.3f}"
    return f"{measured.test:.4f}{spread}"


def _bounds(result: "ImageSweepResult") -> list[str]:
    """Returns a line for each thing that the Bayes classifier is told, with the sizes from which it reaches more."""
    found: dict[str, dict[float, int]] = {}
    for one in result.bounds:
        found.setdefault(one.information, {}).setdefault(one.test, one.resolution)
    return [
        f"Bayes bound of {told} on test, top-1: " + ", ".join(f"{top1:.4f} from {size} px" for top1, size in by.items())
        for told, by in found.items()
    ]


def about_the_best(result: "ImageSweepResult") -> str:
    """Returns a line on the setting that tune has chosen.

    It is "best" over as many fresh seeds as the word needs, and where no image-only model beside the search has as much
    on tune (SCIENCE rule 9).
    """
    best, rival = result.best, _no_worse_baseline(result)
    if best is None or best.measured is None:
        return "nothing is confirmed on fresh seeds yet"
    word = "best" if result.enough_for_best else "highest on tune"
    remark = "" if result.enough_for_best else " (to be called best it needs five fresh seeds)"
    if rival is not None and rival.measured is not None:
        word = "highest on tune of the settings searched"
        remark += f"; {rival.label} has {rival.measured.tune:.4f} on tune, no less than it has there"
    seeds = counted(best.measured.n, "fresh seed")
    return f"{word}: {best.label}, top-1 {_mean(best.measured)} on test over {seeds}{remark}"


def _no_worse_baseline(result: "ImageSweepResult") -> "SettingResult | None":
    """Returns the image-only model with the most on tune, if the chosen setting, over the same seeds, has no more."""
    if result.best is None:
        return None
    tune = {(one.role, one.number): one.measured.tune for one in result.settings if one.measured is not None}
    chosen = max((tune.get((role, result.best.number), 0.0) for role in ("published", "search")), default=0.0)
    alone = [one for one in result.settings if one.role == "baseline" and (one.role, one.number) in tune]
    rival = max(alone, key=lambda one: tune[one.role, one.number], default=None)
    return rival if rival is not None and tune[rival.role, rival.number] >= chosen else None

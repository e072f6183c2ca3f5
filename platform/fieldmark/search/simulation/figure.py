"""Two pictures of simulated sweeps: what a trial costs the driver as a sweep grows, and overhead by slots."""

from collections.abc import Sequence
from pathlib import Path

from fieldmark.search.simulation.result import SimulationResult


def draw(results: Sequence[SimulationResult], path: Path) -> None:
    """Writes a PNG.

    Args:
        results: one line each; of one trial length, or the right plot would mix what is not alike.
        path: its folder is made where it is missing.
    """
    from matplotlib.figure import Figure

    from fieldmark.figures.drawing import dress, heading, plain, sign
    from fieldmark.figures.trained_runs import DPI

    figure = Figure(figsize=(10, 4.6), layout="constrained")
    by_trial, by_slots = figure.subplots(1, 2)
    dress(by_trial, "trials started", "driver's time for a trial, simulated sweep (ms)")
    dress(by_slots, "slots (ten trials each)", "simulated overhead over ideal (%)")
    for place, one in enumerate(results):
        style = {**sign(place), "markersize": 4, "linewidth": 1.4}
        name = f"sampler {one.sampler}"
        begins = [0, *(stretch.trials for stretch in one.by_thousand[:-1])]
        middles = [(begin + stretch.trials) / 2 for begin, stretch in zip(begins, one.by_thousand, strict=True)]
        by_trial.plot(middles, [1000 * stretch.driver.total for stretch in one.by_thousand], label=name, **style)
        computed = f"{name}, computed from the left"
        by_slots.plot(
            [each.slots for each in one.scaling], [100 * each.overhead for each in one.scaling], label=computed, **style
        )
        by_slots.plot(
            one.slots,
            100 * one.overhead,
            **{**style, "markersize": 11, "linestyle": "none", "markerfacecolor": "none"},
            label=f"{name}, as simulated",
        )
    by_trial.set_ylim(bottom=0)
    by_slots.set_xscale("log")
    by_slots.set_yscale("log")
    by_slots.xaxis.set_major_formatter("{x:,.0f}")
    by_slots.yaxis.set_major_formatter("{x:g}")
    for axes in (by_trial, by_slots):
        plain(axes.legend(fontsize=7.5, frameon=False))
    first = results[0]
    heading(
        figure,
        "A simulated sweep: what one driver costs, and how many slots it keeps busy",
        [
            f"Simulated: {first.trials:,} trials on {first.slots:,} slots, {first.trial}; "
            f"{first.failures_an_hour:g} failures a node and hour; seed {first.seed}. Driver times are real, with the "
            f"machine's load at {max(one.load for one in results):.1f}."
        ],
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=DPI)

"""`fieldmark evaluate`: a stored run's figures again, or at another resolution."""

import sys
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from fieldmark.cli.common import JsonFlag, StoreFlag, open_existing, print_json
from fieldmark.cli.models import ImportFlag, run_extensions
from fieldmark.errors import UserError

if TYPE_CHECKING:
    from fieldmark.export.evaluate import Figures

SplitFlag = Literal["tune", "test", "both"]


def evaluate(
    run: str,
    /,
    *,
    data: Annotated[str | None, Parameter(help="Where the run's data set is now; default: where it was.")] = None,
    resolution: Annotated[int | None, Parameter(help="Side of the pictures, in pixels; default: the run's.")] = None,
    split: Annotated[SplitFlag, Parameter(help="tune, test or both.")] = "test",
    store: StoreFlag = "runs",
    device: Annotated[str, Parameter(help="cpu, cuda, cuda:1, ...; auto takes a GPU where there is one.")] = "auto",
    extensions: ImportFlag = (),
    json: JsonFlag = False,
) -> int:
    """Evaluate a trained run by the centre crop.

    At the run's own resolution this verifies what was recorded when it ended, and writes nothing. At another
    resolution the figures are recorded as a view of their own, which no comparison table mixes with the run's. Exit
    code 1: the figures are not those recorded.

    Args:
        run: The id of a trained classifier's run, or its first digits.
    """
    from fieldmark.cli.predict import chosen_device
    from fieldmark.data.observations import Split
    from fieldmark.export.evaluate import evaluate_run

    _check_resolution(resolution)
    opened = open_existing(store)
    run_extensions(extensions)
    splits = {"tune": [Split.TUNE], "test": [Split.TEST], "both": [Split.TUNE, Split.TEST]}[split]
    found = evaluate_run(opened, run, splits, data=data, resolution=resolution, device=chosen_device(device), say=_say)
    if json:
        print_json([{**one.model_dump(mode="json"), "equal": one.equal} for one in found])
    else:
        for one in found:
            _print(one)
    return 1 if any(one.equal is False for one in found) else 0


def _check_resolution(resolution: int | None) -> None:
    """Refuses what no classifier can be trained at."""
    from pydantic import ValidationError

    from fieldmark.config import ClassifierConfig
    from fieldmark.search.options import describe_invalid

    try:
        ClassifierConfig.model_validate({} if resolution is None else {"resolution": resolution})
    except ValidationError as error:
        raise UserError(describe_invalid(error)) from error


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _print(one: "Figures") -> None:
    view = f", {one.view}" if one.view else ""
    print(f"{one.split} ({one.n:,} pictures), score {one.score}{view}")
    print(f"  {'':<10}{'now':>12}" + (f"{'recorded':>12}" if one.recorded else ""))
    for name, value in one.now.items():
        before = "" if one.recorded is None else f"{one.recorded.get(name, float('nan')):>12.6f}"
        print(f"  {name:<10}{value:>12.6f}{before}")
    print(f"  {_verdict(one)}")


def _verdict(one: "Figures") -> str:
    if one.new:
        return "recorded as a view of the run; no comparison table uses it"
    if one.recorded is None:
        return "nothing was recorded to compare with"
    return f"{'equal to' if one.equal else 'NOT'} what was recorded (relative difference {one.difference:.1g})"

"""`fieldmark evaluate`: a stored run's figures again, or in another view."""

import sys
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from fieldmark.cli.common import open_existing, print_json
from fieldmark.cli.evaluation_details import found_details, print_details
from fieldmark.cli.models import run_extensions
from fieldmark.cli.view_options import EvaluateOptions

if TYPE_CHECKING:
    from fieldmark.evaluation.stored import Figures


def evaluate(run: str, /, *, options: Annotated[EvaluateOptions | None, Parameter(name="*")] = None) -> int:
    """Evaluate a trained run: by its own centre crop, or at other sizes, by several crops, with fields withheld.

    In the run's own view this verifies what was recorded when it ended, and records nothing. Figures in another view
    are recorded as a view of their own, which no comparison table mixes with the run's. Exit code 1: the figures are
    not those recorded.

    Args:
        run: The id of a trained classifier's run, or its first digits.
    """
    from fieldmark.cli.predict import chosen_device
    from fieldmark.data.observations import Split
    from fieldmark.evaluation.stored import Keeping, evaluate_run, run_dataset
    from fieldmark.export.stored import read_run

    options = options or EvaluateOptions()
    views = options.views()
    store = open_existing(options.store)
    run_extensions(options.extensions)
    splits = {"tune": [Split.TUNE], "test": [Split.TEST], "both": [Split.TUNE, Split.TEST]}[options.split]
    stored = read_run(store, run)
    dataset = run_dataset(stored, options.data)
    found = evaluate_run(
        store,
        stored,
        dataset,
        splits,
        views=views,
        keeping=Keeping(probabilities=options.keep_probabilities, budget=options.probabilities_budget),
        device=chosen_device(options.device),
        say=_say,
    )
    told = found_details(store, stored, dataset, found, options) if options.details or options.against else None
    if options.json_output:
        print_json([_json(one, told[place] if told else None) for place, one in enumerate(found)])
    else:
        for place, one in enumerate(found):
            _print(one)
            if told:
                print_details(told[place])
    return 1 if any(one.equal is False for one in found) else 0


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _json(one: "Figures", details: dict[str, Any] | None) -> dict[str, Any]:
    return {**one.model_dump(mode="json"), "equal": one.equal, **({} if details is None else {"details": details})}


def _print(one: "Figures") -> None:
    view = f", {one.view.strip()}" if one.view else ""  # that of fields alone starts with a space
    print(f"{one.split} ({one.n:,} pictures), score {one.score}{view}")
    print(f"  {'':<10}{'now':>12}" + (f"{'recorded':>12}" if one.recorded else ""))
    for name, value in one.now.items():
        before = "" if one.recorded is None else f"{one.recorded.get(name, float('nan')):>12.6f}"
        print(f"  {name:<10}{value:>12.6f}{before}")
    print(f"  {_verdict(one)}")


def _verdict(one: "Figures") -> str:
    if one.new:
        return "recorded as a view of the run"
    if one.recorded is None:
        return "nothing was recorded to compare with"
    return f"{'equal to' if one.equal else 'NOT'} what was recorded (relative difference {one.difference:.1g})"

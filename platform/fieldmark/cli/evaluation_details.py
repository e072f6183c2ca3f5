"""What `fieldmark evaluate --details` tells: accuracy by category, head and tail, help and harm."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from fieldmark.errors import UserError

if TYPE_CHECKING:
    from fieldmark.cli.view_options import EvaluateOptions
    from fieldmark.data.observations import DataSet
    from fieldmark.evaluation.details import HelpAndHarm
    from fieldmark.evaluation.stored import Figures
    from fieldmark.export.stored import StoredRun
    from fieldmark.store import Store

FEW = 5
"""Categories that are named of the worst and of the best."""


def found_details(
    store: "Store", run: "StoredRun", dataset: "DataSet", found: "Sequence[Figures]", options: "EvaluateOptions"
) -> list[dict[str, Any]]:
    """Returns the details of each evaluation, from its stored predictions.

    Raises:
        UserError: an evaluation has none, or `--against` names a run that cannot be compared with.
    """
    from fieldmark.evaluation.details import details_of

    training_C, told = dataset.class_counts(), []
    for one in found:
        predictions = store.predictions(one.evaluation_id)
        if predictions is None:
            raise UserError(f"run {run.record.run_id}: the store has no predictions of it on {one.split}")
        details = details_of(predictions, run.categories, training_C, head_from=options.head)
        against = None if options.against is None else _against(store, run, one, options.against)
        told.append(
            {
                **details.model_dump(mode="json"),
                "against": None if against is None else {"run_id": against[0], **against[1]._asdict()},
            }
        )
    return told


def print_details(told: dict[str, Any]) -> None:
    """Prints the details of one evaluation."""
    categories = told["categories"]
    print(f"  by category ({len(categories):,}):")
    few = categories if len(categories) <= 2 * FEW else [*categories[:FEW], None, *categories[-FEW:]]
    for one in few:
        if one is None:
            print(f"    ... (all {len(categories):,} with --json)")
        else:
            print(f"    {one['top1']:>7.1%} of {one['n']:>5,}  {one['category']}")
    head, tail, least = told["head"], told["tail"], told["head_from"]
    print(f"  head, from {least:,} training pictures: {_group(head, 'many')}")
    print(f"  tail, below: {_group(tail, 'few')}")
    if told["against"]:
        against = told["against"]
        print(
            f"  against image-only run {against['run_id'][:10]}, of {against['pictures']:,} pictures: "
            f"{against['right']:,.1f} turned right, {against['wrong']:,.1f} turned wrong"
        )


def _group(group: dict[str, Any], images: str) -> str:
    if group["top1"] is None:
        return f"no category has so {images}"
    return f"{group['top1']:.1%} of {group['n']:,} pictures in {group['categories']:,} categories"


def _against(store: "Store", run: "StoredRun", one: "Figures", prefix: str) -> "tuple[str, HelpAndHarm]":
    from fieldmark.config import View
    from fieldmark.evaluation.details import help_and_harm
    from fieldmark.evaluation.record import of_run, view_ids
    from fieldmark.export.configuration import classifier_of
    from fieldmark.export.stored import find_classifier

    reference = store.run(find_classifier(store, prefix))
    if classifier_of(reference.spec.config).looks_at_location:
        raise UserError(f"--against {prefix}: it looks at place or date; expected an image-only run")
    spec = run.record.spec
    if (reference.spec.fingerprint, reference.spec.protocol) != (spec.fingerprint, spec.protocol):
        raise UserError(f"--against {prefix}: it learned from other data, {reference.spec.dataset}")
    view = of_run(View.parse(one.view).model_copy(update={"fields": "as_trained"}), reference)
    evaluation_id = view_ids(store, reference.run_id, view).get(one.split)  # type: ignore[call-overload]
    compared = None if evaluation_id is None else help_and_harm(store, one.evaluation_id, evaluation_id)
    if compared is None:
        named = f" --view '{view.text}'" if view.text else ""
        command = f"fieldmark evaluate {reference.run_id[:10]} --split {one.split}{named}"
        raise UserError(f"--against {prefix}: no predictions of it in this view; `{command}` makes them")
    return reference.run_id, compared

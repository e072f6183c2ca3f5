"""`fieldmark ensemble`: the mean of several runs' probabilities, from stored predictions."""

import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, NamedTuple

from cyclopts import Parameter

from fieldmark.cli.common import STORE, JsonFlag, StoreFlag, open_existing, print_json
from fieldmark.cli.models import ImportFlag, run_extensions
from fieldmark.errors import UserError
from fieldmark.evaluation.limits import BUDGET

if TYPE_CHECKING:
    from fieldmark.config import View
    from fieldmark.data.observations import DataSet
    from fieldmark.evaluation.record import SplitName
    from fieldmark.store import EvaluationRecord, Store


class Candidate(NamedTuple):
    """A run, and how it is shown the pictures."""

    run_id: str
    view: "View"


def ensemble(
    *runs: str,
    above: Annotated[float, Parameter(help="Members are those whose top-1 on tune is above this share.")],
    data: Annotated[str | None, Parameter(help="Where the runs' data set is now; default: where it was.")] = None,
    store: StoreFlag = STORE,
    device: Annotated[str, Parameter(help="cpu, cuda, cuda:1, ...; auto takes a GPU where there is one.")] = "auto",
    probabilities_budget: Annotated[
        int, Parameter(help="Bytes that all kept probabilities of the store may take.")
    ] = BUDGET,
    extensions: ImportFlag = (),
    json: JsonFlag = False,
) -> int:
    """Average the probabilities of trained runs, and record how good that is on tune and test.

    Probabilities that the store lacks are made first, by the models. Who joins is decided on tune alone.

    Args:
        runs: RUN or RUN:VIEW, e.g. 3fa2c1 or 3fa2c1:center:256+288; RUN is an id or its first digits.
    """
    from fieldmark.evaluation.ensemble import members_of, record_ensemble
    from fieldmark.evaluation.record import is_evaluated, view_ids

    if not runs:
        raise UserError("no runs named: expected RUN[:VIEW] RUN[:VIEW] ...")
    if not 0 <= above < 1:
        raise UserError(f"--above {above:g}: expected a share between 0 and 1, e.g. 0.91")
    opened = open_existing(store)
    candidates = list(dict.fromkeys(_candidate(opened, text) for text in runs))
    missing = [one for one in candidates if not is_evaluated(opened, *one, probabilities=True)]
    if missing:
        run_extensions(extensions)
        _make(opened, missing, data, device, probabilities_budget)
    ids = [_pair(view_ids(opened, *one), one) for one in candidates]
    records = record_ensemble(opened, ids, above, run_ids=[one.run_id for one in candidates])
    members = members_of(opened, ids, above)
    if json:
        print_json([{"evaluation_id": one.evaluation_id, **one.model_dump(mode="json")} for one in records])
    else:
        _print(opened, candidates, ids, members, records)
    return 0


def _candidate(store: "Store", text: str) -> Candidate:
    from fieldmark.config import View
    from fieldmark.evaluation.record import of_run
    from fieldmark.export.stored import find_classifier

    prefix, _, view = text.partition(":")
    run_id = find_classifier(store, prefix)
    return Candidate(run_id, of_run(View.parse(view), store.run(run_id)))


def _make(store: "Store", missing: Sequence[Candidate], data: str | None, device: str, budget: int) -> None:
    """Evaluates by the models; a data set is opened once, and the pictures of each run once for all its views."""
    from fieldmark.cli.predict import chosen_device
    from fieldmark.evaluation.pictures import Pictures
    from fieldmark.evaluation.record import evaluate_view
    from fieldmark.evaluation.stored import run_dataset
    from fieldmark.export.stored import read_run

    datasets: dict[tuple[str, str], DataSet] = {}
    pictures: dict[str, Pictures] = {}
    for run_id, view in missing:
        if run_id not in pictures:
            stored = read_run(store, run_id)
            key = stored.record.spec.fingerprint, stored.record.spec.protocol
            if key not in datasets:
                datasets[key] = run_dataset(stored, data)
            pictures[run_id] = Pictures(datasets[key], stored.config, cache=None, say=_say, pack=False)
        _say(f"run {run_id[:10]}{f', {view.text}' if view.text else ''}: probabilities of tune and test")
        evaluate_view(
            store,
            run_id,
            view,
            pictures[run_id],
            keep_probabilities=True,
            probabilities_budget=budget,
            device=chosen_device(device),
        )


def _pair(ids: "Mapping[SplitName, str]", candidate: Candidate) -> tuple[str, str]:
    if "tune" not in ids or "test" not in ids:
        raise UserError(f"run {candidate.run_id}: an ensemble needs its evaluations on tune and on test")
    return ids["tune"], ids["test"]


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _print(
    store: "Store",
    candidates: Sequence[Candidate],
    ids: Sequence[tuple[str, str]],
    members: Sequence[tuple[str, str]],
    records: "Sequence[EvaluationRecord]",
) -> None:
    print(f"{'top-1 on':>20}{'tune':>9}{'test':>9}")
    for candidate, pair in zip(candidates, ids, strict=True):
        name = f"{candidate.run_id[:10]} {candidate.view.text}".strip()
        figures = "".join(f"{store.evaluation(one).metrics['top1']:>9.4f}" for one in pair)
        print(f"{name:<20}{figures}  {'member' if pair in members else 'out: not above the rule on tune'}")
    figures = "".join(f"{one.metrics['top1']:>9.4f}" for one in records)
    print(f"{'ensemble':<20}{figures}  mean of {len(members)} of {len(candidates)}")

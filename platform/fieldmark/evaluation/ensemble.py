"""Ensembles of stored predictions: the mean of the members' probabilities; no model and no picture is needed.

Members join by a rule that looks at tune only (SCIENCE rule 5), e.g. all that are above 91 % (Yang et al. 2022, Table
S1; SPEC 5.4: weights and averaging space are unspecified, so all count alike, as probabilities).
"""

import time
from collections.abc import Iterable, Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from fieldmark.config import digest
from fieldmark.errors import UserError
from fieldmark.evaluation.record import SPLITS, SplitName
from fieldmark.store import EvaluationRecord, Store
from fieldmark.store.evaluated import evaluation_record
from fieldmark.training.evaluation import Collected, Evaluated, evaluated_images
from fieldmark.training.metrics import chunk_rows

SCORE = "joint"
Candidate = tuple[str, str]
"""Ids of one candidate's evaluations on tune and on test."""


def ensemble_ids(run_ids: Sequence[str], candidates: Sequence[str], above: float) -> tuple[str, str]:
    """Returns the ids under which an ensemble's evaluations on tune and on test are stored; order does not matter.

    Args:
        run_ids: of all candidates.
        candidates: ids of all candidates' evaluations on tune.
        above: the rule.
    """
    runs, view = _runs(run_ids), _view(candidates, above)
    tune, test = (digest({"runs": runs, "split": split, "score": SCORE, "view": view}) for split in SPLITS)
    return tune, test


def record_ensemble(
    store: Store, candidates: Sequence[Candidate], above: float, *, run_ids: Sequence[str]
) -> list[EvaluationRecord]:
    """Returns the evaluations of an ensemble on tune and on test, and records them where they are not.

    Args:
        store: holds the candidates' evaluations and the members' probabilities.
        candidates: their evaluations on tune and test.
        above: members are the candidates whose top-1 on tune, a fraction, is above this.
        run_ids: of all candidates.

    Raises:
        UserError: no candidate is above, probabilities are missing, or members were shown other images.
    """
    ids = ensemble_ids(run_ids, [tune for tune, _ in candidates], above)
    if not all(map(store.has_evaluation, ids)):
        members = members_of(store, candidates, above)
        for split, member_ids in zip(SPLITS, zip(*members, strict=True), strict=True):
            _record(store, split, member_ids, candidates, above, run_ids)
    return [store.evaluation(evaluation_id) for evaluation_id in ids]


def members_of(store: Store, candidates: Sequence[Candidate], above: float) -> list[Candidate]:
    """Returns the candidates whose top-1 on tune is above a share, in the order of their ids.

    Raises:
        UserError: none is; names the best.
    """
    top1 = {pair: store.evaluation(pair[0]).metrics["top1"] for pair in sorted(set(candidates))}
    members = [pair for pair, value in top1.items() if value > above]
    if not members:
        best = max(top1, key=lambda pair: top1[pair])
        run_id = store.evaluation(best[0]).run_ids[0]
        raise UserError(
            f"no candidate's top-1 on tune is above {above:g}: the best is run {run_id[:10]} with {top1[best]:.4f}"
        )
    return members


def mean_probabilities(members: Iterable[NDArray[np.floating]]) -> NDArray[np.float32]:
    """Returns the mean (N, C) of the members' probabilities (N, C), of which one at a time is held."""
    total_NC, count = np.zeros((), np.float32), 0
    for scores_NC in members:
        total_NC = total_NC + scores_NC.astype(np.float32)
        count += 1
    assert count, "an ensemble has a member"
    return total_NC / np.float32(count)


def _record(
    store: Store,
    split: SplitName,
    members: Sequence[str],
    candidates: Sequence[Candidate],
    above: float,
    run_ids: Sequence[str],
) -> None:
    started = time.monotonic()
    records = [store.evaluation(member) for member in members]
    image_id, category_N = _images(store, records)
    scores_NC = mean_probabilities(_probabilities(store, record) for record in records)
    details = {"members": float(len(members)), "candidates": float(len(set(candidates))), "above": above}
    found = _evaluated(split, image_id, category_N, scores_NC, details)
    runs = _runs(run_ids)
    parameters = {record.run_ids: record.parameters for record in records}
    record = evaluation_record(
        store.run(runs[0]),
        found,
        sum(parameters.values()),
        time.monotonic() - started,
        view=_view([tune for tune, _ in candidates], above),
        run_ids=runs,
        members=tuple(members),
    )
    store.commit_evaluation(record, predictions=found.predictions)


def _images(store: Store, members: Sequence[EvaluationRecord]) -> tuple[pa.StringArray, NDArray[np.int32]]:
    """Returns the ids and true categories of the images that all members were shown, in one order."""
    first: pa.Table | None = None
    for member in members:
        found = store.predictions(member.evaluation_id)
        if found is None:
            raise UserError(
                f"run {member.run_ids[0]}: the store {store.url} has no predictions of it on {member.split}"
            )
        shown = found.select(["image_id", "true_category"])
        if first is not None and not shown.equals(first):
            pair = f"runs {members[0].run_ids[0][:10]} and {member.run_ids[0][:10]}"
            raise UserError(f"{pair}: their {member.split} images are not the same, so no ensemble can be made of them")
        first = shown
    assert first is not None, "an ensemble has a member"
    return first["image_id"].combine_chunks(), first["true_category"].to_numpy().astype(np.int32)


def _probabilities(store: Store, member: EvaluationRecord) -> NDArray[np.float16]:
    found = store.probabilities(member.evaluation_id)
    if found is None:
        view = f" --view '{member.view}'" if member.view else ""
        command = f"fieldmark evaluate {member.run_ids[0][:10]} --split both{view} --keep-probabilities"
        raise UserError(f"run {member.run_ids[0]}: its probabilities were not kept; `{command}` keeps them")
    return found


def _evaluated(
    split: SplitName,
    image_id: pa.StringArray,
    category_N: NDArray[np.int32],
    scores_NC: NDArray[np.float32],
    details: dict[str, float],
) -> Evaluated:
    collected, rows = Collected(), chunk_rows(scores_NC.shape[1])
    for start in range(0, len(scores_NC), rows):
        collected.add(scores_NC[start : start + rows], category_N[start : start + rows])
    return evaluated_images(image_id, category_N, split, SCORE, collected, details)


def _runs(run_ids: Sequence[str]) -> tuple[str, ...]:
    return tuple(sorted(set(run_ids)))


def _view(candidates: Sequence[str], above: float) -> str:
    return f"ensemble:{digest({'candidates': sorted(set(candidates)), 'above': above})}"

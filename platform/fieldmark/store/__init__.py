"""The results store: immutable records, written once by put-if-absent, read as flat tables."""

from fieldmark.store.commit import Conflict
from fieldmark.store.compaction import MergeReport
from fieldmark.store.records import METRICS, Cost, DatasetCard, EvaluationRecord, Provenance, RunRecord, Trial
from fieldmark.store.store import Store

__all__ = [
    "METRICS",
    "Conflict",
    "Cost",
    "DatasetCard",
    "EvaluationRecord",
    "MergeReport",
    "Provenance",
    "RunRecord",
    "Store",
    "Trial",
]

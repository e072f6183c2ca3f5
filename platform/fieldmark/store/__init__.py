"""The results store: immutable records, written once by put-if-absent, read as flat tables."""

import importlib
from typing import TYPE_CHECKING, Any

from fieldmark.store.records import METRICS, Cost, DatasetCard, EvaluationRecord, Provenance, RunRecord, Trial

if TYPE_CHECKING:
    from fieldmark.store.commit import Conflict
    from fieldmark.store.compaction import MergeReport
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

_LATER = {"Store": "store", "Conflict": "commit", "MergeReport": "compaction"}


def __getattr__(name: str) -> Any:
    """Imports what needs Arrow when it is asked for: `--help` wants the records' names only."""
    if name not in _LATER:
        raise AttributeError(f"module {__name__} has no attribute {name}")
    return getattr(importlib.import_module(f"{__name__}.{_LATER[name]}"), name)

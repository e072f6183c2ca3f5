"""Contract tests shipped as code: a new store, fusion or data set is checked by calling one function."""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fieldmark.testing.fusion import check_fusion
    from fieldmark.testing.store import check_store

__all__ = ["check_fusion", "check_store"]


def __getattr__(name: str) -> Any:
    """Imports a check when it is asked for: a store's needs no PyTorch."""
    if name not in __all__:
        raise AttributeError(f"module {__name__} has no attribute {name}")
    return getattr(importlib.import_module(f"{__name__}.{name.removeprefix('check_')}"), name)

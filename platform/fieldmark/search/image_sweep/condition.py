"""The condition of `--warm-start`: which of the stored runs on a sweep's data fit it."""

import difflib
import json
from collections.abc import Iterable
from typing import TYPE_CHECKING

from fieldmark.config import ClassifierConfig, FrozenConfig, Fusions
from fieldmark.errors import UserError
from fieldmark.search.image_sweep.plan import ImageSweepPlan

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

    from fieldmark.store import Store

PREFIX = "config."
SETTINGS = "fusion_settings"


def matching(store: "Store", plan: ImageSweepPlan, condition: str) -> list[str]:
    """Returns the ids of the completed runs on the plan's data that fit a condition.

    Args:
        store: where they are recorded.
        plan: says which data, and whether runs on frozen features are meant.
        condition: as `pandas.DataFrame.query` takes it, on the columns of the store's flat table without `config.`
            and on the fusions' settings (d, h, blocks).

    Raises:
        UserError: it cannot be read, names no column, or is no condition.
    """
    frame = _frame(store, plan)
    try:
        # Nothing but columns can be named: there are no variables to see.
        chosen = frame.eval(condition, engine="python", local_dict={}, global_dict={})
    except Exception as error:  # pandas raises whatever its parser, numpy and Python raise
        raise UserError(f"--warm-start {condition!r}: {_reason(error, frame)}") from None
    if str(getattr(chosen, "dtype", "")) != "bool" or len(chosen) != len(frame):
        raise UserError(f"--warm-start {condition!r}: is no condition, such as fusion == 'add_star' and lr < 0.01")
    return [str(one) for one in frame["run_id"][chosen]]


def _frame(store: "Store", plan: ImageSweepPlan) -> "pd.DataFrame":
    import pandas as pd
    import pyarrow.compute as pc

    card = plan.facts.card
    here = (pc.field("fingerprint") == card.fingerprint) & (pc.field("protocol") == card.protocol)
    method = "frozen" if plan.frozen else "classifier"
    rows = store.runs(where=here & (pc.field("status") == "completed") & (pc.field("method") == method)).to_pylist()
    fields = (FrozenConfig if plan.frozen else ClassifierConfig).model_fields
    known = store.runs(columns=None)
    others = [name for name in known.column_names if not name.startswith(PREFIX)]
    settings = [json.loads(row[PREFIX + SETTINGS] or "{}") for row in rows]
    columns = {name: [row.get(name) for row in rows] for name in others if name != "config"}
    columns |= {name: [row.get(PREFIX + name) for row in rows] for name in fields if name != SETTINGS}
    for name in dict.fromkeys((*(key for one in settings for key in one), "d", "h", "blocks")):
        columns.setdefault(name, [one.get(name) for one in settings])
    return pd.DataFrame(columns) if rows else _empty(columns, known)


def _empty(names: "Iterable[str]", known: "pa.Table") -> "pd.DataFrame":
    """Returns columns without rows, of the types that they have in the store: mistakes are the same ones there."""
    import pandas as pd

    typed = known.slice(0, 0).to_pandas()
    none = pd.Series(dtype=float)
    return pd.DataFrame({name: typed.get(PREFIX + name, typed.get(name, none)) for name in names})


def _reason(error: Exception, frame: "pd.DataFrame") -> str:
    import pandas as pd

    if isinstance(error, pd.errors.UndefinedVariableError):
        return _no_column(str(error).split("'")[1], sorted(map(str, frame.columns)))
    said = error.msg if isinstance(error, SyntaxError) else str(error)
    text = " ".join(said.split()) or type(error).__name__
    return f"{text} (expected a condition such as fusion == 'add_star' and lr < 0.01)"


def _no_column(name: str, columns: list[str]) -> str:
    if name in Fusions.names():
        return f"there is no column {name}; a value such as {name!r} needs quotes"
    close = difflib.get_close_matches(name, columns, n=1)
    hint = f"did you mean {close[0]}?" if close else f"there are {', '.join(columns)}"
    return f"there is no column {name}; {hint}"

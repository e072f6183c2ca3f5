"""Text to numbers, dates and codes, a whole column at a time.

Every function tells missing (null, NaN, empty, `NA`) from unreadable: the first is normal, the second is counted.
"""

import datetime

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

MISSING_WORDS = ("", "na", "n/a", "nan", "null", "none", "\\n", "nat", "-")
"""What people write for a missing value, in lower case."""

_NUMBER = r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$"
_ISO_LENGTH = 10


def texts(column: pa.Array) -> pa.StringArray:
    """Returns trimmed text, null where missing."""
    if pa.types.is_null(column.type):
        return column.cast(pa.string())
    plain = column.dictionary_decode() if pa.types.is_dictionary(column.type) else column
    if pa.types.is_floating(plain.type):
        plain = _whole_numbers_without_point(plain)
    trimmed = pc.utf8_trim_whitespace(plain.cast(pa.string()))
    # Most values are longer than any missing word, so the costly comparison is for the short ones.
    longest = max(map(len, MISSING_WORDS))
    short = pc.less_equal(pc.binary_length(trimmed), longest)
    if not pc.any(short).as_py():
        return trimmed
    missing = pc.is_in(pc.utf8_lower(trimmed), value_set=pa.array(MISSING_WORDS))
    return pc.if_else(missing, pa.scalar(None, pa.string()), trimmed)


def _whole_numbers_without_point(column: pa.Array) -> pa.Array:
    """Turns ids that a tool stored as 11652.0 (because some were missing) back into 11652."""
    valid = column.drop_null()
    whole = len(valid) == 0 or pc.all(pc.equal(pc.floor(valid), valid)).as_py()
    nan_as_null = pc.if_else(pc.is_nan(column), pa.scalar(None, column.type), column)
    return nan_as_null.cast(pa.int64(), safe=False) if whole else nan_as_null


def numbers(column: pa.Array) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Returns the numbers (NaN where missing or unreadable), and which were unreadable."""
    if pa.types.is_floating(column.type) or pa.types.is_integer(column.type):
        values = column.cast(pa.float64()).to_numpy(zero_copy_only=False)
        return values, np.zeros(len(values), np.bool_)
    text = texts(column)
    try:
        readable = text.cast(pa.float64())
    except pa.ArrowInvalid:
        matches = pc.match_substring_regex(text, _NUMBER)
        readable = pc.if_else(matches, text, pa.scalar(None, pa.string())).cast(pa.float64())
    unreadable = pc.and_(pc.is_valid(text), pc.is_null(readable))
    return readable.to_numpy(zero_copy_only=False).astype(np.float64), unreadable.to_numpy(zero_copy_only=False)


def dates(column: pa.Array) -> tuple[NDArray[np.datetime64], NDArray[np.bool_]]:
    """Returns days (NaT where missing or unreadable), and which were unreadable.

    Reads ISO 8601 (`2020-05-31`, with a time after it, or a range, whose first day counts) and `2020/05/31`.
    """
    text = texts(column)
    encoded = pc.utf8_slice_codeunits(text, 0, _ISO_LENGTH).dictionary_encode()
    # A column has few different days, so each is parsed once.
    days = np.array([_day(value) for value in encoded.dictionary.to_pylist()] + [None], "datetime64[D]")
    codes_N = encoded.indices.fill_null(len(days) - 1).to_numpy(zero_copy_only=False)
    days_N = days[codes_N]
    return days_N, np.isnat(days_N) & pc.is_valid(text).to_numpy(zero_copy_only=False)


def _day(text: str) -> datetime.date | None:
    if len(text) != _ISO_LENGTH:
        return None
    try:
        return datetime.date.fromisoformat(text.replace("/", "-"))
    except ValueError:
        return None


def codes(column: pa.Array) -> tuple[NDArray[np.int32], list[str]]:
    """Returns each text's position in the sorted list of different texts (-1 where missing), and that list."""
    encoded = texts(column).dictionary_encode()
    found = encoded.dictionary.to_pylist()
    order = sorted(range(len(found)), key=found.__getitem__)
    rank = np.empty(len(found) + 1, np.int32)
    rank[order] = np.arange(len(found))
    rank[-1] = -1
    codes_N = rank[encoded.indices.fill_null(len(found)).to_numpy(zero_copy_only=False)]
    return codes_N, [found[position] for position in order]

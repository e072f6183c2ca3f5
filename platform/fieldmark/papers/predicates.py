"""The checkable forms a claim can have: each turns the rows it speaks of into findings."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import combinations, pairwise
from typing import Any

from fieldmark.papers.cells import find, find_one
from fieldmark.papers.published import PublishedRow

ValueOf = Callable[[PublishedRow], float | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One comparison of a claim."""

    holds: bool
    text: str
    """What was compared, in words."""
    margin: float = math.inf
    """By how much it holds, in the values' unit."""
    error: float = 0.0
    """Standard error of that margin for two independent runs; 0 where it is not known."""
    terms: tuple[tuple[int, PublishedRow], ...] = ()
    """The values whose signed sum is compared with `limit`, where the comparison is one of a sum."""
    limit: float = 0.0
    within: bool = False
    """Whether the sum must be no further from zero than the limit, on either side, rather than be above it."""


def name(row: PublishedRow) -> str:
    """Returns a short name of a printed value: table, row and data set."""
    settings = ", ".join(f"{key} {row.keys[key]}" for key in ("source_domain", "training") if key in row.keys)
    return " ".join(part for part in (f"{row.table}/{row.row}", row.dataset or "", settings) if part)


def gain(better: PublishedRow, worse: PublishedRow, value_of: ValueOf) -> float | None:
    """Returns by how much the first value is better, errors counted downwards; None where one is missing."""
    high, low = value_of(better), value_of(worse)
    if high is None or low is None:
        return None
    return high - low if better.higher_is_better else low - high


def _lead(better: PublishedRow, worse: PublishedRow, value_of: ValueOf) -> Iterator[Finding]:
    margin = gain(better, worse, value_of)
    if margin is None:
        return
    error = math.hypot(better.standard_error or 0.0, worse.standard_error or 0.0)
    words = f"{name(better)} ({value_of(better):g}) against {name(worse)} ({value_of(worse):g})"
    sign = 1 if better.higher_is_better else -1
    terms = ((sign, better), (-sign, worse))
    yield Finding(holds=margin > 0, text=words, margin=margin, error=error, terms=terms)


def better(spec: dict[str, Any], value_of: ValueOf) -> Iterator[Finding]:
    """Each pair's first value is the better one."""
    for first, second in spec["pairs"]:
        yield from _lead(find_one(first), find_one(second), value_of)


def best_of(spec: dict[str, Any], value_of: ValueOf) -> Iterator[Finding]:
    """Each group's first value is better than all others of the group."""
    for first, *others in spec["groups"]:
        winner = find_one(first)
        for rival in (row for selector in others for row in find(selector) if row != winner):
            yield from _lead(winner, rival, value_of)


def improving(spec: dict[str, Any], value_of: ValueOf) -> Iterator[Finding]:
    """Along each sequence every value is better than the one before."""
    for selectors in spec["sequences"]:
        for before, after in pairwise(row for selector in selectors for row in find(selector)):
            yield from _lead(after, before, value_of)


def between(spec: dict[str, Any], value_of: ValueOf) -> Iterator[Finding]:
    """Each triple's first value lies between the other two."""
    for triple in spec["triples"]:
        row, *ends = (find_one(selector) for selector in triple)
        value, low, high = value_of(row), *sorted(value_of(end) or math.nan for end in ends)
        if value is not None and not math.isnan(low + high):
            text = f"{name(row)} ({value:g}) between {low:g} and {high:g}"
            yield Finding(holds=low < value < high, text=text, margin=min(value - low, high - value))


def gain_equals(spec: dict[str, Any], value_of: ValueOf) -> Iterator[Finding]:
    """The gain from each pair's first value to its second rounds to the stated one."""
    for first, second, stated, tolerance in spec["items"]:
        found = gain(find_one(second), find_one(first), value_of)
        if found is not None:
            text = f"{name(find_one(second))} over {name(find_one(first))}: {found:.2f}, stated {stated:g}"
            yield Finding(holds=abs(found - stated) <= tolerance + 1e-9, text=text)


def larger_gain(spec: dict[str, Any], value_of: ValueOf) -> Iterator[Finding]:
    """The first pair's gain is larger than the second's."""
    for pair, other in spec["items"]:
        large = gain(find_one(pair[1]), find_one(pair[0]), value_of)
        small = gain(find_one(other[1]), find_one(other[0]), value_of)
        if large is not None and small is not None:
            text = f"gain of {name(find_one(pair[1]))} {large:.2f} against {small:.2f} of {name(find_one(other[1]))}"
            terms = tuple((sign, find_one(one)) for sign, one in zip((-1, 1, 1, -1), (*pair, *other), strict=True))
            yield Finding(holds=large > small, text=text, margin=large - small, terms=terms)


def above(spec: dict[str, Any], value_of: ValueOf) -> Iterator[Finding]:
    """Every value is above a limit."""
    for row in (row for selector in spec["cells"] for row in find(selector)):
        value = value_of(row)
        if value is not None:
            text = f"{name(row)} ({value:g}) above {spec['limit']:g}"
            yield Finding(holds=value > spec["limit"], text=text, terms=((1, row),), limit=spec["limit"])


def spread(spec: dict[str, Any], value_of: ValueOf) -> Iterator[Finding]:
    """All values lie within a range of the stated width: no two are further apart.

    All pairs are findings, as the highest and the lowest value are chosen by the values themselves, and a test of these
    two alone would find a difference too often.
    """
    limit = spec["limit"]
    values = [(value_of(row), row) for selector in spec["cells"] for row in find(selector)]
    known = [(value, row) for value, row in values if value is not None]
    for pair in combinations(known, 2):
        (low, lower), (high, upper) = sorted(pair, key=lambda one: one[0])
        text = f"{name(upper)} ({high:g}) and {name(lower)} ({low:g}), limit {limit:g}"
        holds = high - low <= limit + 1e-9
        yield Finding(holds=holds, text=text, terms=((1, upper), (-1, lower)), limit=limit, within=True)


def equal(spec: dict[str, Any], value_of: ValueOf) -> Iterator[Finding]:
    """The values of each group are the same."""
    for group in spec["groups"]:
        found = (value_of(row) for selector in group for row in find(selector))
        values = sorted({value for value in found if value is not None})
        if values:
            yield Finding(holds=len(values) == 1, text=f"{group[0]}: {', '.join(f'{value:g}' for value in values)}")


def only_marked(spec: dict[str, Any], _: ValueOf) -> Iterator[Finding]:
    """A mark stands in the stated rows and in no other of the table."""
    for row in find(spec["table"]):
        marked, expected = bool(row.keys.get(spec["key"])), row.row in spec["rows"]
        yield Finding(holds=marked == expected, text=f"{name(row)} is {'' if marked else 'not '}marked {spec['key']}")


PREDICATES: dict[str, Callable[[dict[str, Any], ValueOf], Iterator[Finding]]] = {
    function.__name__: function
    for function in (better, best_of, improving, between, gain_equals, larger_gain, above, spread, equal, only_marked)
}

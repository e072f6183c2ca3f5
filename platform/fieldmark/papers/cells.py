"""Names for printed values, as the claims use them: `table:row:dataset:metric:key=value,...`, blanks meaning any."""

from functools import cache

from fieldmark.papers.published import PublishedRow, rows


def _matches(row: PublishedRow, fields: list[str]) -> bool:
    _, number, dataset, metric, keys = fields
    wanted = dict(item.split("=") for item in keys.split(",") if item)
    return (
        number in ("", "*", str(row.row))
        and dataset in ("", row.dataset)
        and metric in ("", row.metric)
        and all(str(row.keys.get(key)) == value for key, value in wanted.items())
    )


@cache
def find(selector: str) -> tuple[PublishedRow, ...]:
    """Returns the printed values a selector names, in the order of print; none is a mistake in the data.

    Example:
        >>> [row.value for row in find("S6:4:iNat2018")]
        [83.673]
    """
    fields = [*selector.split(":"), "", "", "", ""][:5]
    found = tuple(row for row in rows(fields[0]) if _matches(row, fields))
    assert found, f"no printed value is named {selector!r}"
    return found


def find_one(selector: str) -> PublishedRow:
    """Returns the single printed value a selector names."""
    found = find(selector)
    assert len(found) == 1, f"{selector!r} names {len(found)} printed values"
    return found[0]

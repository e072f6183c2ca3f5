"""A comparison table as cells of text."""

from fieldmark.tables import numbers
from fieldmark.tables.definitions import TITLES
from fieldmark.tables.grid import Column, Grid, Row, RowKind
from fieldmark.tables.model import OTHER_DATA, OTHER_SCORES, ComparisonRow, ComparisonTable

METRICS = {"top1_accuracy": "top-1", "top1_error": "top-1 error", "top5_error": "top-5 error"}
SHORT = {OTHER_DATA: "other data", OTHER_SCORES: "other image scores"}
SIZES = {"parameters": "Parameters", "multiply_adds": "Multiply-adds"}
LEAVE = {"multiply_adds": 1, "parameters": 3}
"""Places in the order in which columns are left out of a narrow terminal."""
PARTS = {"published": "published", "ours": "ours", "as_run": "as run"}
"""Of a count, in words."""
FEW = 3
"""With fewer rows every footnote stands at its row."""


def comparison_grid(table: ComparisonTable) -> Grid:
    """Returns the table's cells; columns in which no row has anything are left out."""
    measured = any(row.top1 is not None for row in table.rows)
    columns = [
        Column(title="#", align="right"),
        *(Column(title=TITLES.get(name, name)) for name in _shown(table)),
        Column(title=f"Published{_unit(table)}", align="right"),
        Column(title="Measured, %", align="right"),
        Column(title="n", align="right"),
        Column(title="− published", align="right"),
        Column(title=f"− {table.reference or 'reference'} [95 %]", align="right"),
        Column(title="of bound", align="right", leave=5),
        Column(title="Right / wrong", align="right", secondary=True, leave=4),
        *(
            Column(title=title, align="right", secondary=measured, leave=LEAVE[name])
            for name, title in _sizes(table).items()
        ),
        Column(title="A run", align="right", secondary=True, leave=2),
        Column(title="Verdict"),
    ]
    numbers_of_common, footnotes = _common(table)
    rows = [_row(table, row, numbers_of_common) for row in table.rows]
    always = len(_shown(table)) + 2
    kept = [
        place
        for place in range(len(columns))
        if place < always or any(row.cells[place] not in (numbers.EMPTY, "") for row in rows)
    ]
    return Grid(
        title=table.title,
        columns=tuple(columns[place] for place in kept),
        rows=tuple(
            Row(cells=tuple(row.cells[place] for place in kept), kind=row.kind, marks=row.marks) for row in rows
        ),
        header=table.header,
        closing=(*table.closing, *_completeness(table)),
        footnotes=footnotes,
        elsewhere=f"fieldmark table {table.table} --format md",
    )


def _common(table: ComparisonTable) -> tuple[frozenset[int], tuple[str, ...]]:
    """Returns the footnotes that all ordinary rows share, and all texts, the shared ones saying so.

    A mark that stands in every line tells nobody anything, so ordinary rows go without it.
    """
    ordinary = _ordinary(table)
    if len(ordinary) < FEW:
        return frozenset(), table.footnotes
    shared = frozenset.intersection(*(frozenset(row.footnotes) for row in ordinary))
    everywhere = len(ordinary) == len(table.rows)
    named = "All rows: " if everywhere else f"Rows {ordinary[0].row} to {ordinary[-1].row}, and where marked: "
    texts = tuple(f"{named}{text}" if place in shared else text for place, text in enumerate(table.footnotes, start=1))
    return shared, texts


def _ordinary(table: ComparisonTable) -> list[ComparisonRow]:
    """Returns the permitted published rows that can be run; all permitted ones where none can."""
    permitted = [row for row in table.rows if row.kind == "published"]
    return [row for row in permitted if row.config_id is not None] or permitted


def _shown(table: ComparisonTable) -> tuple[str, ...]:
    """Returns the key columns; a sampler's cap is written behind the sampler."""
    return tuple(name for name in table.columns if name != "images_per_class" or "sampler" not in table.columns)


def _unit(table: ComparisonTable) -> str:
    units = {row.published_unit for row in table.rows}
    return ", %" if units == {"%"} else ""


def _sizes(table: ComparisonTable) -> dict[str, str]:
    """Returns the columns of sizes: parameters as run, or what there is of printed, full-size and run sizes."""
    found = {name: _parts(table, name) for name in SIZES}
    titled = {
        name: f"{SIZES[name]}: {' / '.join(map(PARTS.__getitem__, parts))}" for name, parts in found.items() if parts
    }
    return titled or {"parameters": SIZES["parameters"]}


def _parts(table: ComparisonTable, name: str) -> list[str]:
    """Returns which parts of a count any row has."""
    counts = [row.counts[name] for row in table.rows if name in row.counts]
    return [part for part in PARTS if any(getattr(count, part) is not None for count in counts)]


def _size(table: ComparisonTable, row: ComparisonRow, name: str) -> str:
    parts = _parts(table, name)
    if not parts:
        return numbers.count(row.parameters)
    if name not in row.counts:
        return numbers.EMPTY
    count = row.counts[name]
    texts = {"ours": numbers.count(count.ours), "as_run": numbers.count(count.as_run)}
    texts["published"] = numbers.printed_count(count.published)
    return " / ".join(texts[part] for part in parts)


def _row(table: ComparisonTable, row: ComparisonRow, common: frozenset[int]) -> Row:
    top1 = row.top1
    cells = (
        "" if row.row is None else str(row.row),
        *(_key(row, name) for name in _shown(table)),
        _published(table, row),
        numbers.percent(top1),
        str(top1.n) if top1 is not None else numbers.EMPTY,
        f"{100 * row.difference_published:+.2f}" if row.difference_published is not None else numbers.EMPTY,
        numbers.points(row.difference),
        numbers.share(row.share_of_bound),
        f"{row.turned_right:.0f} / {row.turned_wrong:.0f}"
        if row.turned_right is not None and row.turned_wrong is not None
        else numbers.EMPTY,
        *(_size(table, row, name) for name in _sizes(table)),
        numbers.seconds(row.seconds),
        SHORT.get(row.verdict, row.verdict),
    )
    hidden = common if row in _ordinary(table) else frozenset()
    return Row(cells=cells, kind=_kind(row), marks=tuple(sorted(set(row.footnotes) - hidden)))


def _kind(row: ComparisonRow) -> RowKind:
    if row.kind == "published":
        return "row"
    return "apart" if row.kind == "apart" else "reference"


def _key(row: ComparisonRow, name: str) -> str:
    if row.row is None and name not in row.keys:
        return ""
    if name == "batch" and "batch_probable" in row.keys:
        return f"{row.keys[name]}?"  # its footnote says what is doubted
    if name == "sampler" and row.keys.get("images_per_class"):
        return f"{row.keys[name]} {row.keys['images_per_class']}"
    if name == "metric":
        return METRICS.get(row.keys[name], str(row.keys[name]).replace("_", " "))
    return numbers.setting(row.keys.get(name))


def _published(table: ComparisonTable, row: ComparisonRow) -> str:
    if row.published is None:
        return numbers.EMPTY
    digits = 3 if table.table.startswith("S") else 2
    if row.published_unit != "%":
        return f"{row.published:g} {row.published_unit}"
    return f"{row.published:.{digits}f}"


def _completeness(table: ComparisonTable) -> tuple[str, ...]:
    state = "Complete" if table.complete else "Not complete"
    lines = [f"{state}: {table.completeness}."]
    if not table.complete and table.command is not None:
        lines.append(f"To fill it: {table.command}")
    return tuple(lines)

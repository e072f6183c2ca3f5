"""Tables for Markdown pages."""

from fieldmark.tables.grid import Grid, Row


def render_markdown(grid: Grid) -> str:
    """Returns a pipe table with its title, notes and footnotes."""
    heads = [column.title for column in grid.columns] + ["Notes"]
    rules = ["---:" if column.align == "right" else "---" for column in grid.columns] + ["---"]
    lines = [f"**{escape(grid.title)}**", "", *(f"{escape(line)}  " for line in grid.header), ""]
    lines += [_line([escape(head) for head in heads]), _line(rules)]
    lines += [_line(_cells(row)) for row in grid.rows]
    lines += ["", *(f"{escape(line)}  " for line in grid.closing)]
    if grid.footnotes:
        lines += ["", *(f"<sup>{number}</sup> {escape(text)}  " for number, text in enumerate(grid.footnotes, start=1))]
    return "\n".join(lines)


def escape(text: str) -> str:
    """Returns text that Markdown shows as it is."""
    for sign in "\\|*_`<>[]":
        text = text.replace(sign, "\\" + sign)
    return text.replace("\n", " ")


def _cells(row: Row) -> list[str]:
    cells = [escape(cell) for cell in row.cells]
    if row.kind != "row":
        cells = [f"*{cell}*" if cell else "" for cell in cells]
    marks = ", ".join(map(str, row.marks))
    return [*cells, f"<sup>{marks}</sup>" if marks else ""]


def _line(cells: list[str]) -> str:
    return "| " + " | ".join(cells) + " |"

"""Tables for papers: booktabs."""

from fieldmark.tables.grid import Grid, Row

SIGNS = {
    "\\": r"\textbackslash{}",
    "&": r"\&",
    "%": r"\%",
    "$": r"\$",
    "#": r"\#",
    "_": r"\_",
    "{": r"\{",
    "}": r"\}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "±": r"$\pm$",
    "−": "$-$",
    "×": r"$\times$",
    "√": r"$\surd$",
    "–": "--",
    "†": r"$\dagger$",
}


def render_latex(grid: Grid) -> str:
    """Returns a table environment that compiles with the booktabs package alone."""
    kinds = "".join("r" if column.align == "right" else "l" for column in grid.columns)
    heads = " & ".join(escape(column.title) for column in grid.columns)
    lines = [r"\begin{table}", r"\centering", r"\small", rf"\begin{{tabular}}{{{kinds}}}", r"\toprule"]
    lines += [heads + r" \\", r"\midrule", *_body(grid), r"\bottomrule", r"\end{tabular}"]
    lines += [rf"\caption{{{escape(_sentences(grid))}}}"]
    lines += [rf"\par\footnotesize {number}. {escape(text)}" for number, text in enumerate(grid.footnotes, start=1)]
    return "\n".join([*lines, r"\end{table}"])


def escape(text: str) -> str:
    """Returns text that LaTeX prints as it is."""
    return "".join(SIGNS.get(sign, sign) for sign in text)


def _sentences(grid: Grid) -> str:
    parts = (grid.title, *grid.header, *grid.closing)
    return " ".join(part if part.endswith(".") else f"{part}." for part in parts)


def _body(grid: Grid) -> list[str]:
    lines: list[str] = []
    before = grid.rows[0].kind if grid.rows else "row"
    for row in grid.rows:
        if row.kind != before:
            lines.append(r"\midrule")
        lines.append(_line(row))
        before = row.kind
    return lines


def _line(row: Row) -> str:
    cells = [escape(cell) for cell in row.cells]
    if row.marks:
        cells[-1] += f"$^{{{','.join(map(str, row.marks))}}}$"
    return " & ".join(cells) + r" \\"

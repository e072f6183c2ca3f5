"""A table of settings as cells of text."""

from dataclasses import replace

from fieldmark.tables import numbers
from fieldmark.tables.grid import Column, Grid, Row
from fieldmark.tables.settings_model import SettingRow, SettingsTable

RAW = "Raw top-1"
ROLES = {"confirmation": "fresh", "published": "paper"}
COLUMNS = (
    Column(title="Setting", least=30),
    Column(title="Role", leave=13),
    Column(title="S2 rows", secondary=True, leave=2),
    Column(title="n", align="right"),
    Column(title="Top-1", align="right"),
    Column(title=RAW, align="right", brief=True, leave=12),
    Column(title="Top-3", align="right", secondary=True, leave=8),
    Column(title="Top-5", align="right", secondary=True, leave=9),
    Column(title="Top-10", align="right", secondary=True, leave=7),
    Column(title="MRR", align="right", secondary=True, leave=10),
    Column(title="Log-loss", align="right", brief=True),
    Column(title="− class frequency", align="right", leave=11),
    Column(title="− neighbours", align="right"),
    Column(title="Log-loss − class frequency", align="right", secondary=True, leave=5),
    Column(title="Log-loss − neighbours", align="right", secondary=True, leave=6),
    Column(title="Right / wrong", align="right", secondary=True, leave=4),
    Column(title="A run", align="right", secondary=True, leave=3),
)


def settings_grid(table: SettingsTable) -> Grid:
    """Returns the table's cells; score sources beside the main ones are secondary."""
    prior_alone = table.main_scores and table.main_scores[0].startswith("prior")
    columns = (column if column.title != RAW or prior_alone else replace(column, secondary=True) for column in COLUMNS)
    return Grid(
        title=f"{table.title}, {' and '.join(table.main_scores)} first",
        columns=(Column(title="Score", secondary=True, leave=1), *columns),
        rows=tuple(_row(row, table.main_scores) for row in table.rows),
        header=table.header,
        closing=table.closing,
        footnotes=table.footnotes,
    )


def _row(row: SettingRow, main: tuple[str, ...]) -> Row:
    top = [numbers.percent(row.metrics.get(name)) for name in ("top1", "top3", "top5", "top10")]
    harm = f"{row.turned_right:.0f} / {row.turned_wrong or 0:.0f}" if row.turned_right is not None else numbers.EMPTY
    cells = (
        row.score,
        row.label,
        ROLES.get(row.role, row.role),
        ", ".join(map(str, row.published_rows)),
        str(row.n),
        top[0],
        numbers.percent(row.raw_top1),
        *top[1:],
        numbers.plain(row.metrics.get("mrr")),
        numbers.plain(row.metrics.get("log_loss")),
        numbers.points(row.to_class_frequency),
        numbers.points(row.to_nearest_neighbours),
        numbers.nats(row.loss_to_class_frequency),
        numbers.nats(row.loss_to_nearest_neighbours),
        harm,
        numbers.seconds(row.seconds),
    )
    return Row(
        cells=cells,
        kind="reference" if row.method != "priorsnet" else "row" if row.permitted else "apart",
        marks=row.footnotes,
        secondary=row.score not in main and row.score not in ("image", "joint"),
    )

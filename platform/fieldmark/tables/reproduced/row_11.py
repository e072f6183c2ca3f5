"""Row 11 of Table S2, the Dynamic MLP beside the priors: measured by a reproduction, not by their sweep."""

from dataclasses import replace

from fieldmark.config import ClassifierConfig, FrozenConfig, ScaleName
from fieldmark.papers import published_accuracies
from fieldmark.store.records import DatasetCard
from fieldmark.tables.footnotes import Footnotes
from fieldmark.tables.model import ComparisonRow
from fieldmark.tables.numbers import percent
from fieldmark.tables.reproduced.lines import FROZEN, Line
from fieldmark.tables.reproduced.reading import Reading, Value
from fieldmark.tables.reproduced.rows import Rows
from fieldmark.tables.reproduction import ReproductionPlan, read_plan
from fieldmark.tables.sources import Results
from fieldmark.tables.statistics import summarise

ROW = 11


def measured_row_11(
    store: Results, row: ComparisonRow, card: DatasetCard, scale: ScaleName, footnotes: Footnotes
) -> ComparisonRow:
    """Returns the row with what a reproduction measured on the table's data; as it is where none did.

    Its difference is to the image-only classifiers that it starts from, seed by seed, which a footnote names.

    Args:
        store: the results.
        row: row 11 of Table S2 as printed.
        card: the data that the table is about.
        scale: of the table.
        footnotes: of the table; what the row needs is added.
    """
    plan = read_plan(store, scale)
    line = None if plan is None else _line(plan, row, card)
    if plan is None or line is None:
        return row
    reading = Reading(store, [line])
    made = Rows([line], plan, reading)
    value = made.values.get(line.cell)
    if value is None:
        return row
    (found,) = made.all()
    image = reading.image_only(line)
    texts = [*(made.footnotes.texts[mark - 1] for mark in found.footnotes), _image_model(line, image)]
    return replace(
        found,
        keys={**row.keys, "method": f"{row.keys['method']}, {FROZEN}"} if line.frozen else row.keys,
        counts={},
        config_id=None,  # it is no setting of the table's sweep, whose rows share footnotes
        difference=None if image is None else reading.difference(value, image),
        footnotes=footnotes.mark(*texts),
    )


def _line(plan: ReproductionPlan, row: ComparisonRow, card: DatasetCard) -> Line | None:
    """Returns the row as a line of the plan, where the plan's data are the table's."""
    printed = next(one for one in published_accuracies("S2") if one.row == row.row)
    data = plan.data.get(printed.dataset or "")
    name = f"S2:{ROW}:{printed.dataset}"
    planned = next((cell for cell in plan.cells if cell.measurement.cell == name), None)
    if planned is None or data is None:
        return None
    if (data.card.fingerprint, data.card.protocol) != (card.fingerprint, card.protocol):
        return None
    return Line(printed=printed, sizes={}, measurement=planned.measurement, planned=planned)


def _image_model(line: Line, image: Value | None) -> str:
    config = line.measurement.image_model or line.measurement.config
    assert isinstance(config, ClassifierConfig | FrozenConfig)
    called = f"{config.backbone} at {config.resolution} px"
    if image is None:
        return f"Row {ROW} is trained whole ({called}): its difference to image only is not measured."
    top1 = percent(summarise(image.metrics["top1"]))
    return (
        f"Row {ROW} starts from image-only classifiers, one a seed ({called}; {top1} % on test), and its difference is "
        "to these, seed by seed, not to the image scores of the other rows, which are one model's for all seeds."
    )

"""A reproduced table's lines as rows: what was measured beside what was printed."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from fieldmark.papers import test_images
from fieldmark.tables.footnotes import Footnotes
from fieldmark.tables.model import NOT_MEASURED, OTHER_DATA, OTHER_TRAINING, ComparisonRow
from fieldmark.tables.reproduced.comparisons import reference_of
from fieldmark.tables.reproduced.lines import FROZEN, Line
from fieldmark.tables.reproduced.reading import Reading, Value
from fieldmark.tables.reproduction import DataChoice, PlannedCell, ReproductionPlan
from fieldmark.tables.statistics import reproduction, summarise

FROZEN_NOTE = (
    "Frozen backbone: the fusion alone is trained, on cached features of an image-only classifier that stays as it is. "
    "The paper trains the whole."
)
ONE_SEED = "One seed: no spread can be given."
STAGE_HELD = "One image model for all seeds: their spread is the fusion's alone and understates that of the whole."
PROTOCOLS = {"YFCC100M-GEO100": "per_class_20"}
"""The published split where it is not the official one."""


class Rows:
    """Makes the rows of one table, with footnotes in the order in which they are needed."""

    def __init__(self, lines: Sequence[Line], plan: ReproductionPlan | None, reading: Reading | None) -> None:
        self._lines, self._plan, self._reading = lines, plan, reading
        self.footnotes = Footnotes()
        found = {line.cell: reading.value(line) for line in lines} if reading is not None else {}
        self.values: dict[str, Value] = {cell: value for cell, value in found.items() if value is not None}

    def all(self) -> tuple[ComparisonRow, ...]:
        """Returns the rows, in the order of the lines."""
        return tuple(self._row(line) for line in self._lines)

    @property
    def seeds_vary(self) -> bool:
        """Whether every line on a frozen backbone has another image model for every seed (SCIENCE rule 12)."""
        frozen = [line.planned for line in self._lines if line.frozen and line.planned and line.cell in self.values]
        return bool(frozen) and all(_vary(planned) for planned in frozen)

    def _row(self, line: Line) -> ComparisonRow:
        value = self.values.get(line.cell)
        data = self._plan.data.get(line.measurement.dataset) if self._plan is not None else None
        config = line.measurement.config
        marks = self.footnotes.mark(*self._texts(line, value, data))
        row = ComparisonRow(
            kind="published",
            row=line.printed.row,
            keys=line.keys(),
            published=line.printed.value,
            published_unit=line.printed.unit,
            published_error=line.printed.standard_error,
            config_id=config.config_id if config is not None else None,
            config=config.model_dump(mode="json") if config is not None else None,
            counts=line.counts(value.sizes if value is not None else {}),
            data=data.spec if data is not None else None,
            frozen=line.frozen,
            verdict=NOT_MEASURED,
            footnotes=marks,
        )
        return row if value is None or data is None else replace(row, **self._measured(line, value, data))

    def _texts(self, line: Line, value: Value | None, data: DataChoice | None) -> list[str]:
        texts = line.notes()
        if line.frozen and not any(FROZEN in text.lower() for text in texts):
            texts.append(FROZEN_NOTE)
        if self._plan is not None and data is None:
            texts.append(f"No {line.measurement.dataset} at hand: the value is not planned.")
        if value is not None and line.planned is not None:
            if len(value.runs) == 1:
                texts.append(ONE_SEED)
            elif line.frozen and not _vary(line.planned):
                texts.append(STAGE_HELD)
        return texts

    def _measured(self, line: Line, value: Value, data: DataChoice) -> dict[str, Any]:
        metrics = {name: summarise(found) for name, found in value.metrics.items()}
        fields: dict[str, Any] = {
            "metrics": metrics,
            "parameters": value.sizes.get("parameters") or None,
            "seconds": value.seconds or None,
            "verdict": OTHER_DATA,
            **self._beside(line, value),
        }
        assert line.printed.value is not None
        images = test_images(line.measurement.dataset)
        if self._plan is not None and images is not None and is_published(self._plan, data, line):
            fields["verdict"] = OTHER_TRAINING
            if not line.frozen:
                published = line.printed.value / 100
                fields["verdict"] = reproduction(metrics["top1"], published, images).verdict
                fields["difference_published"] = metrics["top1"].mean - published
        return fields

    def _beside(self, line: Line, value: Value) -> dict[str, Any]:
        """Returns what a line does beside the table's reference, the image-only classifiers and the bound."""
        assert self._reading is not None
        fields: dict[str, Any] = {}
        reference = reference_of(line, self._lines)
        if reference is not None and reference.cell in self.values:
            fields["difference"] = self._reading.difference(value, self.values[reference.cell])
        image = self._reading.image_only(line) or self._image_line(line)
        if image is None or image.runs == value.runs:
            return fields
        turned = self._reading.turned(value, image)
        if turned is not None:
            fields["turned_right"], fields["turned_wrong"] = turned
        bound = self._reading.bound(line)
        if bound is not None and bound > image.top1:
            fields["share_of_bound"] = (value.top1 - image.top1) / (bound - image.top1)
        return fields

    def _image_line(self, line: Line) -> Value | None:
        """Returns the table's own image-only line of the same data set and backbone, as S6 has one."""
        for other in self._lines:
            same = (other.printed.dataset, other.printed.model) == (line.printed.dataset, line.printed.model)
            if same and other.printed.method == "image-only":
                return self.values.get(other.cell)
        return None


def _vary(planned: PlannedCell) -> bool:
    return len({run.run_id for run in planned.image_only}) == len(planned.runs)


def is_published(plan: ReproductionPlan, data: DataChoice, line: Line) -> bool:
    """Returns whether a line is measured at paper scale on the published data and split (SCIENCE rule 8)."""
    name = line.measurement.dataset
    return (
        plan.scale == "paper"
        and not data.stands_in
        and data.card.protocol.partition(":")[0] == PROTOCOLS.get(name, "official")
        and data.card.counts.get("test") == test_images(name)
    )

"""What a model is asked about: a folder of pictures, or a table that says where and when they were taken."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fieldmark.data.observations import PlaceTime
from fieldmark.data.readers.badlog import shown
from fieldmark.data.readers.clean import UNREADABLE_DATE, drop_future, place_time
from fieldmark.data.readers.folder import SUFFIXES, pictures_in, printable
from fieldmark.data.readers.raw import RawRecords
from fieldmark.data.readers.table import read_records
from fieldmark.data.readers.values import texts
from fieldmark.errors import UserError

PLACE, DATE = ("latitude", "longitude"), ("date",)
_NOT_A_DATE = "not a date as YYYY-MM-DD"


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """N rows in the order of the input."""

    images: Sequence[str]
    """As the input names them, so that they can be written; empty where a row names none."""
    paths: Sequence[str | None]
    """Files; None for a row that cannot be asked about."""
    place_time: PlaceTime
    problems: Mapping[int, str]
    """Row to what is wrong with it; with a path it can be named all the same, without that place or date."""
    fields: frozenset[str] | None = None
    """What a table has columns for, by the names of `fieldmark.data.readers.names`; None: there is no table."""

    def __len__(self) -> int:
        return len(self.images)

    def first(self, rows: int) -> "Inputs":
        """Returns the first rows."""
        return replace(
            self,
            images=self.images[:rows],
            paths=self.paths[:rows],
            place_time=self.place_time.take(np.arange(min(rows, len(self)))),
        )


def read_inputs(source: Path, image_root: Path | None = None) -> Inputs:
    """Returns the rows of a folder (every picture in it and below, by name), of a table, or of one picture.

    Args:
        source: a folder, a picture, or a CSV, TSV or Parquet file with a column for the image, and for place and date
            if known (see `fieldmark.data.readers.names`).
        image_root: what the table's paths are relative to; default: the table's folder.

    Raises:
        UserError: nothing there, no column for the image, or no rows.
    """
    if image_root is not None and not image_root.is_dir():
        raise UserError(f"--image-root {image_root}: no such folder")
    if source.is_dir():
        return _folder(source)
    if source.is_file() and source.name.lower().endswith(SUFFIXES):
        return _pictures(source.parent, [source.name])
    raw = read_records(str(source), required=("image",))
    if not len(raw) and not raw.malformed:
        raise UserError(f"{source}: a header but no rows")
    return _table(raw, image_root or source.parent)


def _folder(folder: Path) -> Inputs:
    found = list(pictures_in(str(folder)))
    if not found:
        raise UserError(f"{folder}: no picture in it or below (files that end in {', '.join(SUFFIXES)})")
    return _pictures(folder, found)


def _pictures(folder: Path, found: Sequence[str]) -> Inputs:
    nowhere = np.full(len(found), np.nan)
    return Inputs(
        images=[printable(name) for name in found],
        paths=[str(folder / name) for name in found],
        place_time=PlaceTime(
            latitude_N=nowhere,
            longitude_N=nowhere,
            date_N=np.full(len(found), "NaT", "datetime64[D]"),
            observer_N=np.full(len(found), -1, np.int32),
        ),
        problems={},
    )


@dataclass(slots=True)
class _RowLog:
    """Keeps what is wrong with each row, once a field."""

    raw: RawRecords
    found: dict[int, dict[str, str]] = field(default_factory=dict)

    def drop(self, bad_N: NDArray[np.bool_], field: str, reason: str) -> None:
        column = self.raw.columns.get(field)
        # That it is named without a date is said at the end of the row's problems.
        reason = _NOT_A_DATE if reason == UNREADABLE_DATE else reason
        for row in np.flatnonzero(bad_N).tolist():
            self.found.setdefault(row, {}).setdefault(field, f"{self.raw.name(field)}: {reason}{shown(column, row)}")

    flag = drop

    def rows(self, fields: Sequence[str]) -> list[int]:
        return [row for row, problems in self.found.items() if problems.keys() & set(fields)]


def _table(raw: RawRecords, root: Path) -> Inputs:
    log = _RowLog(raw)
    where = place_time(raw, log)
    drop_future(where.date_N, log)
    where.latitude_N[log.rows(PLACE)] = np.nan
    where.longitude_N[log.rows(PLACE)] = np.nan
    where.date_N[log.rows(DATE)] = np.datetime64("NaT")
    images = texts(raw.columns["image"]).to_pylist()
    problems = {row: _said(found) for row, found in log.found.items()}
    problems |= {row: f"{raw.name('image')}: no image named" for row, name in enumerate(images) if name is None}
    inputs = Inputs(
        images=[name or "" for name in images],
        paths=[None if name is None else str(root / name) for name in images],
        place_time=where,
        problems=problems,
        fields=frozenset(raw.columns),
    )
    return _with_malformed(inputs, raw) if raw.malformed else inputs


def _said(found: Mapping[str, str]) -> str:
    lost = [name for name, fields in (("place", PLACE), ("date", DATE)) if found.keys() & set(fields)]
    return f"{'; '.join(found.values())}; named without {' and '.join(lost)}"


def _with_malformed(inputs: Inputs, raw: RawRecords) -> Inputs:
    """Puts the rows that could not be cut into fields where they stood."""
    at = np.searchsorted(raw.row_N, [bad.row for bad in raw.malformed])
    torn = dict(zip((at + np.arange(len(at))).tolist(), raw.malformed, strict=True))
    moved = (np.arange(len(inputs)) + np.searchsorted(at, np.arange(len(inputs)), side="right")).tolist()
    images, paths = dict(zip(moved, inputs.images, strict=True)), dict(zip(moved, inputs.paths, strict=True))
    where, total = inputs.place_time, len(inputs) + len(torn)
    problems = {moved[row]: text for row, text in inputs.problems.items()}
    return replace(
        inputs,
        images=[images.get(row, "") for row in range(total)],
        paths=[paths.get(row) for row in range(total)],
        place_time=PlaceTime(
            latitude_N=np.insert(where.latitude_N, at, np.nan),
            longitude_N=np.insert(where.longitude_N, at, np.nan),
            date_N=np.insert(where.date_N, at, np.datetime64("NaT")),
            observer_N=np.insert(where.observer_N, at, -1),
        ),
        problems=problems | {row: f"row {bad.row}: {bad.reason}" for row, bad in torn.items()},
    )

"""Raw records to observations: what is missing stays missing, what cannot be true is left out and counted."""

import datetime
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from fieldmark.data.fingerprint import combine
from fieldmark.data.image_files import ImageFiles, find_files
from fieldmark.data.observations import Observations, PlaceTime, ReadReport
from fieldmark.data.readers.badlog import BadLog, Log
from fieldmark.data.readers.raw import RawRecords
from fieldmark.data.readers.values import codes, dates, numbers, texts

LATITUDE_LIMIT = 90.0
LONGITUDE_LIMIT = 180.0
DUPLICATE = "id appears before"
UNREADABLE_DATE = "not a date as YYYY-MM-DD, kept without a date"
SWAPPED = "outside -90..90 degrees; it looks like latitude and longitude are swapped"
_SWAPPED_SHARE = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """What a reader knows of a data set beside its records."""

    name: str
    fingerprint: Mapping[str, str]
    """Role to the hash of a file."""
    catalogue: Mapping[int, str] | None = None
    """Category id to name; None: labels are names, and the categories are those found, sorted."""
    image_root: str | None = None


def clean(raw: RawRecords, source: Source) -> Observations:
    """Returns the records that can be used, in the order found, with a report on the others."""
    log = BadLog(raw)
    category_N, categories = _categories(raw, source, log)
    place_time_N = place_time(raw, log)
    future = drop_future(place_time_N.date_N, log)
    ids = _ids(raw, log)
    sizes = _drop_missing_images(raw, source, log)
    keep_N = np.flatnonzero(~log.dropped_N)
    kept_ids = ids.take(keep_N)
    paths = texts(raw.columns["image"]).take(keep_N) if "image" in raw.columns else None
    category_N, categories = _present(category_N[keep_N], categories, source)
    bad, counts = log.result()
    return Observations(
        name=source.name,
        categories=categories,
        image_id=kept_ids,
        category_N=category_N,
        place_time=place_time_N.take(keep_N),
        given_split=_given_split(raw, keep_N),
        image_path=paths,
        images=None if sizes is None or paths is None else ImageFiles(str(source.image_root), paths.to_pylist()),
        fingerprint=combine(source.fingerprint, images=sizes, future_records=future),
        report=ReadReport(read=len(raw) + len(raw.malformed), kept=len(keep_N), bad=bad, bad_counts=counts),
    )


def _categories(raw: RawRecords, source: Source, log: BadLog) -> tuple[NDArray[np.int32], tuple[str, ...]]:
    if source.catalogue is None:
        category_N, names = codes(raw.columns["label"])
        log.drop(category_N < 0, "label", "no label")
        return category_N, tuple(names)
    ids_C = np.array(sorted(source.catalogue), np.int64)
    label = raw.columns["label"]
    missing_N = pc.is_null(label).to_numpy(zero_copy_only=False)
    label_N = pc.fill_null(label, -1).to_numpy(zero_copy_only=False)
    position_N = np.searchsorted(ids_C, label_N)
    log.drop(missing_N, "label", "no label")
    # The end of the list stands for an id that is larger than all.
    log.drop(np.append(ids_C, -1)[position_N] != label_N, "label", "not in the list of categories")
    return position_N.astype(np.int32), tuple(source.catalogue[category] for category in ids_C.tolist())


def _present(
    category_N: NDArray[np.int32], categories: tuple[str, ...], source: Source
) -> tuple[NDArray[np.int32], tuple[str, ...]]:
    """Drops names whose every record was bad, unless the list of categories was given."""
    if source.catalogue is not None:
        return category_N, categories
    used, dense_N = np.unique(category_N, return_inverse=True)
    return dense_N.astype(np.int32), tuple(categories[position] for position in used)


def place_time(raw: RawRecords, log: Log) -> PlaceTime:
    """Returns where and when records were made; values that cannot be true are told to the log, and stay."""
    latitude_N = _coordinate(raw, "latitude", log)
    longitude_N = _coordinate(raw, "longitude", log)
    given_N = ~np.isnan(latitude_N) & ~np.isnan(longitude_N)
    _drop_outside(latitude_N, longitude_N, given_N, log)
    date_N, unreadable_N = dates(raw.columns.get("date", pa.nulls(len(raw))))
    log.flag(unreadable_N, "date", UNREADABLE_DATE)
    return PlaceTime(
        # Half a place is no place: both are missing then.
        latitude_N=np.where(given_N, latitude_N, np.nan),
        longitude_N=np.where(given_N, longitude_N, np.nan),
        date_N=date_N,
        observer_N=codes(raw.columns.get("observer", pa.nulls(len(raw))))[0],
    )


def _coordinate(raw: RawRecords, field: str, log: Log) -> NDArray[np.float64]:
    values_N, unreadable_N = numbers(raw.columns.get(field, pa.nulls(len(raw))))
    log.drop(unreadable_N, field, "not a number")
    return values_N


def _drop_outside(
    latitude_N: NDArray[np.float64], longitude_N: NDArray[np.float64], given_N: NDArray[np.bool_], log: Log
) -> None:
    outside_N = given_N & (np.abs(latitude_N) > LATITUDE_LIMIT)
    swapped_N = outside_N & (np.abs(latitude_N) <= LONGITUDE_LIMIT) & (np.abs(longitude_N) <= LATITUDE_LIMIT)
    # One latitude of 95 is a slip; a column of them is a swap.
    if swapped_N.sum() > _SWAPPED_SHARE * len(swapped_N):
        log.drop(swapped_N, "latitude", SWAPPED)
    log.drop(outside_N, "latitude", "outside -90..90, expected degrees")
    log.drop(given_N & (np.abs(longitude_N) > LONGITUDE_LIMIT), "longitude", "outside -180..180, expected degrees")


def drop_future(date_N: NDArray[np.datetime64], log: Log) -> int:
    """Tells the log of dates that are still to come; returns how many."""
    tomorrow = np.datetime64(datetime.datetime.now(tz=datetime.UTC).date() + datetime.timedelta(days=1))
    future_N = date_N > tomorrow
    log.drop(future_N, "date", "in the future")
    return int(future_N.sum())


def _ids(raw: RawRecords, log: BadLog) -> pa.StringArray:
    """Returns unique ids: as given, else made of the row's number."""
    given = texts(raw.columns.get("id", pa.nulls(len(raw))))
    encoded_N = given.dictionary_encode().indices.fill_null(-1).to_numpy(zero_copy_only=False)
    first_N = np.zeros(len(raw), np.bool_)
    first_N[np.unique(encoded_N, return_index=True)[1]] = True
    log.drop(~first_N & (encoded_N >= 0), "id", DUPLICATE)
    if not given.null_count:
        return given
    prefix = "row" if len(raw.files) == 1 else "file"
    made = [
        f"row{row}" if prefix == "row" else f"file{file}row{row}"
        for file, row in zip(raw.file_N.tolist(), raw.row_N.tolist(), strict=True)
    ]
    return pc.coalesce(given, pa.array(made))


def _drop_missing_images(raw: RawRecords, source: Source, log: BadLog) -> dict[str, int] | None:
    """Returns the size of every listed image file, or None where there is no image root."""
    if source.image_root is None:
        return None
    paths = texts(raw.columns["image"])
    sizes = find_files(source.image_root, set(paths.drop_null().to_pylist()))
    found = pc.is_in(paths, value_set=pa.array(list(sizes), pa.string())).to_numpy(zero_copy_only=False)
    log.drop(~found, "image", "no such image file")
    return sizes


def _given_split(raw: RawRecords, keep_N: NDArray[np.int64]) -> NDArray[np.str_] | None:
    if "split" not in raw.columns:
        return None
    # Through the dictionary: two million Python strings are slow, three are not.
    encoded = texts(raw.columns["split"]).take(keep_N).dictionary_encode()
    values = np.array([*encoded.dictionary.to_pylist(), ""], np.str_)
    result: NDArray[np.str_] = values[encoded.indices.fill_null(len(values) - 1).to_numpy(zero_copy_only=False)]
    return result

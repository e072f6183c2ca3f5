"""A table and a folder with every kind of picture and record that must not stop a run, for tests of their readers."""

import io
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

SPLITS = ("train", "train", "val", "test")


def picture(width: int = 60, height: int = 50) -> Image.Image:
    """Returns noise of that size."""
    return Image.fromarray(np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8))


def encoded(image: Image.Image, kind: str = "JPEG", **settings: Any) -> bytes:
    """Returns the bytes of a file of that kind."""
    buffer = io.BytesIO()
    image.save(buffer, kind, **settings)
    return buffer.getvalue()


def bomb() -> bytes:
    """Returns a small PNG whose header claims two thousand million pixels."""

    def chunk(name: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 50_000, 40_000, 1, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(bytes(10**6))) + chunk(b"IEND", b"")


TURNED = Image.Exif()
TURNED[0x0112] = 6

GOOD_FILES = {
    "cmyk.jpg": encoded(picture().convert("CMYK")),
    "grey.jpg": encoded(picture().convert("L")),
    "deep.png": encoded(Image.fromarray(np.full((40, 40), 50_000, np.uint16)), "PNG"),
    "palette.png": encoded(picture().quantize(16), "PNG", transparency=0),
    "moving.gif": encoded(picture(), "GIF", save_all=True, append_images=[picture().rotate(180)]),
    "turned.jpg": encoded(picture(90, 45), exif=TURNED),
    "panorama.jpg": encoded(picture(900, 40)),
    "tiny.png": encoded(picture(2, 1), "PNG"),
}
BAD_FILES = {
    "empty.jpg": (b"", "empty file"),
    "cut.jpg": (encoded(picture())[:800], "truncated"),
    "text.jpg": (b"The page you asked for was not found.", "not an image"),
    "bomb.png": (bomb(), "too large (50000 x 40000 pixels)"),
    "damaged.png": (encoded(picture(), "PNG").replace(b"IDAT", b"IDAZ"), "unreadable"),
}
BAD_ROWS = {  # latitude, longitude, date, file
    "1.0,190.0,2020-01-01,good0.jpg": "outside -180..180",
    "1.0,2.0,2999-01-01,good0.jpg": "in the future",
    "95.0,2.0,2020-01-01,good0.jpg": "outside -90..90",
    "1.0,2.0,2020-01-01,nowhere.jpg": "no such image file",
}
DUPLICATE = "id appears before"
NO_PLACE = "NaN,2.0,2020-01-01,good1.jpg"


def write_bad_images(folder: Path, *, good: int, bad_files: int = len(BAD_FILES), rows: int = len(BAD_ROWS)) -> str:
    """Writes a table and its pictures: first the good ones, then the bad; returns what follows `--data`.

    Args:
        folder: gets `t.csv` and `images/`.
        good: ordinary pictures, beside `GOOD_FILES`.
        bad_files: how many of `BAD_FILES`.
        rows: how many of `BAD_ROWS`; one id appears twice where there are any.
    """
    (folder / "images").mkdir()
    chosen = dict(list(BAD_FILES.items())[:bad_files])
    named = {f"good{number}.jpg": encoded(picture(60 + number, 50)) for number in range(good)} | GOOD_FILES
    for name, data in (named | {name: data for name, (data, _) in chosen.items()}).items():
        (folder / "images" / name).write_bytes(data)
    lines = [f"1.0,2.0,2020-01-01,{name}" for name in (*named, *chosen)] + list(BAD_ROWS)[:rows] + [NO_PLACE]
    table = [f"i{row},{'AB'[row % 2]},{SPLITS[row % 4]},{line}" for row, line in enumerate(lines)]
    table += ["i0,A,train,1.0,2.0,2020-01-01,good2.jpg"] if rows else []
    (folder / "t.csv").write_text("\n".join(["id,species,split,lat,lon,date,image", *table, ""]))
    return f"table:{folder / 't.csv'}:{folder / 'images'}"

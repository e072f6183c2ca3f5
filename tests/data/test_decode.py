"""Every kind of picture becomes RGB, and what is none is refused with a reason."""

import io
import struct
import zlib
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from fieldmark.data.images.bad import BadImage
from fieldmark.data.images.decode import decode

COLOUR = (200, 100, 50)
WIDE, HIGH = 40, 30


def encoded(image: Image.Image, kind: str, **settings: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **settings)
    return buffer.getvalue()


def plain(mode: str = "RGB") -> Image.Image:
    return Image.new("RGB", (WIDE, HIGH), COLOUR).convert(mode)


def noise(width: int = 120, height: int = 90) -> Image.Image:
    return Image.fromarray(np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8))


def png(width: int, height: int, kind: int, row: bytes, bits: int = 16) -> bytes:
    """A PNG of equal rows, made by hand: PIL writes neither 16-bit colour nor a header that lies."""

    def chunk(name: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))

    header = struct.pack(">IIBBBBB", width, height, bits, kind, 0, 0, 0)
    rows = zlib.compress((b"\0" + row) * min(height, 1000))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def on_white(opacity: int) -> list[float]:
    return [(value * opacity + 255 * (255 - opacity)) / 255 for value in COLOUR]


COLOUR_OF_INK = [200, 155, 100]
GREY = 124  # ITU-R 601 grey of the colour
ON_WHITE = on_white(128)
sixteen = np.array([*COLOUR, 128], ">u2") * 257  # 255 * 257 = 65535

GOOD = {
    "JPEG": (encoded(plain(), "JPEG", quality=95), COLOUR),
    "progressive": (encoded(plain(), "JPEG", progressive=True), COLOUR),
    "grey JPEG": (encoded(plain("L"), "JPEG"), [GREY] * 3),
    "CMYK JPEG of Adobe's kind": (encoded(plain("CMYK"), "JPEG", quality=95), COLOUR),
    "CMYK TIFF": (encoded(plain("CMYK"), "TIFF"), COLOUR),
    "PNG": (encoded(plain(), "PNG"), COLOUR),
    "two colours": (encoded(Image.new("1", (WIDE, HIGH), 1), "PNG"), [255] * 3),
    "palette": (encoded(plain().quantize(4), "PNG"), COLOUR),
    "transparent palette": (encoded(plain().quantize(4), "PNG", transparency=0), [255] * 3),
    "opaque RGBA": (encoded(plain("RGBA"), "PNG"), COLOUR),
    "half-transparent RGBA": (encoded(Image.new("RGBA", (WIDE, HIGH), (*COLOUR, 128)), "PNG"), ON_WHITE),
    "transparent grey": (encoded(Image.new("LA", (WIDE, HIGH), (0, 0)), "PNG"), [255] * 3),
    "16-bit grey PNG": (encoded(Image.fromarray(np.full((HIGH, WIDE), 200 * 257, np.uint16)), "PNG"), [200] * 3),
    "16-bit colour PNG": (png(WIDE, HIGH, 2, sixteen[:3].tobytes() * WIDE), COLOUR),
    "16-bit PNG with opacity": (png(WIDE, HIGH, 6, sixteen.tobytes() * WIDE), ON_WHITE),
    "16-bit grey TIFF": (encoded(Image.fromarray(np.full((HIGH, WIDE), 200 * 257, np.uint16)), "TIFF"), [200] * 3),
    "GIF": (encoded(plain(), "GIF"), COLOUR),
    "moving GIF": (encoded(plain(), "GIF", save_all=True, append_images=[noise(WIDE, HIGH)]), COLOUR),
    "WebP": (encoded(plain(), "WEBP", lossless=True), COLOUR),
    "WebP with opacity": (encoded(Image.new("RGBA", (WIDE, HIGH), (*COLOUR, 128)), "WEBP", lossless=True), ON_WHITE),
    "moving WebP": (encoded(plain(), "WEBP", save_all=True, append_images=[noise(WIDE, HIGH)], lossless=True), COLOUR),
    "BMP": (encoded(plain(), "BMP"), COLOUR),
    "TIFF": (encoded(plain(), "TIFF"), COLOUR),
    "PPM": (encoded(plain(), "PPM"), COLOUR),
}


@pytest.mark.parametrize("kind", GOOD)
def test_every_kind_of_picture_becomes_rgb(kind: str) -> None:
    data, colour = GOOD[kind]
    picture = decode(data)
    assert (tuple(picture.shape), str(picture.dtype)) == ((3, HIGH, WIDE), "torch.uint8")
    np.testing.assert_allclose(picture.float().mean((1, 2)).numpy(), colour, atol=2.5)
    assert picture.float().std((1, 2)).max() < 2.5


def test_cmyk_without_adobes_mark_is_not_inverted() -> None:
    # PIL stores ink inverted and says so in the segment APP14; without that segment the same numbers are ink.
    data = encoded(Image.new("CMYK", (WIDE, HIGH), (200, 155, 100, 255)), "JPEG", quality=95)
    start = data.index(b"\xff\xee")
    bare = data[:start] + data[start + 2 + int.from_bytes(data[start + 2 : start + 4], "big") :]
    np.testing.assert_allclose(decode(data).float().mean((1, 2)).numpy(), [0, 0, 0], atol=2)
    np.testing.assert_allclose(decode(bare).float().mean((1, 2)).numpy(), COLOUR_OF_INK, atol=2)


@pytest.mark.parametrize(
    ("kind", "mode"),
    [("JPEG", "RGB"), ("JPEG", "CMYK"), ("PNG", "RGB"), ("PNG", "I;16"), ("TIFF", "CMYK"), ("WEBP", "RGB")],
)
def test_orientation_is_applied(kind: str, mode: str) -> None:
    pixels = np.zeros((HIGH, WIDE, 3), np.uint8)
    pixels[:, : WIDE // 2] = 250  # the left half is white
    tags = Image.Exif()
    tags[0x0112] = 6  # the camera was turned: the left side is up
    image = Image.fromarray(pixels).convert("L" if mode == "I;16" else mode)
    if mode == "I;16":
        image = Image.fromarray(np.asarray(image).astype(np.uint16) * 257)
    picture = decode(encoded(image, kind, exif=tags))
    assert tuple(picture.shape) == (3, WIDE, HIGH)
    assert picture[:, : WIDE // 2 - 2].float().mean() > 230
    assert picture[:, WIDE // 2 + 2 :].float().mean() < 25


@pytest.mark.parametrize("share", [0.3, 0.6, 0.95])
@pytest.mark.parametrize(
    ("kind", "settings"),
    [("JPEG", {}), ("JPEG", {"progressive": True}), ("PNG", {}), ("WEBP", {}), ("GIF", {}), ("BMP", {})],
)
def test_a_file_cut_short_is_truncated(kind: str, settings: dict[str, Any], share: float) -> None:
    data = encoded(noise(), kind, **settings)
    with pytest.raises(BadImage, match=r"^truncated$"):
        decode(data[: int(share * len(data))])


@pytest.mark.parametrize("mode", ["RGB", "CMYK", "L"])
def test_a_jpeg_that_ends_in_zeros_is_truncated(mode: str) -> None:
    data = encoded(noise().convert(mode), "JPEG")
    keep = int(0.6 * len(data))
    with pytest.raises(BadImage, match=r"^truncated$"):
        decode(data[:keep] + bytes(len(data) - keep))


def test_bytes_after_the_end_do_no_harm() -> None:
    data = encoded(noise(), "JPEG")
    for tail in (bytes(1000), b"a phone's notes", b"notes" + bytes(10)):
        np.testing.assert_array_equal(decode(data + tail).numpy(), decode(data).numpy())


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty file"),
        (b"a text that somebody named .jpg", "not an image"),
        (b"<html>404</html>", "not an image"),
        (b"\xff\xd8 noise", "not an image"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n", "not an image"),
        (b"\xff\xd8\xff\xe0", "truncated"),
        (b"\x89PNG\r\n\x1a\n", "truncated"),
        (b"P", "not an image"),
    ],
)
def test_what_is_no_picture_is_refused(data: bytes, reason: str) -> None:
    with pytest.raises(BadImage) as refused:
        decode(data)
    assert refused.value.reason == reason


def test_a_damaged_picture_is_unreadable() -> None:
    data = bytearray(encoded(noise(), "PNG"))
    data[len(data) // 2] ^= 0xFF
    with pytest.raises(BadImage, match=r"^unreadable$"):
        decode(bytes(data))


def sized(data: bytes, at: int, form: str, *size: int) -> bytes:
    """The file with another size in its header."""
    return data[:at] + struct.pack(form, *size) + data[at + struct.calcsize(form) :]


BOMBS = {
    "PNG": png(60_000, 50_000, 2, bytes(100), bits=8),
    "JPEG": sized(data := encoded(plain(), "JPEG"), data.index(b"\xff\xc0") + 5, ">HH", 50_000, 60_000),
    "GIF": sized(encoded(plain(), "GIF"), 6, "<HH", 60_000, 50_000),
    "BMP": sized(encoded(plain(), "BMP"), 18, "<ii", 60_000, 50_000),
    "PPM": b"P6 60000 50000 255\n" + bytes(100),
}


@pytest.mark.parametrize("kind", BOMBS)
def test_a_bomb_is_refused_from_its_header(kind: str) -> None:
    with pytest.raises(BadImage, match=r"^too large \(60000 x 50000 pixels\)$"):
        decode(BOMBS[kind])


SEEDS = [data for data, _ in GOOD.values()]


@pytest.mark.filterwarnings("ignore::UserWarning")
@settings(max_examples=150)
@given(st.sampled_from(SEEDS), st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 255)), max_size=6), st.data())
def test_damaged_bytes_give_a_picture_or_a_reason(seed: bytes, changes: list[tuple[int, int]], draw: Any) -> None:
    data = bytearray(seed[: draw.draw(st.integers(0, len(seed)))])
    for position, value in changes:
        if data:
            data[position % min(len(data), 400)] = value
    try:
        picture = decode(bytes(data))
    except BadImage as error:
        reason = error.reason.partition(" (")[0]
    else:
        reason = "" if picture.shape[0] == 3 and str(picture.dtype) == "torch.uint8" else "no picture"
    assert reason in {"", "empty file", "truncated", "not an image", "too large", "unreadable"}

"""What the first bytes of a JPEG or PNG file say, read without decoding anything."""

import struct
from dataclasses import dataclass

_JPEG, _PNG = b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n"
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}  # start of frame; the three are tables
_BARE = frozenset({0x00, 0x01, *range(0xD0, 0xD9)})  # markers without a length
_COLOUR_TYPE = 25
_WITH_ALPHA = (4, 6)


@dataclass(frozen=True, slots=True)
class Header:
    """Size of a picture in its file, before EXIF turns it."""

    width: int
    height: int
    channels: int
    transparent: bool = False


def is_jpeg(data: bytes) -> bool:
    """Whether these bytes begin like a JPEG file."""
    return data.startswith(_JPEG)


def is_png(data: bytes) -> bool:
    """Whether these bytes begin like a PNG file."""
    return data.startswith(_PNG)


def jpeg_header(data: bytes) -> Header | None:
    """Returns what the frame header says, or None if the bytes end before it.

    Bytes between two segments are passed over, as libjpeg does: both must find the same header.
    """
    position = data.find(b"\xff", 2)
    while 0 <= position < len(data) - 9:
        marker = data[position + 1]
        if marker in _FRAMES:
            height, width, channels = struct.unpack_from(">HHB", data, position + 5)
            return Header(width, height, channels)
        if marker == 0xFF:
            position += 1
        else:
            length = 0 if marker in _BARE else struct.unpack_from(">H", data, position + 2)[0]
            position = data.find(b"\xff", position + 2 + length)
    return None


def png_header(data: bytes) -> Header | None:
    """Returns what the header chunk says, or None if the bytes end before the pixels."""
    pixels = data.find(b"IDAT")
    if pixels < 0 or len(data) <= _COLOUR_TYPE:
        return None
    width, height = struct.unpack_from(">II", data, 16)
    colour_type = data[_COLOUR_TYPE]
    # A chunk of its own makes one colour, or entries of a palette, transparent.
    transparent = colour_type in _WITH_ALPHA or data.find(b"tRNS", 0, pixels) >= 0
    return Header(width, height, 4 if transparent else 3, transparent)

"""What the first bytes of a JPEG file say, read without decoding anything."""

import struct
from dataclasses import dataclass

_JPEG = b"\xff\xd8\xff"
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}  # start of frame; the three are tables
_BARE = frozenset({0x00, 0x01, *range(0xD0, 0xD9)})  # markers without a length


@dataclass(frozen=True, slots=True)
class Header:
    """What a JPEG holds, before EXIF turns it."""

    width: int
    height: int
    channels: int


def is_jpeg(data: bytes) -> bool:
    """Whether these bytes begin like a JPEG file."""
    return data.startswith(_JPEG)


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

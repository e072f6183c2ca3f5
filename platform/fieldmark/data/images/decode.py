"""From the bytes of a picture to its pixels: JPEG by libjpeg-turbo through torchvision, everything else by PIL."""

from typing import TYPE_CHECKING

from fieldmark.data.images.bad import EMPTY, TRUNCATED, BadImage, check_size
from fieldmark.data.images.headers import is_jpeg, jpeg_header

if TYPE_CHECKING:
    from torch import Tensor

_CUT_OFF = "incomplete or truncated"  # what torchvision says of a file that ends too early
_CHANNELS = (1, 3)  # grey and colour; in CMYK ink may be stored inverted or not, which torchvision does not ask


def decode(data: bytes) -> "Tensor":
    """Returns the pixels of a picture as uint8 (3, H, W), RGB, upright.

    EXIF orientation is applied, what is transparent is laid on white, of 16 bits the upper 8 are kept, of an
    animation the first frame is taken, and colour profiles are ignored, as by the programs that published results
    come from. The memory is ordered by row, column, colour, which the resizing that follows is fastest with.

    Raises:
        BadImage: with a reason: `empty file`, `truncated`, `not an image`, `too large (W x H pixels)`, `unreadable`.
    """
    if not data:
        raise BadImage(EMPTY)
    # Not PNG: a damaged one ends the process that torchvision 0.29 decodes it in.
    return _jpeg(data) if is_jpeg(data) else _other(data)


def _jpeg(data: bytes) -> "Tensor":
    # A download that was cut off in a file of its full length ends in zeros, and libjpeg would draw them in grey.
    data = data.rstrip(b"\0")
    header = jpeg_header(data)
    if header is None:
        raise BadImage(TRUNCATED)
    check_size(header.width, header.height)
    return _fast(data) if header.channels in _CHANNELS else _other(data)


def _fast(data: bytes) -> "Tensor":
    import torch
    from torchvision.io import ImageReadMode, decode_jpeg

    try:
        # A copy, for torch warns of memory that it must not write to, which bytes are.
        encoded = torch.frombuffer(bytearray(data), dtype=torch.uint8)
        picture: Tensor = decode_jpeg(encoded, ImageReadMode.RGB, apply_exif_orientation=True)
    except (RuntimeError, ValueError) as error:
        if _CUT_OFF in str(error):
            raise BadImage(TRUNCATED) from None
        return _other(data)  # what torchvision refuses, PIL may know
    return picture


def _other(data: bytes) -> "Tensor":
    import torch

    from fieldmark.data.images.pillow import decode_by_pillow

    return torch.from_numpy(decode_by_pillow(data)).permute(2, 0, 1)

"""Pictures that torchvision does not decode rightly or safely: CMYK, PNG, GIF, WebP, TIFF and the like, by PIL."""

import io
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from fieldmark.data.images.bad import FOREIGN, TRUNCATED, UNREADABLE, BadImage, check_size

if TYPE_CHECKING:
    from PIL.Image import Image

FORMATS = ("JPEG", "PNG", "GIF", "WEBP", "BMP", "TIFF", "PPM", "AVIF", "JPEG2000")
"""The formats PIL is asked for: pictures only, nothing that runs another program to be read (EPS does)."""

_MAGIC_BYTES = 16
_SIXTEEN_BITS = 65_535


def decode_by_pillow(data: bytes) -> NDArray[np.uint8]:
    """Returns the first frame, upright and opaque, as uint8 (H, W, 3), RGB.

    Raises:
        BadImage: see `decode`.
    """
    image = _open(data)
    check_size(*image.size)
    try:
        image.load()
        return _pixels(image)
    except BadImage:
        raise
    except Exception as error:  # on foreign bytes PIL's readers raise nearly anything
        raise BadImage(_reason(error, data)) from None


def _open(data: bytes) -> "Image":
    """Reads the header. `Image.open` would do, but it refuses a large picture without telling its size."""
    from PIL import Image

    Image.init()
    for name in FORMATS:
        factory, accept = Image.OPEN.get(name, (None, None))
        if factory is None or (accept is not None and accept(data[:_MAGIC_BYTES]) is not True):
            continue
        try:
            return factory(io.BytesIO(data), "")
        except Exception as error:  # as above
            raise BadImage(_reason(error, data)) from None
    raise BadImage(FOREIGN)


def _pixels(image: "Image") -> NDArray[np.uint8]:
    from PIL import Image, ImageChops, ImageOps

    if image.format == "JPEG" and image.mode == "CMYK" and "adobe" not in image.info:
        image = ImageChops.invert(image)  # PIL takes all ink for stored inverted, which only Adobe's is
    upright = ImageOps.exif_transpose(image)
    if upright.mode.startswith(
        "I"
    ):  # 16 bits of grey, as 32-bit numbers in some formats; PIL would cut them off at 255
        grey = np.asarray(upright).clip(0, _SIXTEEN_BITS).astype(np.uint16) >> 8
        return np.repeat(grey[:, :, None], 3, axis=2).astype(np.uint8)
    if upright.has_transparency_data:
        white = Image.new("RGBA", upright.size, "white")
        upright = Image.alpha_composite(white, upright.convert("RGBA"))
    return np.array(upright.convert("RGB"))


def _reason(error: Exception, data: bytes) -> str:
    if isinstance(error, EOFError) or "truncated" in str(error).lower() or _ends_early(data):
        return TRUNCATED
    return UNREADABLE


def _ends_early(data: bytes) -> bool:
    """Whether a WebP or PNG file lacks its end, of which PIL does not always tell."""
    if data.startswith(b"RIFF"):
        return len(data) < int.from_bytes(data[4:8], "little") + 8
    return data.startswith(b"\x89PNG") and b"IEND" not in data

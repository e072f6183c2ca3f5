"""Pictures a second on one core, from JPEG files and from a packed image set, in one interleaved run: rates and ratios.

    python benchmarks/image_pipeline.py                 # 500-px pictures, crops of 224, batches of 64, one thread each

The pictures are made here: random fields with the spectrum of photographs (amplitude falls with frequency to the power
of 1.3), 4 to 3, upright or not, saved with quality 90, so that their files are as large as photographs' are (60 to
90 kB). They lie in the page cache. Every way gives whole batches of random crops. The ways:

* plain: what the released code does: PIL and torchvision's first transforms (RandomResizedCrop, flip, ToTensor,
  Normalize), put together by a DataLoader.
* files: the product with `picture_side` unset, as in the papers' recipes: decoded anew, cropped at full size.
* packed: the product with `picture_side` 256, from a pack.
* unpacked: the same pixels without a pack: decoded and shrunk anew, then cropped.

The product's batches are uint8, for normalisation is the device's work; `plain` has done it. What it would cost on this
core is measured, too (`normalise`), and a second set of ratios counts it: `files+normalise/plain`.
"""

import argparse
import io
import json
import os
import platform
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import pyarrow as pa
import torch
from PIL import Image
from torch import Tensor
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms

from fieldmark.config import ClassifierConfig, RecipeConfig
from fieldmark.data.images.experiment import Images
from fieldmark.data.images.loader import batches
from fieldmark.data.images.normalise import IMAGENET_MEAN, IMAGENET_STD, pixels_to_float
from fieldmark.data.images.packed import Pack, PartImages
from fieldmark.data.images.sources import FilePictures
from fieldmark.data.images.transforms import training_transform

SLOPE, QUALITY = 1.3, 90

Way = Callable[[], Tensor]


class PlainPictures(Dataset[Tensor]):
    """Files through PIL and torchvision's first transforms."""

    def __init__(self, paths: list[Path], resolution: int) -> None:
        """Takes the files and the side of the crops."""
        self.paths = paths
        self.transform = transforms.Compose(
            [
                transforms.RandomResizedCrop(resolution),
                transforms.RandomHorizontalFlip(),
                transforms.ToTensor(),
                transforms.Normalize(IMAGENET_MEAN, IMAGENET_STD),
            ]
        )

    def __len__(self) -> int:
        """Returns the number of files."""
        return len(self.paths)

    def __getitem__(self, index: int) -> Tensor:
        """Returns one normalised crop."""
        with open(self.paths[index], "rb") as file:
            image: Tensor = self.transform(Image.open(file).convert("RGB"))
            return image


def photo(height: int, width: int, rng: np.random.Generator) -> bytes:
    """Returns a JPEG file of a random field with photographs' spectrum, mostly grey, as photographs are."""
    frequency = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)[None])
    frequency[0, 0] = 1 / max(height, width)

    def field() -> np.ndarray:
        waves = frequency**-SLOPE * np.exp(2j * np.pi * rng.random(frequency.shape))
        values = np.fft.irfft2(waves, s=(height, width))
        return (values - values.mean()) / values.std()

    light, warm, green = 128 + 45 * field(), field(), field()
    pixels = np.stack([light + 12 * warm, light + 4 * green, light - 10 * warm + 6 * green], axis=2)
    file = io.BytesIO()
    Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(file, "JPEG", quality=QUALITY)
    return file.getvalue()


def write_photos(folder: Path, count: int, side: int) -> list[Path]:
    """Writes pictures whose longer side is that many pixels."""
    rng = np.random.default_rng(0)
    paths = [folder / f"{number}.jpg" for number in range(count)]
    for number, path in enumerate(paths):
        shape = (side * 3 // 4, side) if number % 3 else (side, side * 3 // 4)
        path.write_bytes(photo(*shape, rng))
    return paths


def plain(paths: list[Path], resolution: int) -> Way:
    """Returns a function that gives the next batch of all pictures, as the released code makes it."""
    loader = DataLoader(PlainPictures(paths, resolution), batch_size=len(paths))
    return lambda: next(iter(loader))


def product(images: Images, resolution: int) -> Way:
    """Returns a function that gives the next batch of all pictures, each with a new seed."""

    def plan() -> Iterator[list[tuple[int, int]]]:
        first = 0
        while True:
            yield [(position, first + position) for position in range(len(images))]
            first += len(images)

    found = batches(images, plan(), training_transform(RecipeConfig(), resolution))
    return lambda: next(found)


def ways(folder: Path, paths: list[Path], resolution: int) -> dict[str, Way]:
    """Returns every way to make a batch."""
    names = pa.array([path.name for path in paths])

    def images(size: int | None, *, pixels: bool) -> Images:
        pictures = FilePictures(str(folder), names, size)
        pack = Pack(pictures=pictures, size=size, key="benchmark", cache=folder / "cache", pixels=pixels)
        return PartImages(pack, np.arange(len(paths)))

    size = round(resolution / ClassifierConfig.model_fields["center_share"].default)
    packed = product(images(size, pixels=True), resolution)
    prepared = packed().clone()
    return {
        "plain": plain(paths, resolution),
        "files": product(images(None, pixels=False), resolution),
        "unpacked": product(images(size, pixels=False), resolution),
        "packed": packed,
        "normalise": lambda: pixels_to_float(prepared, torch.float32),
    }


def measure(all_ways: dict[str, Way], rounds: int) -> dict[str, list[float]]:
    """Returns each way's seconds a batch; every round makes one of each, so that a busy machine slows all alike."""
    seconds: dict[str, list[float]] = {name: [] for name in all_ways}
    for turn in range(-2, rounds):  # the first two warm up
        for name, way in all_ways.items():
            start = time.perf_counter()
            way()
            if turn >= 0:
                seconds[name].append(time.perf_counter() - start)
    return seconds


def ratios(seconds: dict[str, list[float]]) -> dict[str, float]:
    """Returns how many times faster than `plain` each way is; medians over rounds, whose steps were neighbours."""
    found = {}
    for name in ("files", "unpacked", "packed"):
        rows = list(zip(seconds["plain"], seconds[name], seconds["normalise"], strict=True))
        found[f"{name}/plain"] = statistics.median(slow / fast for slow, fast, _ in rows)
        found[f"{name}+normalise/plain"] = statistics.median(slow / (fast + more) for slow, fast, more in rows)
    return found


def machine() -> str:
    """Returns the processor's name, torch's version and its threads."""
    name = platform.processor() or platform.machine()
    if os.path.exists("/proc/cpuinfo"):
        with open("/proc/cpuinfo") as file:
            name = next((line.split(":")[1].strip() for line in file if line.startswith("model name")), name)
    return (
        f"{name}, {os.cpu_count()} processors, torch {torch.__version__}, {torch.get_num_threads()} thread, "
        f"load {os.getloadavg()[0]:.1f}"
    )


def speed(pictures: int, resolution: int, side: int, rounds: int) -> dict[str, object]:
    """Returns pictures a second, and ratios, of all ways."""
    with tempfile.TemporaryDirectory() as name:
        paths = write_photos(Path(name), pictures, side)
        kilobytes = statistics.mean(path.stat().st_size for path in paths) / 1e3
        seconds = measure(ways(Path(name), paths, resolution), rounds)
    return {
        "machine": machine(),
        "pictures": f"made here, {side} px, JPEG quality {QUALITY}, {kilobytes:.0f} kB on average, in the page cache",
        "resolution": resolution,
        "batch": pictures,
        "rounds": rounds,
        "images_per_second_per_core": {name: pictures / statistics.median(values) for name, values in seconds.items()},
        "ratios": ratios(seconds),
    }


def text(result: dict) -> str:
    """Returns the result for people."""
    lines = [
        result["machine"],
        f"pictures {result['pictures']}; crops of {result['resolution']} px, batch {result['batch']}, "
        f"{result['rounds']} interleaved rounds",
        *(f"  {name:12} {value:9,.0f} images/s" for name, value in result["images_per_second_per_core"].items()),
        *(f"  {name:28} {value:6.2f}" for name, value in result["ratios"].items()),
    ]
    return "\n".join(lines)


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pictures", type=int, default=64, help="different pictures, all in each batch")
    parser.add_argument("--resolution", type=int, default=224, help="side of the crops, in pixels")
    parser.add_argument("--side", type=int, default=500, help="longer side of the pictures, in pixels")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--quick", action="store_true", help="tiny sizes: whether it runs, not how fast")
    parser.add_argument("--json", action="store_true", help="one JSON object instead of text")
    args = parser.parse_args()
    if args.quick:
        args.pictures, args.resolution, args.side, args.rounds = 4, 32, 64, 2
    torch.set_num_threads(1)
    torch.manual_seed(0)
    result = speed(args.pictures, args.resolution, args.side, args.rounds)
    print(json.dumps(result) if args.json else text(result))


if __name__ == "__main__":
    main()

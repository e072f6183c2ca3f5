"""What a training step costs beside plain programs, measured in interleaved rounds: images/s and ratios.

    python benchmarks/train_step.py                # ResNet-18 at 96 px, batch 32, one thread a process
    python benchmarks/train_step.py --json

* loop: `fit_classifier`, against `bare`: the loop that anybody would write in PyTorch around the same model, fed by the
  same loader: normalisation, mixup, forward, label smoothing, backward, SGD.
* accumulated: `fit_classifier` with a batch of two batch-norm groups, against a bare loop that accumulates as often.
* fusion: forward, backward and SGD of the product's Dynamic MLP C with its classifier on ready features, against
  `authors`: the published formulation written plainly (SPEC 4.1).
* two: `fit_classifier` on two workers (DistributedDataParallel over gloo), against the same on one of them alone.

One process is measured in seconds of its processor, which other programs do not lengthen; workers in seconds of the
clock, for they wait for each other. A run's first step is left out.
"""

import argparse
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
import torch
from torch import Tensor, distributed, multiprocessing, nn
from torch.nn import functional

from fieldmark.config.classifier import ClassifierConfig
from fieldmark.data.experiment import Part
from fieldmark.data.images.experiment import ImageExperiment
from fieldmark.data.images.loader import batches
from fieldmark.data.images.transforms import training_transform
from fieldmark.data.observations import PlaceTime, Split
from fieldmark.models.build import build_classifier
from fieldmark.models.fusions import Metadata, Sizes, build_fusion
from fieldmark.models.metadata import encode_metadata
from fieldmark.training.classifier.execution import Execution
from fieldmark.training.classifier.fit import fit_classifier
from fieldmark.training.classifier.order import Order
from fieldmark.training.classifier.workers import Workers

Run = Callable[[], float]
"""Does its work once and returns the seconds it took."""
Clock = Callable[[], float]

FEATURES, METADATA = 2048, 6


class Noise:
    """Random pictures in memory, of the size that the network takes."""

    def __init__(self, count: int, side: int) -> None:
        self.image_N3RR = torch.randint(0, 256, (count, 3, side, side), dtype=torch.uint8)

    def __len__(self) -> int:
        return len(self.image_N3RR)

    def image(self, position: int) -> Tensor:
        """Returns one picture."""
        return self.image_N3RR[position]


def experiment(config: ClassifierConfig, steps: int, categories: int) -> ImageExperiment:
    """Returns as many random records as one epoch of so many steps needs."""
    count, rng = steps * config.batch, np.random.default_rng(0)
    part = Part(
        image_id=np.arange(count).astype(str),
        category_N=rng.integers(0, categories, count).astype(np.int32),
        place_time=PlaceTime(
            latitude_N=rng.uniform(-90, 90, count),
            longitude_N=rng.uniform(-180, 180, count),
            date_N=np.datetime64("2020-01-01") + rng.integers(0, 366, count),
            observer_N=np.zeros(count, np.int32),
        ),
    )
    names = tuple(str(category) for category in range(categories))
    return ImageExperiment(
        categories=names, parts={Split.TRAIN: part}, images={Split.TRAIN: Noise(count, config.resolution)}
    )


def product_loop(
    config: ClassifierConfig, data: ImageExperiment, workers: Workers | None = None, clock: Clock = time.process_time
) -> float:
    """Returns the seconds of one epoch, after its first step, as the product trains it."""
    ends: list[float] = []
    execution = Execution(on_step=lambda _: ends.append(clock()), on_step_every=0.0)
    fit_classifier(config, data, 0, report=lambda *_: True, workers=workers or Workers(), execution=execution)
    return ends[-1] - ends[0] if ends else 0.0


def bare_loop(config: ClassifierConfig, data: ImageExperiment) -> float:
    """Returns the seconds of one epoch, after its first step, as a plain program trains it."""
    part, groups = data.parts[Split.TRAIN], config.batch // config.bn_batch
    model = build_classifier(config, len(data.categories)).to(memory_format=torch.channels_last)
    optimiser = torch.optim.SGD(
        model.parameters(), lr=config.lr, momentum=config.momentum, weight_decay=config.weight_decay
    )
    encoded_NM = torch.as_tensor(encode_metadata(part.place_time, config)).float()
    category_N = torch.as_tensor(part.category_N.astype(np.int64))
    mean, std = (torch.tensor(v).view(3, 1, 1) for v in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))
    plan = list(Order.of(config, part.category_N, 0, Workers()).plan(0))
    transform = training_transform(config, config.resolution)
    ends: list[float] = []
    for number, image_BRR in enumerate(batches(data.images[Split.TRAIN], plan, transform)):
        at_B = torch.tensor([position for position, _ in plan[number]])
        share, partner_B = float(np.random.beta(config.mixup, config.mixup)), torch.randperm(len(at_B))
        image = (image_BRR.float() / 255 - mean) / std
        image, encoded = share * image + (1 - share) * image[partner_B], encoded_NM[at_B]
        encoded = share * encoded + (1 - share) * encoded[partner_B]
        logits_BC = model(image, encoded, torch.zeros(len(at_B), 2))
        first_B, second_B = category_N[at_B], category_N[at_B][partner_B]
        loss = share * functional.cross_entropy(logits_BC, first_B, label_smoothing=0.1)
        loss = loss + (1 - share) * functional.cross_entropy(logits_BC, second_B, label_smoothing=0.1)
        (loss / groups).backward()
        if number % groups == groups - 1:
            optimiser.step()
            optimiser.zero_grad()
            loss.item()  # every program looks at it
            ends.append(time.process_time())
    return ends[-1] - ends[0]


class AuthorsBlock(nn.Module):
    """Block C as published: both branches read [t ; e], one of them gives a matrix for each record."""

    def __init__(self, inputs: int, outputs: int, d: int) -> None:
        super().__init__()
        self.inputs, self.outputs = inputs, outputs
        self.image1, self.image2 = nn.Linear(inputs + d, inputs), nn.Linear(inputs, inputs)
        self.place1, self.place2 = nn.Linear(inputs + d, inputs), nn.Linear(inputs, inputs * outputs)
        self.norm1, self.last, self.norm2 = (
            nn.LayerNorm(outputs),
            nn.Linear(outputs, outputs, bias=False),
            nn.LayerNorm(outputs),
        )

    def forward(self, t: Tensor, e: Tensor) -> Tensor:
        """Returns (B, outputs)."""
        both = torch.cat([t, e], dim=1)
        image = self.image2(torch.relu(self.image1(both)))
        weight = self.place2(torch.relu(self.place1(both))).view(-1, self.inputs, self.outputs)
        product = torch.bmm(image.unsqueeze(1), weight).squeeze(1)
        product = torch.relu(self.norm1(product))
        return torch.relu(self.norm2(self.last(product)))


class AuthorsResidual(nn.Module):
    """A block of the location path as published."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.w1, self.w2, self.dropout = nn.Linear(width, width), nn.Linear(width, width), nn.Dropout(0.5)

    def forward(self, x: Tensor) -> Tensor:
        """Returns (B, width)."""
        return x + torch.relu(self.w2(self.dropout(torch.relu(self.w1(x)))))


class AuthorsFusion(nn.Module):
    """Dynamic MLP C with two blocks and its classifier, as published."""

    def __init__(self, categories: int, d: int = 256, h: int = 64) -> None:
        super().__init__()
        self.location = nn.Sequential(
            nn.Linear(METADATA, d), nn.ReLU(), *(AuthorsResidual(d) for _ in range(4)), nn.Linear(d, d, bias=False)
        )
        self.narrow, self.widen, self.norm = nn.Linear(FEATURES, d), nn.Linear(d, FEATURES), nn.LayerNorm(FEATURES)
        self.block1, self.block2 = AuthorsBlock(d, h, d), AuthorsBlock(h, d, d)
        self.classifier = nn.Linear(FEATURES, categories)

    def forward(self, image: Tensor, encoded: Tensor) -> Tensor:
        """Returns logits."""
        place = self.location(encoded)
        t = self.block2(self.block1(self.narrow(image), place), place)
        return self.classifier(image + self.norm(self.widen(t)))


def fusion_steps(batch: int, categories: int, repeats: int) -> dict[str, Run]:
    """Returns the steps of both formulations on the same ready features."""
    sizes = Sizes(features=FEATURES, categories=categories, metadata=METADATA)
    image_BF, encoded_BM = torch.randn(batch, FEATURES, requires_grad=True), torch.randn(batch, METADATA)
    product = build_fusion("dynamic_mlp_c", {}, sizes).train()
    authors = AuthorsFusion(categories).train()
    count = [sum(p.numel() for p in module.parameters()) for module in (product, authors)]
    assert count[0] == count[1], f"not the same function: {count} parameters"
    metadata = Metadata(encoded_BM, torch.zeros(batch, 2))
    target_B = torch.randint(0, categories, (batch,))

    def run(module: nn.Module, forward: Callable[[], Tensor]) -> Run:
        optimiser = torch.optim.SGD(module.parameters(), lr=1e-3, momentum=0.9, weight_decay=1e-4)

        def step() -> float:
            begin = time.process_time()
            for _ in range(repeats):
                functional.cross_entropy(forward(), target_B).backward()
                optimiser.step()
                optimiser.zero_grad()
            return time.process_time() - begin

        return step

    return {
        "fusion": run(product, lambda: product(image_BF, metadata)),
        "authors": run(authors, lambda: authors(image_BF, encoded_BM)),
    }


def measure(runs: dict[str, Run], rounds: int) -> dict[str, list[float]]:
    """Returns each run's seconds; every other round goes backwards, so that a busy machine slows all alike."""
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    for turn in range(-1, rounds):  # the first warms up
        for name in list(runs)[:: 1 if turn % 2 else -1]:
            taken = runs[name]()
            if turn >= 0:
                seconds[name].append(taken)
    return seconds


def one_of_two(rank: int, folder: str, config: ClassifierConfig, steps: int, categories: int, rounds: int) -> None:
    """A worker: alone if it is the first, then together, over and over."""
    torch.set_num_threads(1)
    distributed.init_process_group("gloo", store=distributed.FileStore(f"{folder}/store", 2), rank=rank, world_size=2)
    data = experiment(config, steps, categories)
    runs: dict[str, Run] = {
        "one": lambda: product_loop(config, data, clock=time.perf_counter) if rank == 0 else 0.0,
        "two": lambda: product_loop(config, data, Workers.current(), clock=time.perf_counter),
    }
    together = {name: (lambda run=run: (distributed.barrier(), run())[1]) for name, run in runs.items()}
    seconds = measure(together, rounds)
    if rank == 0:
        Path(folder, "seconds.json").write_text(json.dumps(seconds))
    distributed.destroy_process_group()


def workers(config: ClassifierConfig, steps: int, categories: int, rounds: int) -> dict[str, list[float]]:
    """Returns the seconds of one worker and of two."""
    with tempfile.TemporaryDirectory() as folder:
        arguments = (folder, config, steps, categories, rounds)
        multiprocessing.start_processes(one_of_two, args=arguments, nprocs=2, start_method="spawn")
        seconds: dict[str, list[float]] = json.loads(Path(folder, "seconds.json").read_text())
    return seconds


def ratio(seconds: dict[str, list[float]], one: str, other: str) -> float:
    """Returns how many times as fast `one` is; the median over rounds, since two runs of a round are neighbours."""
    return statistics.median(o / t for t, o in zip(seconds[one], seconds[other], strict=True))


def result(arguments: argparse.Namespace) -> dict[str, object]:
    """Measures everything."""
    options = arguments
    config = ClassifierConfig(
        backbone=options.backbone,
        resolution=options.resolution,
        batch=options.batch,
        bn_batch=options.batch,
        mixup_group=options.batch,
        epochs=1,
        precision="float32",
    )
    halves = config.model_copy(update={"bn_batch": options.batch // 2, "mixup_group": options.batch // 2})
    data = experiment(config, options.steps, options.categories)
    images = (options.steps - 1) * options.batch
    seconds = measure(
        {
            "loop": lambda: product_loop(config, data),
            "bare": lambda: bare_loop(config, data),
            "accumulated": lambda: product_loop(halves, data),
            "bare accumulated": lambda: bare_loop(halves, data),
        },
        options.rounds,
    )
    repeats = 8 * options.steps
    fusion = measure(fusion_steps(options.fusion_batch, options.categories, repeats), options.rounds)
    workers_seconds = workers(halves, options.steps, options.categories, options.rounds)
    per_second = {name: images / statistics.median(taken) for name, taken in (seconds | workers_seconds).items()}
    fused = repeats * options.fusion_batch
    return {
        "machine": machine(),
        "backbone": config.backbone,
        "resolution": config.resolution,
        "batch": config.batch,
        "steps": options.steps,
        "rounds": options.rounds,
        "images_per_second": per_second | {name: fused / statistics.median(taken) for name, taken in fusion.items()},
        "ratios": {
            "loop/bare": ratio(seconds, "loop", "bare"),
            "accumulated/bare accumulated": ratio(seconds, "accumulated", "bare accumulated"),
            "fusion/authors": ratio(fusion, "fusion", "authors"),
            "two/one": ratio(workers_seconds, "two", "one"),
        },
    }


def machine() -> str:
    """Returns the processor's name, torch's version and its threads."""
    name = platform.processor() or platform.machine()
    if os.path.exists("/proc/cpuinfo"):
        with open("/proc/cpuinfo") as file:
            name = next((line.split(":")[1].strip() for line in file if line.startswith("model name")), name)
    return f"{name}, {os.cpu_count()} processors, torch {torch.__version__}, {torch.get_num_threads()} thread"


def lines(found: dict) -> Iterator[str]:
    """Yields the result for people."""
    yield found["machine"]
    yield (
        f"{found['backbone']} at {found['resolution']} px, batch {found['batch']}, {found['steps']} steps a run, "
        f"{found['rounds']} interleaved rounds"
    )
    for name, value in found["images_per_second"].items():
        yield f"  {name:18} {value:10,.1f} images/s"
    for name, value in found["ratios"].items():
        yield f"  {name:30} {value:6.3f}"


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--backbone", default="resnet18")
    parser.add_argument("--resolution", type=int, default=96)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--fusion-batch", type=int, default=64)
    parser.add_argument("--categories", type=int, default=100)
    parser.add_argument("--steps", type=int, default=4, help="steps of a run")
    parser.add_argument("--rounds", type=int, default=8)
    parser.add_argument("--quick", action="store_true", help="tiny sizes: whether it runs, not how fast")
    parser.add_argument("--json", action="store_true", help="one JSON object instead of text")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    if arguments.quick:
        arguments.backbone, arguments.resolution, arguments.batch = "test_resnet", 32, 8
        arguments.fusion_batch, arguments.steps, arguments.rounds = 8, 2, 1
    found = result(arguments)
    print(json.dumps(found) if arguments.json else "\n".join(lines(found)))


if __name__ == "__main__":
    main()

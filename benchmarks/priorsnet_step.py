"""One PriorsNet training step, six ways, measured in one interleaved run: examples/s and ratios.

    python benchmarks/priorsnet_step.py                 # 4,472 categories, batch 1,024, width 256, one thread
    python benchmarks/priorsnet_step.py --accuracy      # also: sampled against exact on the default world, five seeds

A step is forward, backward and Adam, its batch drawn from 36,143 records. The ways:

* fused: the product's exact loss; batches are slices of resident tensors.
* plain: ordinary PyTorch on the same slices: the loss as printed, by autograd, `nn.Dropout`, default Adam.
* plain_loss: the product's step with only the loss of `plain` in it.
* loop: what a reader of the paper would write: `plain` fed by a Dataset item by item and a DataLoader.
* sampled: the product's estimate from 256 categories and a quarter of the background points.
* matmul: the matrix products of the exact step alone (three a layer), which bound it from above.
"""

import argparse
import json
import math
import os
import platform
import statistics
import time
from collections.abc import Callable, Iterator

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from fieldmark.config import PriorsNetConfig
from fieldmark.models.presence_loss import presence_loss
from fieldmark.models.priorsnet import PriorsNet, ResidualBlock
from fieldmark.training.objective import background_points, batch_loss

INPUTS = 6
RECORDS = 36_143

Step = Callable[[], object]


class Items(Dataset[tuple[Tensor, int]]):
    """Records one by one, encoded when asked for."""

    def __init__(self, place_N3: np.ndarray, category_N: np.ndarray) -> None:
        """Takes longitude, latitude and date in [-1, 1], and categories."""
        self.place_N3, self.category_N = place_N3, category_N

    def __len__(self) -> int:
        """Returns the number of records."""
        return len(self.category_N)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        """Returns one record's inputs and category."""
        angle = math.pi * torch.as_tensor(self.place_N3[index], dtype=torch.float32)
        return torch.cat([torch.sin(angle), torch.cos(angle)]), int(self.category_N[index])


def encoded(place_B3: Tensor) -> Tensor:
    """Returns sines and cosines; the order of the columns does not matter here."""
    return torch.cat([torch.sin(math.pi * place_B3), torch.cos(math.pi * place_B3)], dim=1)


def product_step(
    config: PriorsNetConfig, categories: int, x_NF: Tensor, category_N: Tensor, *, plain_loss: bool = False
) -> Step:
    """Returns a function that makes the next step as `fit_priorsnet` does, with the plain loss where asked."""
    model = PriorsNet(INPUTS, categories, width=config.width)
    optimiser = torch.optim.Adam(model.parameters(), lr=config.lr, fused=True)
    order, background_NF = torch.randperm(len(x_NF)), encoded(torch.rand(len(x_NF), 3) * 2 - 1)
    starts = cycle(len(x_NF), config.batch)

    def step() -> None:
        start = next(starts)
        at_B = order[start : start + config.batch]
        x_BF, category_B = x_NF[at_B], category_N[at_B]
        background_RF = background_NF[start : start + background_points(config, len(at_B))]
        if plain_loss:
            loss = autograd_loss(model, x_BF, background_RF, category_B)
        else:
            loss = batch_loss(model, x_BF, background_RF, category_B, None, config)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()

    return step


def autograd_loss(model: PriorsNet, x_BF: Tensor, background_BF: Tensor, category_B: Tensor) -> Tensor:
    """Returns the loss as printed in the paper, lambda being the number of categories."""
    features_BW, background_BW = model.feats(torch.cat([x_BF, background_BF])).chunk(2)
    categories = float(len(model.class_emb.weight))
    return presence_loss(features_BW, background_BW, model.class_emb.weight, category_B, categories)


def ordinary_step(config: PriorsNetConfig, categories: int, batches: Iterator[tuple[Tensor, Tensor]]) -> Step:
    """Returns a function that makes the next step of an ordinary PyTorch program."""
    model = PriorsNet(INPUTS, categories, width=config.width)
    for module in model.feats:
        if isinstance(module, ResidualBlock):
            module.dropout = nn.Dropout(config.dropout)
    optimiser = torch.optim.Adam(model.parameters(), lr=config.lr)

    def step() -> None:
        x_BF, category_B = next(batches)
        background_BF = encoded(torch.rand(len(x_BF), 3) * 2 - 1)
        loss = autograd_loss(model, x_BF, background_BF, category_B)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()

    return step


def slices(config: PriorsNetConfig, x_NF: Tensor, category_N: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
    """Yields batches of resident tensors."""
    order = torch.randperm(len(x_NF))
    for start in cycle(len(x_NF), config.batch):
        at_B = order[start : start + config.batch]
        yield x_NF[at_B], category_N[at_B]


def loaded(config: PriorsNetConfig, place_N3: np.ndarray, category_N: np.ndarray) -> Iterator[tuple[Tensor, Tensor]]:
    """Yields batches that a DataLoader collates item by item."""
    loader = DataLoader(Items(place_N3, category_N), batch_size=config.batch, shuffle=True, drop_last=True)
    while True:
        yield from loader


def matmul_step(config: PriorsNetConfig, categories: int) -> Step:
    """Returns a function that makes the matrix products of one exact step, into buffers that are there already."""
    rows = 2 * config.batch
    sizes = (
        [(INPUTS, config.width)] + [(config.width, config.width)] * (2 * config.blocks) + [(config.width, categories)]
    )
    layers = [
        (
            torch.randn(rows, i),
            torch.randn(o, i),
            torch.randn(rows, o),
            torch.empty(rows, o),
            torch.empty(rows, i),
            torch.empty(o, i),
        )
        for i, o in sizes
    ]

    def step() -> None:
        for x, weight, gradient, out, input_gradient, weight_gradient in layers:
            torch.mm(x, weight.T, out=out)
            torch.mm(gradient.T, x, out=weight_gradient)
            if x.shape[1] != INPUTS:  # the inputs need no gradient
                torch.mm(gradient, weight, out=input_gradient)

    return step


def cycle(records: int, batch: int) -> Iterator[int]:
    """Yields the starts of whole batches, over and over."""
    while True:
        yield from range(0, records - batch + 1, batch)


def measure(steps: dict[str, Step], rounds: int) -> dict[str, list[float]]:
    """Returns each step's seconds; every round makes one of each, so that a busy machine slows all alike."""
    seconds: dict[str, list[float]] = {name: [] for name in steps}
    for turn in range(-2, rounds):  # the first two warm up
        for name, step in steps.items():
            start = time.perf_counter()
            step()
            if turn >= 0:
                seconds[name].append(time.perf_counter() - start)
    return seconds


def machine() -> str:
    """Returns the processor's name, torch's version and its threads."""
    name = platform.processor() or platform.machine()
    if os.path.exists("/proc/cpuinfo"):
        with open("/proc/cpuinfo") as file:
            name = next((line.split(":")[1].strip() for line in file if line.startswith("model name")), name)
    return f"{name}, {os.cpu_count()} processors, torch {torch.__version__}, {torch.get_num_threads()} thread"


def speed(categories: int, config: PriorsNetConfig, rounds: int) -> dict[str, object]:
    """Returns examples/s and ratios of all ways."""
    rng = np.random.default_rng(0)
    place_N3 = rng.uniform(-1, 1, (max(RECORDS, config.batch), 3))
    category = rng.integers(0, categories, len(place_N3))
    x_NF, category_N = encoded(torch.as_tensor(place_N3, dtype=torch.float32)), torch.as_tensor(category)
    sampled = config.model_copy(update={"loss": "sampled"})
    seconds = measure(
        {
            "fused": product_step(config, categories, x_NF, category_N),
            "plain": ordinary_step(config, categories, slices(config, x_NF, category_N)),
            "plain_loss": product_step(config, categories, x_NF, category_N, plain_loss=True),
            "loop": ordinary_step(config, categories, loaded(config, place_N3, category)),
            "sampled": product_step(sampled, categories, x_NF, category_N),
            "matmul": matmul_step(config, categories),
        },
        rounds,
    )
    middle = {name: statistics.median(values) for name, values in seconds.items()}
    # A ratio's median is taken over rounds: its two steps were neighbours in time.
    ratio = {
        f"{one}/{other}": statistics.median(o / f for f, o in zip(seconds[one], seconds[other], strict=True))
        for one, other in [
            ("fused", "plain"),
            ("fused", "plain_loss"),
            ("fused", "loop"),
            ("sampled", "fused"),
            ("fused", "matmul"),
            ("plain", "matmul"),
        ]
    }
    return {
        "machine": machine(),
        "categories": categories,
        "batch": config.batch,
        "width": config.width,
        "rounds": rounds,
        "examples_per_second": {name: config.batch / value for name, value in middle.items()},
        "ratios": ratio,
    }


def accuracy(seeds: int, dataset: str, config: PriorsNetConfig) -> dict[str, object]:
    """Returns tune metrics of the exact and the sampled loss, mean and standard deviation over seeds."""
    from fieldmark.data.experiment import experiment_data
    from fieldmark.data.open import open_dataset
    from fieldmark.training.priorsnet import fit_priorsnet, tune_metrics

    data = experiment_data(open_dataset(dataset))
    kinds = {
        "exact": config,
        "sampled 1/4": config.model_copy(
            update={"loss": "sampled", "sampled_categories": max(1, data.num_categories // 4)}
        ),
        "sampled 1/16": config.model_copy(
            update={"loss": "sampled", "sampled_categories": max(1, data.num_categories // 16)}
        ),
    }
    results: dict[str, object] = {
        "dataset": dataset,
        "seeds": seeds,
        "categories": data.num_categories,
        "config": config.model_dump(),
    }
    for name, kind in kinds.items():
        metrics = [tune_metrics(fit_priorsnet(kind, data, seed, report=lambda *_: True), data) for seed in range(seeds)]
        results[name] = {
            metric: {
                "mean": statistics.mean(m[metric] for m in metrics),
                "std": statistics.stdev(m[metric] for m in metrics),
            }
            for metric in ("top1", "log_loss")
        }
    return results


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--categories", type=int, default=4472)
    parser.add_argument("--batch", type=int, default=1024)
    parser.add_argument("--width", type=int, default=256)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--accuracy", action="store_true", help="also compare tune metrics over five seeds")
    parser.add_argument("--data", default="world", help="the data set of --accuracy")
    parser.add_argument("--quick", action="store_true", help="tiny sizes: whether it runs, not how fast")
    parser.add_argument("--json", action="store_true", help="one JSON object instead of text")
    args = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    if args.quick:
        args.categories, args.batch, args.width, args.rounds = 64, 32, 16, 2
    config = PriorsNetConfig(batch=args.batch, width=args.width)
    result: dict[str, object] = {"speed": speed(args.categories, config, args.rounds)}
    if args.accuracy:
        trained = PriorsNetConfig(batch=64, lr=1e-3, epochs=2 if args.quick else 30, width=32 if args.quick else 256)
        result["accuracy"] = accuracy(5, args.data, trained)
    print(json.dumps(result) if args.json else text(result))


def text(result: dict) -> str:
    """Returns the result for people."""
    speeds = result["speed"]
    lines = [
        f"{speeds['machine']}",
        f"{speeds['categories']:,} categories, batch {speeds['batch']:,}, width {speeds['width']}, "
        f"{speeds['rounds']} interleaved rounds",
        *(f"  {name:10} {value:10,.0f} examples/s" for name, value in speeds["examples_per_second"].items()),
        *(f"  {name:16} {value:6.2f}" for name, value in speeds["ratios"].items()),
    ]
    if "accuracy" in result:
        scored = result["accuracy"]
        lines.append(
            f"tune metrics of the prior on {scored['dataset']}, {scored['categories']} categories, "
            f"{scored['seeds']} seeds, mean ± std"
        )
        for name in ("exact", "sampled 1/4", "sampled 1/16"):
            figures = (f"{metric} {v['mean']:.4f} ± {v['std']:.4f}" for metric, v in scored[name].items())
            lines.append(f"  {name:13} " + ", ".join(figures))
    return "\n".join(lines)


if __name__ == "__main__":
    main()

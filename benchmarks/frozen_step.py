"""What a trial of a fusion costs on a frozen backbone, beside one that is trained as a whole: ResNet-50 at 224 px.

    python benchmarks/frozen_step.py               # the world's 3,000 training pictures, one thread
    python benchmarks/frozen_step.py --json

* full: seconds of training a trial by recipe `smoke`, 20 epochs: some steps are measured, and their mean is multiplied
  by the steps of the trial. Evaluation and start are left out, in favour of full training.
* frozen: seconds of a trial by recipe `frozen`, 30 epochs, measured whole: reading the cached features, building the
  model, training, scoring after every epoch, recording.
* cache: seconds of making the features, once for every trial on the same image-only model: some pictures are measured,
  and their mean is multiplied by the number of pictures.

Pictures and features are noise: what they show changes no time. Seconds are those of the processor.
"""

import argparse
import json
import os
import platform
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).parent))

import numpy as np
import torch
from safetensors.torch import save
from train_step import Noise, experiment, product_loop

from fieldmark.config import IMAGE_MODEL, ClassifierConfig, FrozenConfig, Recipes, RunSpec, Scale
from fieldmark.config.canonical import image_only, on_features
from fieldmark.data.images.experiment import ImageExperiment
from fieldmark.data.observations import Split
from fieldmark.models.build import build_classifier
from fieldmark.search.objective import Objective
from fieldmark.search.tasks import Task
from fieldmark.search.training.feature_stage import stage_key
from fieldmark.search.training.frozen_run import do_frozen_run
from fieldmark.search.training.run import Circumstances
from fieldmark.store import RunRecord, Store
from fieldmark.training.classifier.execution import Execution
from fieldmark.training.classifier.workers import Workers
from fieldmark.training.frozen.features import Features, compute_features

VIEWS = 4


@dataclass(frozen=True)
class Sizes:
    """What is trained on what."""

    backbone: str = "resnet50"
    resolution: int = 224
    fusion: str = "dynamic_mlp_c"
    train: int = 3000
    tune: int = 600
    test: int = 2700
    categories: int = 60
    steps: int = 3
    """Steps of full training that are measured, after one that is not."""
    seen: int = 64
    """Pictures whose features are measured."""


def config(sizes: Sizes, recipe: str, **changes: Any) -> ClassifierConfig:
    """Returns a whole classifier's configuration by a named recipe."""
    values = Recipes.NAMES[recipe].model_dump(mode="json") | changes
    own = {"backbone": sizes.backbone, "resolution": sizes.resolution, "fusion": sizes.fusion}
    return ClassifierConfig(**(values | own))


def full_seconds(sizes: Sizes) -> tuple[float, int]:
    """Returns the seconds of a step of full training, and the steps of a trial."""
    whole = config(sizes, "smoke")
    measured = config(sizes, "smoke", epochs=1, warmup_epochs=0)
    seconds = product_loop(measured, experiment(measured, 1 + sizes.steps, sizes.categories)) / sizes.steps
    return seconds, whole.epochs * (sizes.train // whole.batch)


def cache_seconds(sizes: Sizes, frozen: FrozenConfig, start: dict[str, torch.Tensor]) -> tuple[float, int]:
    """Returns the seconds of one picture's feature, and the pictures of the cache."""
    one = frozen.model_copy(update={"views": 1})
    data = parts(one.classifier, sizes.seen, 1, 1, sizes.categories)
    ends = [time.process_time()]
    compute_features(
        one, data, start, 0, execution=Execution(), on_pictures=lambda *_: ends.append(time.process_time())
    )
    pictures = frozen.views * sizes.train + sizes.tune + sizes.test
    return (ends[-1] - ends[0]) / (sizes.seen + 2), pictures


def frozen_seconds(sizes: Sizes, frozen: FrozenConfig, start: dict[str, torch.Tensor]) -> float:
    """Returns the seconds of a whole frozen trial whose features are cached."""
    store, rng = Store.open("memory://"), np.random.default_rng(0)
    alone = image_only(frozen.classifier)
    spec = RunSpec(config=alone, dataset="noise", fingerprint="f", protocol="official:0")
    store.commit_run(RunRecord(run_id=spec.run_id, spec=spec, scale=Scale(name="smoke"), status="completed"))
    store.put_weights(spec.run_id, save({name: value.contiguous() for name, value in start.items()}))
    own = spec.model_copy(update={"config": frozen, "stages": {IMAGE_MODEL: spec.run_id}})
    task = Task(spec=own, scale=Scale(name="smoke"), trial={}, objective=Objective(score="joint", metric="top1"))
    width = start["fusion.classifier.weight"].shape[1]
    features = Features(
        views=tuple(rng.standard_normal((sizes.train, width)).astype(np.float16) for _ in range(frozen.views)),
        parts={
            split: rng.standard_normal((count, width)).astype(np.float32)
            for split, count in ((Split.TUNE, sizes.tune), (Split.TEST, sizes.test))
        },
        details={"frozen_train_top1": 0.0, "frozen_test_top1": 0.0},
    )
    store.put_stage(stage_key(task), features.arrays(), {"seconds": 0.0, "details": features.details})
    data = parts(frozen.classifier, sizes.train, sizes.tune, sizes.test, sizes.categories, pictures=False)
    began = time.process_time()
    do_frozen_run(task, data, store, Circumstances(workers=Workers(), execution=Execution()))
    return time.process_time() - began


def parts(
    shown: ClassifierConfig, train: int, tune: int, test: int, categories: int, *, pictures: bool = True
) -> ImageExperiment:
    """Returns random records of all parts, with random pictures if any are looked at."""
    found = {split: _part(shown, count, categories) for split, count in _counts(train, tune, test)}
    images = {split: Noise(count if pictures else 0, shown.resolution) for split, count in _counts(train, tune, test)}
    return ImageExperiment(categories=tuple(map(str, range(categories))), parts=found, images=images)


def _counts(train: int, tune: int, test: int) -> Iterator[tuple[Split, int]]:
    yield from zip((Split.TRAIN, Split.TUNE, Split.TEST), (train, tune, test), strict=True)


def _part(shown: ClassifierConfig, count: int, categories: int) -> Any:
    small = shown.model_copy(update={"batch": count, "bn_batch": count, "mixup_group": count, "resolution": 16})
    return experiment(small, 1, categories).parts[Split.TRAIN]


def measure(sizes: Sizes) -> dict[str, Any]:
    """Returns the figures of all three, and their ratio."""
    torch.manual_seed(0)
    frozen = on_features(config(sizes, "frozen"), VIEWS)
    start = build_classifier(image_only(frozen.classifier), sizes.categories).state_dict()
    step, steps = full_seconds(sizes)
    picture, pictures = cache_seconds(sizes, frozen, start)
    trial = frozen_seconds(sizes, frozen, start)
    full, cache = step * steps, picture * pictures
    return {
        "sizes": asdict(sizes),
        "full": {"seconds_a_step": step, "steps": steps, "seconds_a_trial": full, "steps_measured": sizes.steps},
        "frozen": {"seconds_a_trial": trial, "epochs": frozen.epochs, "steps": frozen.epochs * (sizes.train // 128)},
        "cache": {"seconds_a_picture": picture, "pictures": pictures, "seconds": cache, "views": VIEWS},
        "times_fewer": full / trial,
        "times_fewer_with_the_cache_over_20_trials": full / (trial + cache / 20),
        "note": "seconds of the processor, one thread; full training and the cache are extrapolated from what was "
        "measured, the frozen trial was measured whole",
    }


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--steps", type=int, default=Sizes.steps)
    flags = parser.parse_args()
    torch.set_num_threads(1)
    found = measure(Sizes(steps=flags.steps))
    if flags.json:
        print(json.dumps(found, indent=2))
        return
    full, frozen, cache = found["full"], found["frozen"], found["cache"]
    print(f"{platform.processor() or platform.machine()}, one thread; {found['note']}")
    print(
        f"full training   {full['seconds_a_trial']:9.0f} s a trial ({full['seconds_a_step']:.1f} s x {full['steps']})"
    )
    print(f"frozen          {frozen['seconds_a_trial']:9.1f} s a trial: {found['times_fewer']:.0f} times fewer")
    print(f"cache, once     {cache['seconds']:9.0f} s ({cache['seconds_a_picture']:.2f} s x {cache['pictures']:,})")


if __name__ == "__main__":
    main()

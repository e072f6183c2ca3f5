"""Small image units on a tiny world, for tests of executors: each trains within a second."""

from functools import cache
from typing import Any, Literal

from fieldmark.config import IMAGE_MODEL, ClassifierConfig, FrozenConfig, MethodConfig, RunSpec, Scale
from fieldmark.data.open import open_dataset
from fieldmark.search.image_task import ImageTask
from fieldmark.search.objective import Objective
from fieldmark.search.tasks import Task
from fieldmark.store.records import Trial

WORLD = "world:species=6,group_size=2,per_category=8,val_per_category=3,test_per_category=4,full=2"
SMALL: dict[str, Any] = {
    "backbone": "test_resnet",
    "resolution": 32,
    "optimizer": "adamw",
    "batch": 16,
    "bn_batch": 8,
    "mixup_group": 8,
    "mixup": 0.0,
    "lr": 3e-3,
    "epochs": 2,
    "warmup_epochs": 0,
    "location_width": 8,
    "location_blocks": 1,
    "precision": "float32",
}


@cache
def _identity(data: str) -> tuple[str, str, str]:
    dataset = open_dataset(data)
    return dataset.observations.name, dataset.observations.fingerprint, dataset.protocol


def image_unit(
    fusion: str = "image_only",
    *,
    seed: int = 0,
    start: str | None = None,
    frozen: bool = False,
    data: str = WORLD,
    views: tuple[str, ...] = (),
    probabilities: tuple[str, ...] = (),
    workers: int = 1,
    **changes: Any,
) -> ImageTask:
    """Returns a unit.

    Args:
        fusion: its name; a Dynamic MLP is a small one.
        seed: of the run.
        start: id of the image-only run that it starts from.
        frozen: whether it is trained on that run's features.
        data: what would stand after --data.
        views: further evaluations.
        probabilities: views of which they are kept.
        workers: that train it.
        changes: fields of the configuration.
    """
    settings = {"fusion_settings": {"d": 8, "h": 4}} if fusion.startswith("dynamic_mlp") else {}
    kind = FrozenConfig if frozen else ClassifierConfig
    config: MethodConfig = kind.model_validate({**SMALL, "fusion": fusion, **settings, **changes})
    name, fingerprint, protocol = _identity(data)
    stages = {} if start is None else {IMAGE_MODEL: start}
    spec = RunSpec(config=config, dataset=name, fingerprint=fingerprint, protocol=protocol, stages=stages, seed=seed)
    score: Literal["joint", "image"] = "image" if fusion == "image_only" else "joint"
    task = Task(
        spec=spec,
        scale=Scale(name="smoke"),
        trial=Trial(role="single", group=config.config_id),
        objective=Objective(score=score, metric="top1"),
    )
    return ImageTask(task=task, data=data, views=views, probabilities=probabilities, workers=workers)

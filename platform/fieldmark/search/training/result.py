"""What a training hands back."""

import json
from collections.abc import Sequence
from statistics import median
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict

from fieldmark.config import IMAGE_MODEL, FrozenConfig
from fieldmark.figures.trained_runs import information
from fieldmark.search.ledger import evaluation_id
from fieldmark.search.tasks import Task
from fieldmark.search.training.bounds import read_bounds
from fieldmark.search.training.feature_stage import stage_key
from fieldmark.search.training.help_and_harm import help_and_harm
from fieldmark.search.training.plan import TrainPlan, config_of
from fieldmark.search.training.seen import Seen

if TYPE_CHECKING:
    from fieldmark.store import Store

NOT_TRAINED = "not trained; add --reference to compare"

MORE_THAN_NOISE = 4.0
"""Standard errors of image-only's accuracy that there must be to gain, for a share of it to mean anything."""


class TrainedRun(BaseModel):
    """A recorded run in figures."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    run_id: str
    config: dict[str, Any]
    seed: int
    metrics: dict[str, dict[str, float]]
    """By part, `tune` and `test`: fractions, log_loss in nats."""
    details: dict[str, float]
    """Further figures of the test part, e.g. `frozen_train_top1`."""
    parameters: int
    multiply_adds: int
    epochs: int
    images_per_second: float | None
    """While training, median over the epochs; None for a model without anything to train."""
    seconds: float
    """Of the whole run, evaluation included, cut-off attempts too."""


class FrozenBackbone(BaseModel):
    """What the fusion was trained on, where the backbone was frozen (SCIENCE rule 18)."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    image_run: str
    """The image-only run whose backbone it is."""
    views: int
    """Augmented views of every training picture whose features are cached."""
    cache_seconds: float | None
    """That the features took, once for all fusions on this model; in no run's seconds. None: they are gone."""
    train_top1: float
    """How often the image-only model is right on the features that the fusion was trained on."""
    test_top1: float
    """How often it is right on test."""


class TrainResult(BaseModel):
    """A training's end. Fields may be added; none will change its meaning."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    run: TrainedRun
    frozen: FrozenBackbone | None
    """Where the run is a fusion on cached features of a frozen backbone; None where it was trained as a whole."""
    image_only: TrainedRun | None
    """The same backbone, recipe and seed on pictures alone, or the model that the run leaves as it is; None where it
    was not trained, or is the run itself."""
    without_image_only: str | None
    """Why there is no image-only run to compare with, where there could be one."""
    turned_right: float | None
    """Test pictures that image-only names wrongly and the run rightly: expected numbers, as ties share their credit."""
    turned_wrong: float | None
    """Test pictures that image-only names rightly and the run wrongly."""
    compared: int | None
    """Test pictures that both have named."""
    bounds: dict[str, dict[str, float]]
    """The world only: fields seen to the test metrics that they allow; pictures alone, and what the run looks at."""
    share_of_gain: float | None
    """Of the top-1 that the fields which the run looks at allow beyond image-only, what it has gained; None where that
    room is within the noise of the test part."""
    dataset: str
    protocol: str
    scale: str
    images: dict[str, int]
    """Records in train, tune and test, bad pictures included."""
    bad_images: int
    """Pictures that were left out."""
    left_out: list[str]
    """Lines on every record and picture that was left out."""
    store: str
    notes: list[str]

    def to_json(self) -> dict[str, Any]:
        """Returns the object that `--json` prints (docs/reference/train.schema.json), without the figures' paths."""
        return self.model_dump(mode="json")


def train_result(
    plan: TrainPlan, store: "Store", seen: Seen, *, notes: Sequence[str] = (), busy: str = ""
) -> TrainResult:
    """Returns what is recorded of a training that has ended.

    Args:
        plan: its runs.
        store: where they are recorded.
        seen: what was left out.
        notes: what is to be said beside the plan's notes.
        busy: who trains the image-only run just now, if anybody does.
    """
    main = trained_run(plan.main, store)
    reference = plan.reference
    image_only = None if reference is None or not store.has_run(reference.run_id) else trained_run(reference, store)
    compared = None if reference is None else help_and_harm(store, plan.main, reference)
    bounds = read_bounds(plan, store)
    return TrainResult(
        run=main,
        frozen=_frozen(plan.main, main, store),
        image_only=image_only,
        without_image_only=None if reference is None or image_only is not None else busy or NOT_TRAINED,
        turned_right=None if compared is None else compared.right,
        turned_wrong=None if compared is None else compared.wrong,
        compared=None if compared is None else compared.pictures,
        bounds=bounds,
        share_of_gain=_share(main, image_only, bounds.get(information(plan.config)), plan.facts.card.counts["test"]),
        dataset=plan.facts.card.name,
        protocol=plan.facts.card.protocol,
        scale=plan.main.scale.name,
        images=dict(plan.facts.card.counts),
        bad_images=seen.bad,
        left_out=seen.lines,
        store=store.url,
        notes=[plan.scale, *plan.notes, *notes],
    )


def trained_run(task: Task, store: "Store") -> TrainedRun:
    """Returns the figures of a recorded run."""
    record = store.run(task.run_id)
    evaluations = {
        part: store.evaluation(evaluation_id(task.run_id, part, task.objective.score)) for part in ("tune", "test")
    }
    curve = store.curve(task.run_id)
    speeds = curve["images_per_second"].to_pylist() if curve is not None else []
    return TrainedRun(
        run_id=task.run_id,
        config=config_of(task).model_dump(mode="json"),
        seed=task.spec.seed,
        metrics={part: dict(evaluation.metrics) for part, evaluation in evaluations.items()},
        details=dict(evaluations["test"].details),
        parameters=record.parameters,
        multiply_adds=record.multiply_adds,
        epochs=record.epochs,
        images_per_second=median(speeds) if speeds else None,
        seconds=record.cost.seconds,
    )


def _frozen(task: Task, run: TrainedRun, store: "Store") -> FrozenBackbone | None:
    config = task.spec.config
    if not isinstance(config, FrozenConfig):
        return None
    meta = store.stage_meta(stage_key(task))
    return FrozenBackbone(
        image_run=task.spec.stages[IMAGE_MODEL],
        views=config.views,
        cache_seconds=None if meta is None else float(meta["seconds"]),
        train_top1=run.details["frozen_train_top1"],
        test_top1=run.details["frozen_test_top1"],
    )


def _share(
    main: TrainedRun, image_only: TrainedRun | None, bound: dict[str, float] | None, pictures: int
) -> float | None:
    if bound is None or image_only is None:
        return None
    alone = image_only.metrics["test"]["top1"]
    room = bound["top1"] - alone
    noise = MORE_THAN_NOISE * standard_error(alone, pictures)
    return None if room <= noise else (main.metrics["test"]["top1"] - alone) / room


def standard_error(share: float, pictures: int) -> float:
    """Returns that of a share among so many pictures, by the binomial distribution."""
    return float((share * (1 - share) / pictures) ** 0.5) if pictures else 0.0


def schema_text() -> str:
    """Returns the JSON schema of `--json`, as docs/reference/train.schema.json holds it."""
    return json.dumps(TrainResult.model_json_schema(), indent=2) + "\n"


if __name__ == "__main__":
    print(schema_text(), end="")

"""Which runs a training consists of: the run itself, before it the image-only one, and on the world the bounds."""

from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict

from fieldmark.config import BayesConfig, ClassifierConfig, Fusions, MethodConfig, RunSpec, Scale
from fieldmark.errors import UserError
from fieldmark.search.objective import Objective
from fieldmark.search.tasks import Task
from fieldmark.search.training.choices import checked_workers, classifier_config, image_only
from fieldmark.search.training.facts import TrainFacts
from fieldmark.search.training.options import TrainOptions, parse_workers
from fieldmark.store.records import Trial

if TYPE_CHECKING:
    from fieldmark.store import Store

IMAGE_MODEL = "image_model"
"""Name of the stage that a run consumes which starts from a trained image-only model: that run's id."""

BOUNDS = ("image", "image+place+date")


class TrainPlan(BaseModel):
    """A training, in the order in which it is done."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    facts: TrainFacts
    main: Task
    reference: Task | None
    """The same backbone on pictures alone; None where the main run is that."""
    trains_reference: bool
    """Whether it is trained, too, before the main run."""
    bounds: tuple[Task, ...]
    """The world's Bayes classifier, at the training resolution."""
    start: str | None
    """The image-only run whose weights the main run starts from."""
    workers: tuple[int, ...]
    """Numbers of workers that may be used, ascending."""
    notes: tuple[str, ...]

    @property
    def runs(self) -> tuple[Task, ...]:
        """The runs that are trained: the reference first, whose weights the other may start from."""
        return (self.reference, self.main) if self.reference is not None and self.trains_reference else (self.main,)

    @property
    def config(self) -> ClassifierConfig:
        """The main run's configuration."""
        return config_of(self.main)


def config_of(task: Task) -> ClassifierConfig:
    """Returns the configuration of a task that trains."""
    assert isinstance(task.spec.config, ClassifierConfig)
    return task.spec.config


def build_plan(options: TrainOptions, facts: TrainFacts, store: "Store | None") -> TrainPlan:
    """Returns a training's plan.

    Args:
        options: the flags; extensions are loaded already.
        facts: of the data set.
        store: where the run named by --start-from lies; None where there is no store yet.

    Raises:
        UserError: naming the flag whose value does not fit.
    """
    config, notes = classifier_config(options, facts)
    scale = facts.scale(facts.scale_name(options.scale), config.batch)
    start = None if options.start_from is None else _found(options, facts, config, store)
    reference = _task(image_only(config), options.seed, facts, scale, {}) if config.looks_at_location else None
    trains_reference = scale.name == "smoke" if options.reference is None else options.reference
    if reference is not None and start is None and _is_frozen(config.fusion):
        start, trains_reference = reference.run_id, True
        notes.append(f"fusion {config.fusion} starts from the image-only model, which is trained before it")
    stages = {} if start is None else {IMAGE_MODEL: start}
    return TrainPlan(
        facts=facts,
        main=_task(config, options.seed, facts, scale, stages),
        reference=reference,
        trains_reference=trains_reference,
        bounds=_bounds(config, facts, scale),
        start=start,
        workers=tuple(checked_workers(config, *parse_workers(options.workers))),
        notes=(*facts.card.notes, *notes),
    )


def _task(config: MethodConfig, seed: int, facts: TrainFacts, scale: Scale, stages: dict[str, str]) -> Task:
    spec = RunSpec(
        config=config,
        dataset=facts.card.name,
        fingerprint=facts.card.fingerprint,
        protocol=facts.card.protocol,
        stages=stages,
        seed=seed,
    )
    joint = isinstance(config, BayesConfig) or (isinstance(config, ClassifierConfig) and config.looks_at_location)
    role = "bound" if isinstance(config, BayesConfig) else "single"
    return Task(
        spec=spec,
        scale=scale,
        trial=Trial(role=role, group=config.config_id),
        objective=Objective(score="joint" if joint else "image", metric="top1"),
    )


def _bounds(config: ClassifierConfig, facts: TrainFacts, scale: Scale) -> tuple[Task, ...]:
    """Returns the bounds' tasks; their ids are those of any sweep at the same resolution."""
    if not facts.is_world:
        return ()
    known = [BayesConfig.model_validate({"information": one, "resolution": config.resolution}) for one in BOUNDS]
    return tuple(_task(one, 0, facts, scale, {}) for one in known)


def _is_frozen(fusion: str) -> bool:
    """Whether a fusion leaves a trained image-only model as it is; torch is imported for a user's own only."""
    if fusion in Fusions.frozen:
        return True
    import sys

    registry = sys.modules.get("fieldmark.models.fusions.registry")
    return registry is not None and bool(registry.fusion_class(fusion).frozen_image)


def _found(options: TrainOptions, facts: TrainFacts, config: ClassifierConfig, store: "Store | None") -> str:
    """Returns the id of the run that --start-from names, if its model fits.

    Raises:
        UserError: where there is none, it is another kind of model, or its weights were not kept.
    """
    name = options.start_from or ""
    ids = [] if store is None else store.runs(["run_id"])["run_id"].to_pylist()
    found = [str(one) for one in ids if one.startswith(name)]
    if store is None or len(found) != 1:
        what = "no run" if not found else f"{len(found)} runs"
        raise UserError(f"--start-from {name}: {what} in store {options.store} begin so")
    record = store.run(found[0])
    other = record.spec.config
    if not isinstance(other, ClassifierConfig) or other.fusion != "image_only" or record.status != "completed":
        raise UserError(f"--start-from {name}: expected a completed run of an image-only classifier")
    if other.backbone != config.backbone:
        raise UserError(f"--start-from {name}: its backbone is {other.backbone}, not {config.backbone}")
    if (record.spec.fingerprint, record.spec.protocol) != (facts.card.fingerprint, facts.card.protocol):
        raise UserError(f"--start-from {name}: it was trained on other data ({record.spec.dataset}) or another split")
    return found[0]

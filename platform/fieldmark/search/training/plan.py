"""Which runs a training consists of: the run itself, before it the image-only one, and on the world the bounds."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict

from fieldmark.config import (
    IMAGE_MODEL,
    BayesConfig,
    ClassifierConfig,
    ClassifierFields,
    FrozenConfig,
    MethodConfig,
    RunSpec,
    Scale,
)
from fieldmark.config.canonical import is_frozen, started, trains
from fieldmark.errors import UserError
from fieldmark.figures.trained_runs import information
from fieldmark.search.objective import Objective
from fieldmark.search.tasks import Task
from fieldmark.search.training.choices import (
    GEONET_RECIPE,
    classifier_config,
    frozen_config,
    recipe_name,
    reference_config,
)
from fieldmark.search.training.dealing import check_batch, checked_workers
from fieldmark.search.training.facts import TrainFacts
from fieldmark.search.training.options import TrainOptions, parse_workers
from fieldmark.search.training.published import describe_scale
from fieldmark.store.records import Trial

if TYPE_CHECKING:
    from fieldmark.store import RunRecord, Store

WORTH_SAYING = 0.02  # share of an epoch that its last, partial batch may take without a note


class TrainPlan(BaseModel):
    """A training, in the order in which it is done."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    facts: TrainFacts
    main: Task
    reference: Task | None
    """The same backbone on pictures alone, or the model that the main run leaves as it is; None where the main run is
    image-only."""
    trains_reference: bool
    """Whether it is trained, too, before the main run."""
    bounds: tuple[Task, ...]
    """The world's Bayes classifier of pictures alone and of what the main run looks at, at the training resolution."""
    start: str | None
    """The image-only run whose weights the main run starts from."""
    workers: tuple[int, ...]
    """Numbers of workers that may be used, ascending."""
    scale: str
    """The scale, and what is not as published, in a sentence."""
    notes: tuple[str, ...]

    @property
    def runs(self) -> tuple[Task, ...]:
        """The runs that are trained: the reference first, whose weights the other may start from."""
        return (self.reference, self.main) if self.reference is not None and self.trains_reference else (self.main,)

    @property
    def config(self) -> ClassifierFields:
        """The main run's configuration."""
        return config_of(self.main)


def config_of(task: Task) -> ClassifierConfig | FrozenConfig:
    """Returns the configuration of a task that trains."""
    assert isinstance(task.spec.config, ClassifierConfig | FrozenConfig)
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
    given = None if options.start_from is None else _found(options, facts, config, store)
    reference, trains_reference = _reference(options, facts, config, given)
    start = None if given is None else given.run_id
    if reference is not None and start is None and _stays(options, config):
        start, trains_reference = reference.run_id, True
        notes.append(_describe_start(options, facts, config))
    main = _main(options, facts, config, start)
    both = [main] if reference is None or not trains_reference else [reference, main]
    trained = [one for one in map(config_of, both) if trains(one)]
    for one in trained:
        check_batch(one, facts)
    notes += _left_out_of_epochs(trained, facts)
    return TrainPlan(
        facts=facts,
        main=main,
        reference=reference,
        trains_reference=trains_reference,
        bounds=_bounds(main, facts),
        start=start,
        workers=tuple(checked_workers(trained, *parse_workers(options.workers))),
        scale=describe_scale(main.scale, trained[-1] if trained else None, recipe_name(options, facts)),
        notes=(*facts.card.notes, *notes),
    )


def _main(options: TrainOptions, facts: TrainFacts, config: ClassifierConfig, start: str | None) -> Task:
    scale = facts.scale(facts.scale_name(options.scale), config.batch)
    seed = options.seed if trains(config) else 0
    if options.frozen:
        frozen = frozen_config(config, options.frozen_views)
        assert start is not None, "a fusion that looks at nothing was refused"
        return _task(frozen, seed, facts, scale, {IMAGE_MODEL: start})
    if start is None:
        return _task(config, options.seed, facts, scale, {})
    return _task(started(config), seed, facts, scale, {IMAGE_MODEL: start})


def _reference(
    options: TrainOptions, facts: TrainFacts, config: ClassifierConfig, start: "RunRecord | None"
) -> tuple[Task | None, bool]:
    """Returns the image-only run to compare with, and whether it is trained, too."""
    if not config.looks_at_location:
        return None, False
    if start is not None and _stays(options, config):
        return Task(
            spec=start.spec, scale=start.scale, trial=start.trial, objective=_objective(start.spec.config)
        ), False
    name = facts.scale_name(options.scale)
    alone = reference_config(options, facts, config)
    wanted = name == "smoke" if options.reference is None else options.reference
    return _task(alone, options.seed, facts, facts.scale(name, alone.batch), {}), wanted


def _stays(options: TrainOptions, config: ClassifierConfig) -> bool:
    """Whether the main run leaves a trained image-only model as it is."""
    return options.frozen or is_frozen(config.fusion)


def _describe_start(options: TrainOptions, facts: TrainFacts, config: ClassifierConfig) -> str:
    own = recipe_name(options.model_copy(update={"recipe": None, "frozen": False}), facts)
    recipe = f" by recipe {own}" if options.frozen or options.recipe == GEONET_RECIPE else ""
    return f"fusion {config.fusion} starts from the image-only model, which is trained before it{recipe}"


def _task(config: MethodConfig, seed: int, facts: TrainFacts, scale: Scale, stages: dict[str, str]) -> Task:
    spec = RunSpec(
        config=config,
        dataset=facts.card.name,
        fingerprint=facts.card.fingerprint,
        protocol=facts.card.protocol,
        stages=stages,
        seed=seed,
    )
    role = "bound" if isinstance(config, BayesConfig) else "single"
    trial = Trial(role=role, group=config.config_id)
    return Task(spec=spec, scale=scale, trial=trial, objective=_objective(config))


def _objective(config: MethodConfig) -> Objective:
    joint = isinstance(config, BayesConfig) or (isinstance(config, ClassifierFields) and config.looks_at_location)
    return Objective(score="joint" if joint else "image", metric="top1")


def _bounds(main: Task, facts: TrainFacts) -> tuple[Task, ...]:
    """Returns the bounds' tasks; their ids are those of any sweep at the same resolution."""
    if not facts.is_world:
        return ()
    config = config_of(main)
    seen = dict.fromkeys(("image", information(config)))
    known = [BayesConfig.model_validate({"information": one, "resolution": config.resolution}) for one in seen]
    return tuple(_task(one, 0, facts, main.scale, {}) for one in known)


def _found(options: TrainOptions, facts: TrainFacts, config: ClassifierConfig, store: "Store | None") -> "RunRecord":
    """Returns the run that --start-from names, if its model fits.

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
    if other.normalisation != config.normalisation:
        raise UserError(
            f"--start-from {name}: its normalisation is {other.normalisation}, not {config.normalisation} "
            f"(--change normalisation={other.normalisation})"
        )
    if (record.spec.fingerprint, record.spec.protocol) != (facts.card.fingerprint, facts.card.protocol):
        raise UserError(f"--start-from {name}: it was trained on other data ({record.spec.dataset}) or another split")
    return record


def _left_out_of_epochs(trained: Sequence[ClassifierFields], facts: TrainFacts) -> list[str]:
    """Says how many pictures an epoch has no use for, where that is many: they are others in every epoch."""
    left = facts.pictures % trained[-1].batch if trained else 0
    if left < WORTH_SAYING * facts.pictures:
        return []
    return [
        f"each epoch leaves out {left} of {facts.pictures:,} training pictures, drawn anew: its last, partial batch"
    ]

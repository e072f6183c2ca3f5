"""From the flags and the data's facts to the plan of an image sweep."""

from typing import Any

from pydantic import ValidationError

from fieldmark.config import ClassifierConfig, Fusions, Recipes, ScaleName
from fieldmark.config.canonical import image_only
from fieldmark.errors import UserError
from fieldmark.search.image_sweep.backbones import check_backbones
from fieldmark.search.image_sweep.options import (
    FusionSweepOptions,
    ImageSweepOptions,
    ResolutionSweepOptions,
    parse_objectives,
)
from fieldmark.search.image_sweep.plan import Group, ImageSweepPlan
from fieldmark.search.options import describe_invalid
from fieldmark.search.training.choices import classifier_config, recipe_name
from fieldmark.search.training.dealing import check_batch, checked_workers
from fieldmark.search.training.facts import NO_METADATA, TrainFacts
from fieldmark.search.training.options import TrainOptions, parse_pairs
from fieldmark.search.training.published import describe_scale
from fieldmark.search.words import counted
from search_spaces import fusion as fusion_space
from search_spaces import resolution as resolution_space
from search_spaces.fusion import FusionSpace
from search_spaces.resolution import ResolutionSpace

FROZEN = "frozen"
"""The recipe of fusions on cached features."""


def build_plan(options: ImageSweepOptions, facts: TrainFacts) -> ImageSweepPlan:
    """Returns a sweep's plan.

    Args:
        options: the flags of one of the two sweeps.
        facts: of the data set.

    Raises:
        UserError: naming the flag whose value does not fit.
    """
    scale = facts.scale_name(options.scale)
    space: FusionSpace | ResolutionSpace
    if isinstance(options, FusionSweepOptions):
        base, space, notes = _fusion(options, facts, scale)
    else:
        assert isinstance(options, ResolutionSweepOptions)
        base, space, notes = _resolution(options, facts, scale)
    check_backbones(space.backbones if isinstance(space, ResolutionSpace) else (base.backbone,))
    check_batch(base, facts)
    checked_workers([base], options.workers, options.workers)
    recipe = recipe_name(_train_options(options, {}), facts)
    plan = ImageSweepPlan(
        space=space,
        base=base,
        facts=facts,
        data=options.data,
        scale=scale,
        described=f"{describe_scale(facts.scale(scale, base.batch), base, recipe)}; {_epochs(base, facts)}",
        notes=(*facts.card.notes, *notes),
        objectives=parse_objectives(options.objectives),
        sampler=options.sampler,
        search_seed=options.search_seed,
        early_stopping=options.scheduler == "asha",
        warm_start=options.warm_start,
        trials=options.trials,
        seeds=options.seeds,
        workers=options.workers,
        groups=(),
    )
    return plan.model_copy(update={"groups": _groups(plan)})


def _fusion(
    options: FusionSweepOptions, facts: TrainFacts, scale: ScaleName
) -> tuple[ClassifierConfig, FusionSpace, list[str]]:
    if not (facts.has_places or facts.has_dates):
        raise UserError(f"--data {options.data}: {NO_METADATA}; there is nothing to sweep")
    own = {"backbone": options.backbone, "resolution": options.resolution}
    base, notes = _base(options, own, facts, fusion_space.BASE[scale])
    suitable = fusion_space.suitable(has_places=facts.has_places, frozen=options.frozen)
    for name in options.fusions:
        Fusions.settings(name, {})  # names those that there are
        if name not in suitable:
            raise UserError(f"--fusion {name}: cannot be searched here; these can: {', '.join(suitable)}")
    fusions = tuple(dict.fromkeys(options.fusions)) or suitable
    around = _on_features(base, facts) if options.frozen else base
    return base, FusionSpace(base=around, scale=scale, fusions=fusions, frozen=options.frozen), notes


def _on_features(base: ClassifierConfig, facts: TrainFacts) -> ClassifierConfig:
    """Returns how fusions on cached features are trained: by their own recipe, in smaller batches on few pictures."""
    recipe = Recipes.NAMES[FROZEN].model_dump(mode="json")
    if recipe["batch"] > facts.pictures:
        recipe |= dict.fromkeys(("batch", "bn_batch", "mixup_group"), base.batch)
    return ClassifierConfig.model_validate({**base.model_dump(mode="json"), **recipe})


def _resolution(
    options: ResolutionSweepOptions, facts: TrainFacts, scale: ScaleName
) -> tuple[ClassifierConfig, ResolutionSpace, list[str]]:
    backbones = tuple(dict.fromkeys(options.backbones)) or resolution_space.BACKBONES[scale]
    metadata = facts.has_places or facts.has_dates
    fusion = options.fusion or ("dynamic_mlp_c" if metadata else fusion_space.IMAGE_ONLY)
    known = type(Fusions.settings(fusion, {})).model_fields
    given = parse_pairs("--set", options.fusion_settings)
    usual = parse_pairs("--set", resolution_space.FUSION_SETTINGS[scale])
    settings = {name: value for name, value in usual.items() if name in known} | given
    own = {
        "backbone": backbones[0],
        "resolution": resolution_space.AS_PUBLISHED[scale][0],
        "fusion": fusion,
        "fusion_settings": tuple(f"{name}={value}" for name, value in settings.items()),
    }
    base, notes = _base(options, own, facts, resolution_space.BASE[scale])
    return base, ResolutionSpace(base=base, scale=scale, backbones=backbones), notes


def _base(
    options: ImageSweepOptions, own: dict[str, Any], facts: TrainFacts, usual: dict[str, Any]
) -> tuple[ClassifierConfig, list[str]]:
    """Returns the configuration that flags and data make, with what the space is used to where no flag says else."""
    flags = {name: value for name, value in usual.items() if name in TrainOptions.model_fields}
    changed = {one.partition("=")[0].strip() for one in options.changes}
    changes = [f"{name}={value}" for name, value in usual.items() if name not in flags and name not in changed]
    flags |= {name: value for name, value in own.items() if value is not None}
    flags |= {name: value for name in ("epochs",) if (value := getattr(options, name)) is not None}
    return classifier_config(_train_options(options, {**flags, "changes": (*options.changes, *changes)}), facts)


def _train_options(options: ImageSweepOptions, more: dict[str, Any]) -> TrainOptions:
    same = options.model_dump(include={"data", "recipe", "batch", "bn_batch", "precision", "scale", "changes"})
    try:
        return TrainOptions.model_validate({**same, **more})
    except ValidationError as error:
        raise UserError(describe_invalid(error)) from None


def _groups(plan: ImageSweepPlan) -> tuple[Group, ...]:
    """Returns the image-only references and the published settings, without those that have the numbers of another."""
    alone = [image_only(one) for one in plan.space.references()]
    if plan.frozen:
        alone = [image_only(plan.base)]
    found: dict[str, Group] = {}
    for config in alone:
        group = plan.group(config, "baseline", len(found), {}, {})
        found.setdefault(group.name, group)
    for setting in plan.space.published():
        params, texts = _in_space(plan, setting)
        group = plan.group(setting, "published", len(found), params, texts)
        found.setdefault(group.name, group)
    return tuple(found.values())


def _in_space(plan: ImageSweepPlan, setting: ClassifierConfig) -> tuple[dict[str, Any], dict[str, str]]:
    """Returns a published setting's parameters; none where flags have moved it out of the space."""
    from fieldmark.search import study

    params = plan.space.parameters(setting)
    texts = study.fixed(params, plan.space.suggest)
    return ({}, {}) if texts is None else (params, texts)


def _epochs(config: ClassifierConfig, facts: TrainFacts) -> str:
    updates = config.epochs * (facts.pictures // config.batch)
    return f"{counted(config.epochs, 'epoch')}, {counted(updates, 'update')}"

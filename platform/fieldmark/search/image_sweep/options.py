"""What a person can ask of an image sweep: one field a flag."""

from typing import Annotated, Literal, Self, TypeVar, cast, get_args

from cyclopts import Parameter
from pydantic import Field, ValidationError, model_validator

from fieldmark.config import ScaleName
from fieldmark.data.open import MAX_BAD_SHARE
from fieldmark.errors import UserError
from fieldmark.machine import default_store
from fieldmark.search.budget.options import BudgetOptions
from fieldmark.search.image_sweep.objectives import ObjectiveName
from fieldmark.search.options import SamplerName, describe_invalid
from fieldmark.search.training.options import Precision, RecipeName

OwnOptions = TypeVar("OwnOptions", bound="ImageSweepOptions")


class ImageSweepOptions(BudgetOptions):
    """The flags that both sweeps have. The same flags again go on with the same sweep."""

    data: str = "world"
    """The data set: world[:key=value,...], folder:DIR, table:FILE:IMAGE_ROOT, inat2018:DIR, ..."""
    trials: int = 12
    """Settings that Optuna tries beside the published ones; each is run with every seed."""
    seeds: int = 2
    """Seeds of every setting, and fresh ones for the best one found."""
    objectives: str = "accuracy"
    """What is searched for: accuracy (top-1 on tune) alone, or accuracy,parameters or accuracy,multiply_adds."""
    sampler: SamplerName = "tpe"
    """Optuna's sampler: tpe, random, gp or nsgaii."""
    search_seed: int = 0
    """Seed of Optuna's sampler."""
    scheduler: Literal["none", "asha"] = "none"
    """asha stops seed 0 of Optuna's poor trials early, and they get no other seed; published settings are never
    stopped."""
    warm_start: str | None = None
    """Tell the sampler of stored runs on the same data that fit a condition on the store's columns, e.g.
    "fusion == 'dynamic_mlp_c' and resolution <= 64"."""
    recipe: RecipeName | None = None
    """How models are trained; default: smoke at smoke scale, paper_cnn at paper scale."""
    changes: Annotated[tuple[str, ...], Parameter(name="--change", negative=())] = ()
    """Any other field of the configuration, e.g. --change label_smoothing=0; repeatable."""
    epochs: int | None = None
    """Default: 6 (fusion) or 5 (resolution) at smoke scale, else the recipe's."""
    batch: int | None = None
    """Global batch, in pictures, over all workers; default: the recipe's."""
    bn_batch: int | None = None
    """Pictures whose batch-norm statistics and mixup draws belong together; default: the recipe's."""
    precision: Precision | None = None
    """Of the forward and backward pass; default: the recipe's."""
    workers: int = 1
    """Ray Train workers a run; 1 trains in the trial's own process. Changes no number."""
    scale: ScaleName | None = None
    """smoke (a demonstration; default on the world and below 20,000 training pictures) or paper (as published)."""
    protocol: str | None = None
    """Split protocol and seed, e.g. official:0; default: the data set's own."""
    store: str = Field(default_factory=default_store)
    """Results store: a folder, s3://, gs:// or az://; default: $FIELDMARK_STORE, else runs."""
    address: str | None = None
    """Ray cluster to join; default: RAY_ADDRESS, or a cluster started on this machine, or a new local one."""
    executor: Literal["tune", "local"] = "tune"
    """Where runs run: Ray Tune, or this process (for debugging)."""
    max_concurrent: int | None = None
    """Runs at a time; default: as many as there is room for."""
    cache: str | None = None
    """Folder for packed pictures; default: the user's cache."""
    max_bad_share: float = MAX_BAD_SHARE
    """Stop before training when a larger share of the records or pictures is bad."""
    figures: Annotated[bool, Parameter(negative=("--no-figures",))] = True
    """Draw the sweep's figures at the end."""
    takeover: Annotated[bool, Parameter(negative=())] = False
    """Take the sweep over from a driver that is thought to be gone."""
    dry_run: Annotated[bool, Parameter(negative=())] = False
    """Say what would run, and what it would cost; run nothing."""
    json_output: Annotated[bool, Parameter(name="--json", negative=())] = False
    """Print one JSON object at the end."""

    @model_validator(mode="after")
    def _sensible(self) -> Self:
        for name, least in {
            "trials": 0,
            "search_seed": 0,
            "seeds": 1,
            "workers": 1,
            "epochs": 1,
            "max_concurrent": 1,
        }.items():
            value = getattr(self, name)
            if value is not None and value < least:
                raise ValueError(f"--{name.replace('_', '-')} {value}: expected a whole number of at least {least}")
        if not 0 <= self.max_bad_share <= 1:
            raise ValueError(f"--max-bad-share {self.max_bad_share}: expected a share between 0 and 1")
        if self.executor == "local" and self.workers > 1:
            raise ValueError(f"--workers {self.workers}: several workers need --executor tune")
        parse_objectives(self.objectives)
        return self


class FusionSweepOptions(ImageSweepOptions):
    """The flags of a sweep over fusions. The same flags again go on with the same sweep."""

    trials: int = 20
    """Settings that Optuna tries beside the published fusions; each is run with every seed."""
    fusions: Annotated[tuple[str, ...], Parameter(name="--fusion", negative=())] = ()
    """Search this fusion; repeatable. Default: all that can be trained and suit the data."""
    frozen: Annotated[bool, Parameter(negative=())] = False
    """Train fusions on cached features of a frozen image-only model, which is trained first, once a seed. The flags on
    training are that model's; a fusion has the recipe `frozen`."""
    backbone: str | None = None
    """A timm model name, or one of `fieldmark models list`; default: test_resnet at smoke, resnet50 at paper scale."""
    resolution: int | None = None
    """Side of the square pictures, in pixels; default: 64 at smoke, 224 at paper scale."""

    @model_validator(mode="after")
    def _frozen_runs_are_short(self) -> Self:
        if self.frozen and self.scheduler == "asha":
            raise ValueError(
                "--scheduler asha: a fusion on frozen features trains in seconds; there is nothing to stop"
            )
        if self.frozen and self.workers > 1:
            raise ValueError(f"--workers {self.workers}: a fusion on frozen features is trained by one worker")
        return self


class ResolutionSweepOptions(ImageSweepOptions):
    """The flags of a sweep over resolutions. The same flags again go on with the same sweep."""

    fusion: str | None = None
    """The fusion of every model; default: dynamic_mlp_c, as in Table S1, or image_only where the data lack both."""
    fusion_settings: Annotated[tuple[str, ...], Parameter(name="--set", negative=())] = ()
    """A setting of the fusion, e.g. --set d=128; repeatable. Default at smoke scale: d=32, h=8 where it has them."""
    backbones: Annotated[tuple[str, ...], Parameter(name="--backbone", negative=())] = ()
    """Search this backbone; repeatable. Default: test_resnet and test_efficientnet at smoke scale."""


def parse_objectives(text: str) -> tuple[ObjectiveName, ...]:
    """Returns the objectives written as ``accuracy[,parameters][,multiply_adds]``.

    Raises:
        UserError: for an unknown or repeated one, or another than accuracy first.
    """
    names = tuple(name.strip() for name in text.split(","))
    known = get_args(ObjectiveName)
    if names[0] != "accuracy" or len(set(names)) < len(names) or not set(names) <= set(known):
        raise UserError(f"--objectives {text!r}: expected accuracy, and after it parameters, multiply_adds, or both")
    return cast(tuple[ObjectiveName, ...], names)


def image_sweep_options(kind: type[OwnOptions], **flags: object) -> OwnOptions:
    """Returns the options of these flags.

    Raises:
        UserError: naming the flag that is unknown or has a bad value.
    """
    try:
        return kind.model_validate(flags)
    except ValidationError as error:
        raise UserError(describe_invalid(error)) from None

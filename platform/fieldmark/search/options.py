"""What a person can ask of a sweep: one field a flag."""

from typing import Annotated, Literal, Self

from cyclopts import Parameter
from pydantic import Field, ValidationError, model_validator

from fieldmark.config import RateRule, ScaleName
from fieldmark.errors import UserError
from fieldmark.machine import default_store
from fieldmark.search.budget.options import BudgetOptions
from fieldmark.search.objective import Objective

SamplerName = Literal["tpe", "random", "gp", "nsgaii"]
Dimension = Literal["dropout", "width", "depth", "decay", "encoding"]


class SweepOptions(BudgetOptions):
    """The flags of a sweep. The same flags again go on with the same sweep."""

    data: str = "world"
    """The data set: world[:key=value,...], occurrences:FILE, inat2021mini:DIR, yfcc_inat2017:FILE, ..."""
    trials: int = 8
    """Settings that Optuna tries beside the published rows."""
    seeds: int = 3
    """Seeds of every published row, and fresh ones for the best setting found."""
    scale: ScaleName | None = None
    """smoke (a demonstration; default on the world) or paper (rows as published; default on real data)."""
    rate: RateRule = "scaled"
    """With smoke: divide Adam's rate by the root of the batch's factor (scaled), or leave it as published."""
    store: str = Field(default_factory=default_store)
    """Results store: a folder, s3://, gs:// or az://; default: $FIELDMARK_STORE, else runs."""
    address: str | None = None
    """Ray cluster to join; default: RAY_ADDRESS, or a cluster started on this machine, or a new local one."""
    executor: Literal["tune", "local"] = "tune"
    """Where trials run: Ray Tune, or this process (for debugging)."""
    loss: Literal["exact", "sampled"] = "exact"
    """All categories in every step, or an unbiased estimate from some of them."""
    image_scores: str | None = None
    """Image-only scores of the data set's records (.npz, .npy or Parquet); default: a small classifier is trained."""
    image_resolution: int | None = None
    """Side of the pictures that --image-scores were made from, in pixels: on the world the bound sees as much."""
    scheduler: Literal["none", "asha"] = "none"
    """asha stops Optuna's poor trials early; published rows are never stopped."""
    sampler: SamplerName = "tpe"
    """Optuna's sampler."""
    protocol: str | None = None
    """Split protocol and seed, e.g. coordinate:0; default: the data set's own."""
    objective: str | None = None
    """SCORE:METRIC on tune; default product_raw:top1 with images, prior_calibrated:log_loss without."""
    vary: tuple[Dimension, ...] = ()
    """What to search beside batch, rate and sampler."""
    search_seed: int = 0
    """Seed of Optuna's sampler."""
    max_bad_share: float = 0.2
    """Stop before training when a larger share of the records is bad."""
    max_concurrent: int | None = None
    """Trials at a time, one CPU each; default: one a CPU."""
    confirm_exact: Annotated[bool, Parameter(negative=("--no-confirm-exact",))] = True
    """With --loss sampled: run the best setting once more with the exact loss."""
    takeover: Annotated[bool, Parameter(negative=())] = False
    """Take the sweep over from a driver that is thought to be gone."""
    dry_run: Annotated[bool, Parameter(negative=())] = False
    """Say what would run, and what it would cost; run nothing."""
    json_output: Annotated[bool, Parameter(name="--json", negative=())] = False
    """Print one JSON object at the end."""

    @model_validator(mode="after")
    def _sensible(self) -> Self:
        _at_least("--trials", self.trials, 0)
        _at_least("--seeds", self.seeds, 1)
        _at_least("--search-seed", self.search_seed, 0)
        if self.image_resolution is not None:
            _at_least("--image-resolution", self.image_resolution, 16)
            if self.image_scores is None:
                raise ValueError("--image-resolution: it belongs to --image-scores, which are not given")
        if self.max_concurrent is not None:
            _at_least("--max-concurrent", self.max_concurrent, 1)
        if not 0 <= self.max_bad_share <= 1:
            raise ValueError(f"--max-bad-share {self.max_bad_share}: expected a share between 0 and 1")
        if self.objective is not None:
            Objective.parse(self.objective)
        return self


def sweep_options(**flags: object) -> SweepOptions:
    """Returns the options of these flags.

    Raises:
        UserError: naming the flag that is unknown or has a bad value.
    """
    try:
        return SweepOptions.model_validate(flags)
    except ValidationError as error:
        raise UserError(describe_invalid(error)) from None


def describe_invalid(error: ValidationError) -> str:
    """Returns one line that names the first bad flag."""
    first = error.errors()[0]
    if not first["loc"]:
        return str(first["msg"]).removeprefix("Value error, ")
    flag = str(first["loc"][0]).replace("_", "-").removesuffix("-output")
    return f"--{flag} {first.get('input')!r}: {first['msg']}"


def _at_least(flag: str, value: int, least: int) -> None:
    if value < least:
        raise ValueError(f"{flag} {value}: expected a whole number of at least {least}")

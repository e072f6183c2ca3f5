"""What a person can ask of a training: one field a flag."""

import re
from typing import Annotated, Literal, Self

from cyclopts import Parameter
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from fieldmark.config import ScaleName
from fieldmark.config.quantities import parse_duration
from fieldmark.errors import UserError
from fieldmark.machine import default_store
from fieldmark.search.budget.options import HANG_AFTER
from fieldmark.search.options import describe_invalid

RecipeName = Literal["paper_cnn", "released_log", "transformer", "geonet", "smoke", "frozen"]
Precision = Literal["float64", "float32", "bfloat16", "float16"]


class TrainOptions(BaseModel):
    """The flags of a training. The same flags again go on with the same run."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    data: str = "world"
    """The data set: world[:key=value,...], folder:DIR, table:FILE:IMAGE_ROOT, inat2018:DIR, ..."""
    backbone: str | None = None
    """A timm model name, or one of `fieldmark models list`; default: test_resnet at smoke, resnet50 at paper scale."""
    fusion: str | None = None
    """How place and date come in; default dynamic_mlp_c, or image_only where the data have neither."""
    fusion_settings: Annotated[tuple[str, ...], Parameter(name="--set", negative=())] = ()
    """A setting of the fusion, e.g. --set d=128; repeatable."""
    recipe: RecipeName | None = None
    """How it is trained; default: smoke at smoke scale, paper_cnn at paper scale, frozen with --frozen."""
    changes: Annotated[tuple[str, ...], Parameter(name="--change", negative=())] = ()
    """Any other field of the configuration, e.g. --change mixup=0; repeatable."""
    resolution: int | None = None
    """Side of the square pictures, in pixels; default: 64 at smoke, 224 at paper scale."""
    epochs: int | None = None
    """Default: the recipe's."""
    batch: int | None = None
    """Global batch, in pictures, over all workers; default: the recipe's."""
    bn_batch: int | None = None
    """Pictures whose batch-norm statistics and mixup draws belong together; a worker takes whole groups."""
    lr: float | None = None
    """Peak learning rate; default: the recipe's."""
    precision: Precision | None = None
    """Of the forward and backward pass; default: the recipe's."""
    workers: str = "1"
    """How many Ray Train workers: N, or MIN..MAX for as many as there is room for. 1 trains in this process."""
    seed: int = 0
    """Seed of everything random."""
    weights: str = "none"
    """What the backbone starts from: none, timm (its default pretrained weights), or timm:NAME.TAG."""
    weights_file: str | None = None
    """A local file of weights that the backbone starts from instead."""
    start_from: str | None = None
    """The id of a trained image-only run that the model starts from."""
    frozen: Annotated[bool, Parameter(negative=())] = False
    """Train the fusion alone, on cached features of a trained image-only model: the run named by --start-from, or one
    that is trained first, by the default recipe with the same --epochs, --batch and --bn-batch."""
    frozen_views: int = 4
    """With --frozen: augmented views of every training picture whose features are cached."""
    extensions: Annotated[tuple[str, ...], Parameter(name="--import", negative=())] = ()
    """A Python file that registers a fusion of your own; repeatable. Its text travels to the workers."""
    same_numbers: Annotated[bool, Parameter(negative=())] = False
    """Say that the --import file, though changed since the run began, still gives the same numbers."""
    scale: ScaleName | None = None
    """smoke (a demonstration; default on the world and below 20,000 training pictures) or paper (as published)."""
    protocol: str | None = None
    """Split protocol and seed, e.g. official:0; default: the data set's own."""
    store: str = Field(default_factory=default_store)
    """Results store: a folder, s3://, gs:// or az://; default: $FIELDMARK_STORE, else runs."""
    address: str | None = None
    """Ray cluster to join; default: RAY_ADDRESS, or a cluster started on this machine, or a new local one."""
    cache: str | None = None
    """Folder for packed pictures; default: the user's cache."""
    pack: Annotated[bool, Parameter(negative=("--no-pack",))] = True
    """Resize the pictures once into a packed set that every worker of a node maps."""
    loader_processes: int | None = None
    """Processes a worker that prepare pictures; default: none on a CPU, as many as it has cores beside a GPU."""
    compile: Annotated[bool, Parameter(negative=())] = False
    """Compile the model by torch.compile."""
    threads: int | None = None
    """Threads (and CPUs) a worker; default 1, beside GPUs all there are. Another number changes the last digits."""
    max_bad_share: float = 0.2
    """Stop before training when a larger share of the records or pictures is bad."""
    reference: Annotated[bool | None, Parameter(negative=("--no-reference",))] = None
    """Train the same backbone on pictures alone, too, to compare with; default: at smoke scale only."""
    keep_weights: Annotated[bool, Parameter(negative=("--no-keep-weights",))] = True
    """Keep the trained weights in the store."""
    max_failures: int = 3
    """How often training starts again from its last checkpoint after a worker or node has died."""
    hang_after: str = HANG_AFTER
    """With several workers: without a sign of life for so long they are ended, and training goes on from its
    checkpoint: 30m, 2h."""
    takeover: Annotated[bool, Parameter(negative=())] = False
    """Take the run over from a driver that is thought to be gone."""
    dry_run: Annotated[bool, Parameter(negative=())] = False
    """Say what would run, and what it would cost; run nothing."""
    json_output: Annotated[bool, Parameter(name="--json", negative=())] = False
    """Print one JSON object at the end."""

    @model_validator(mode="after")
    def _sensible(self) -> Self:
        least = {"seed": 0, "max_failures": 0, "loader_processes": 0}
        least |= dict.fromkeys(("resolution", "epochs", "batch", "bn_batch", "threads", "frozen_views"), 1)
        for name, smallest in least.items():
            value = getattr(self, name)
            if value is not None and value < smallest:
                flag = f"--{name.replace('_', '-')}"
                raise ValueError(f"{flag} {value}: expected a whole number of at least {smallest}")
        if not 0 <= self.max_bad_share <= 1:
            raise ValueError(f"--max-bad-share {self.max_bad_share}: expected a share between 0 and 1")
        if self.lr is not None and not 0 < self.lr < float("inf"):
            raise ValueError(f"--lr {self.lr}: expected a rate above 0")
        if not re.fullmatch(r"none|timm|timm:[^.]+(\..+)?", self.weights):
            raise ValueError(f"--weights {self.weights}: expected none, timm, or timm:NAME.TAG")
        if self.weights_file is not None and self.weights != "none":
            raise ValueError("--weights-file: the backbone starts from a file or from --weights timm, not from both")
        if parse_workers(self.workers) != (1, 1) and self.frozen:
            raise ValueError(
                f"--workers {self.workers}: a fusion on cached features is trained in one process; train the "
                "image-only model by itself with --workers, then name it with --start-from"
            )
        parse_duration(self.hang_after, "--hang-after")
        return self

    @property
    def hang_seconds(self) -> float:
        """Seconds without a sign of life after which the workers count as hung."""
        return parse_duration(self.hang_after, "--hang-after")


def train_options(**flags: object) -> TrainOptions:
    """Returns the options of these flags.

    Raises:
        UserError: naming the flag that is unknown or has a bad value.
    """
    try:
        return TrainOptions.model_validate(flags)
    except ValidationError as error:
        raise UserError(describe_invalid(error)) from None


def parse_workers(text: str) -> tuple[int, int]:
    """Returns the least and the most workers of e.g. ``2`` or ``2..8``.

    Raises:
        UserError: for anything else.
    """
    found = re.fullmatch(r"(\d+)(?:\.\.(\d+))?", text.strip())
    least, most = (int(found[1]), int(found[2] or found[1])) if found else (0, 0)
    if not 1 <= least <= most:
        raise UserError(f"--workers {text}: expected a number of workers such as 2, or a range such as 2..8")
    return least, most


def parse_pairs(flag: str, texts: tuple[str, ...]) -> dict[str, str]:
    """Returns the values of repeated ``KEY=VALUE`` by key.

    Raises:
        UserError: for what is not such a pair, and for a key that is given twice.
    """
    found: dict[str, str] = {}
    for text in texts:
        key, equals, value = (part.strip() for part in text.partition("="))
        if not key or not equals:
            raise UserError(f"{flag} {text}: expected KEY=VALUE")
        if key in found:
            raise UserError(f"{flag} {text}: {key} is given twice")
        found[key] = value
    return found

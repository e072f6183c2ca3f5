"""What a person can ask of a reproduction: one field a flag."""

import shlex
from typing import Annotated, Literal, Self

from cyclopts import Parameter
from pydantic import Field, ValidationError, model_validator

from fieldmark.config import ScaleName
from fieldmark.errors import UserError
from fieldmark.machine import default_store
from fieldmark.search.budget.options import BudgetOptions
from fieldmark.search.options import describe_invalid

TABLES = ("S1", "S2", "S3", "S4", "S5", "S6")
FIGURES = ("figS1", "figS2", "figS3", "figS4")
EVERYTHING = "all"
SUBJECTS = (*TABLES, *FIGURES, EVERYTHING)


class ReproduceOptions(BudgetOptions):
    """The flags of a reproduction. The same flags again do only what is missing."""

    what: Annotated[tuple[str, ...], Parameter(parse=False)] = (EVERYTHING,)
    """Tables S1 to S6, figures figS1 to figS4, or all."""
    scale: ScaleName = "smoke"
    """smoke (stand-ins on the embedded world, minutes on a laptop) or paper (the full recipes on the real data)."""
    rows: str | None = None
    """Only these rows, e.g. 1-4,7 for one table, or 'S3:1-4 S6:2:iNat2018'."""
    seeds: int | None = None
    """Seeds of the rows that are asked for; default 5, of Table S1 (trained whole) 2, or what was planned before."""
    workers: int = 1
    """Ray Train workers of every run that is trained whole. Changes no number."""
    data: Annotated[tuple[str, ...], Parameter(negative=())] = ()
    """NAME=SPEC, where a published data set lies, e.g. --data iNat2018=inat2018:DIR; repeatable."""
    store: str = Field(default_factory=default_store)
    """Results store: a folder, s3://, gs:// or az://; default: $FIELDMARK_STORE, else runs."""
    out: str = "reports/reproduce"
    """Folder of the pages and figures."""
    address: str | None = None
    """Ray cluster to join; default: RAY_ADDRESS, or a cluster started on this machine, or a new local one."""
    executor: Literal["tune", "local"] = "tune"
    """Where runs run: Ray Tune, or this process (for debugging)."""
    max_concurrent: int | None = None
    """Runs at a time, one CPU each; default: one a CPU."""
    cache: str | None = None
    """Folder for packed pictures; default: the user's cache."""
    probabilities_budget: int | None = None
    """Bytes that kept probabilities may take in the store; default: what the ensembles that are asked for need."""
    max_bad_share: float = 0.2
    """Stop before training when a larger share of the records or pictures is bad."""
    takeover: Annotated[bool, Parameter(negative=())] = False
    """Take the reproduction over from a driver that is thought to be gone."""
    dry_run: Annotated[bool, Parameter(negative=())] = False
    """Say what would run, and what it would cost; run nothing."""
    json_output: Annotated[bool, Parameter(name="--json", negative=())] = False
    """Print one JSON object at the end."""

    @model_validator(mode="after")
    def _sensible(self) -> Self:
        for name in self.what:
            if name not in SUBJECTS:
                raise ValueError(f"{name}: expected {', '.join(SUBJECTS[:-1])} or {EVERYTHING}")
        for name in ("seeds", "workers", "max_concurrent", "probabilities_budget"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise ValueError(f"--{name.replace('_', '-')} {value}: expected a whole number of at least 1")
        if not 0 <= self.max_bad_share <= 1:
            raise ValueError(f"--max-bad-share {self.max_bad_share}: expected a share between 0 and 1")
        if self.rows is not None and not (self.tables and self.rows.strip()):
            raise ValueError("--rows: name the tables whose rows are meant, and the rows, e.g. S3 --rows 1-4")
        return self

    @property
    def tables(self) -> tuple[str, ...]:
        """The tables that are asked for, in order."""
        return tuple(name for name in TABLES if name in self.what or EVERYTHING in self.what)

    @property
    def figures(self) -> tuple[str, ...]:
        """The figures that are asked for, in order."""
        return tuple(name for name in FIGURES if name in self.what or EVERYTHING in self.what)


def usual_seeds(table: str) -> int:
    """Returns how many seeds a table's rows get where nobody says otherwise; Table S1's are trained whole."""
    return 2 if table == "S1" else 5


def with_subjects(options: ReproduceOptions, what: tuple[str, ...]) -> ReproduceOptions:
    """Returns the options with the tables and figures that are asked for.

    Raises:
        UserError: for one that there is not.
    """
    if not what:
        raise UserError(f"reproduce what? Name some of {', '.join(SUBJECTS[:-1])}, or {EVERYTHING}")
    known = {name.lower(): name for name in SUBJECTS}
    try:
        named = tuple(known.get(name.lower(), name) for name in what)
        return ReproduceOptions.model_validate({**options.model_dump(), "what": named})
    except ValidationError as error:
        raise UserError(describe_invalid(error)) from None


def whole_command(options: ReproduceOptions) -> str:
    """Returns the command that measures everything on the same data, whatever part of it was asked for."""
    defaults = ReproduceOptions()
    words = ["fieldmark", "reproduce", EVERYTHING, "--scale", options.scale]
    words += [word for data in options.data for word in ("--data", data)]
    for name in ("store", "out", "address", "cache"):
        value = getattr(options, name)
        if value != getattr(defaults, name):
            words += [f"--{name}", value]
    return shlex.join(words)

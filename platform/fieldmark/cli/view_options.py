"""The flags of `fieldmark evaluate`: which views, which parts, what is kept and what is told."""

import re
from typing import Annotated, Literal

from cyclopts import Parameter
from pydantic import BaseModel, ConfigDict, Field

from fieldmark.config import View
from fieldmark.config.view import HELP
from fieldmark.errors import UserError
from fieldmark.evaluation.limits import BUDGET, HEAD
from fieldmark.machine import default_store

LEAST = 16
"""Pixels of the smallest picture that a classifier is trained at."""


class EvaluateOptions(BaseModel):
    """What is evaluated, and what is told of it."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    data: str | None = None
    """Where the run's data set is now; default: where it was."""
    view: Annotated[tuple[str, ...], Parameter(negative=())] = ()
    """How the pictures are shown, e.g. center:256+288+320, ten:224, twelve or 'center:224 place'; repeatable. A view is
    given whole, so --resolution, --sizes, --crops and --fields cannot stand beside it."""
    resolution: int | None = None
    """Side of the pictures, in pixels; default: the run's. The same as --sizes with one size."""
    sizes: str | None = None
    """Sides over which probabilities are averaged, e.g. 256,288,320."""
    crops: Literal["center", "ten", "twelve"] | None = None
    """Crops over which probabilities are averaged; default: the centre alone."""
    fields: Literal["place", "date", "none"] | None = None
    """Of place and date, tell the model this alone; default: what it was trained on."""
    split: Literal["tune", "test", "both"] = "test"
    """tune, test or both."""
    keep_probabilities: Annotated[bool, Parameter(negative=())] = False
    """Keep all probabilities in the store, for ensembles."""
    probabilities_budget: int = BUDGET
    """Bytes that all kept probabilities of the store may take."""
    details: Annotated[bool, Parameter(negative=())] = False
    """Tell the accuracy by category, of head and tail, and with --against which pictures were turned right or wrong."""
    head: int = HEAD
    """Training pictures from which a category is head, the others being tail (Cui et al. 2018: 100)."""
    against: str | None = None
    """The id of an image-only run of the same data, evaluated in the same view, to compare with."""
    store: str = Field(default_factory=default_store)
    """Results store: a folder, s3://, gs:// or az://; default: $FIELDMARK_STORE, else runs."""
    device: str = "auto"
    """cpu, cuda, cuda:1, ...; auto takes a GPU where there is one."""
    extensions: Annotated[tuple[str, ...], Parameter(name="--import", negative=())] = ()
    """A Python file that registers a fusion or backbone; repeatable."""
    json_output: Annotated[bool, Parameter(name="--json", negative=())] = False
    """Print JSON for scripts."""

    def views(self) -> list[View]:
        """Returns the views that are asked for; the run's own where none is.

        Raises:
            UserError: naming the flag that is not as expected.
        """
        parts = [name for name in ("resolution", "sizes", "crops", "fields") if getattr(self, name) is not None]
        if self.view and parts:
            flags = ", ".join(f"--{name}" for name in parts)
            raise UserError(f"--view and {flags}: give a view whole or by its parts; {HELP}")
        if self.view:
            return [View.parse(text) for text in self.view]
        return [View(sizes=self._sizes(), crops=self.crops or "center", fields=self.fields or "as_trained")]

    def _sizes(self) -> tuple[int, ...]:
        flag, text = "--sizes", self.sizes
        if self.resolution is not None:
            if self.sizes is not None:
                raise UserError("--resolution and --sizes: give one of them")
            flag, text = "--resolution", str(self.resolution)
        if text is None:
            return ()
        if not re.fullmatch(r"\d+( *, *\d+)*", text.strip()):
            raise UserError(f"{flag} {text}: expected sides in pixels, such as 256,288,320")
        sizes = tuple(sorted({int(size) for size in text.split(",")}))
        if sizes[0] < LEAST:
            raise UserError(f"{flag} {text}: expected at least {LEAST} pixels")
        return sizes

"""How a trained classifier is shown its pictures when it is evaluated: sizes, crops and fields."""

import re
from typing import Literal, Self

from pydantic import model_validator

from fieldmark.config.base import Configuration
from fieldmark.errors import UserError

Crops = Literal["center", "ten", "twelve"]
Fields = Literal["as_trained", "place", "date", "none"]

_FORM = re.compile(r"(center|ten|twelve)?(?::(\d+(?:\+\d+)*))?(?: (place|date|none))?")
HELP = "expected CROPS[:SIZE[+SIZE...]][ FIELDS], e.g. center:256+288+320, ten:224, twelve or 'center:224 place'"


class View(Configuration):
    """A way to look; the default is the run's own centre crop with everything it was trained on.

    Scores of several crops and sizes are averaged as probabilities (the papers name no space; SPEC 5.4 and 6.3).
    """

    sizes: tuple[int, ...] = ()
    """Sides of the square input, in pixels, ascending; empty: the training resolution."""
    crops: Crops = "center"
    """`center`; `ten`: corners and centre, and all mirrored (Krizhevsky et al. 2012); `twelve`: those and the whole
    picture squeezed into the square, mirrored, too (SPEC 6.3, the layout is assumed)."""
    fields: Fields = "as_trained"
    """What the model is told of place and date, the rest being withheld as if it were missing."""

    @model_validator(mode="after")
    def _ascending(self) -> Self:
        if any(size < 16 for size in self.sizes) or list(self.sizes) != sorted(set(self.sizes)):
            raise ValueError(f"sizes {self.sizes}: expected different sides of at least 16 pixels, ascending")
        return self

    @property
    def text(self) -> str:
        """As stored and as typed; empty for the default."""
        sizes = f":{'+'.join(map(str, self.sizes))}" if self.sizes else ""
        crops = self.crops if self.crops != "center" or sizes else ""
        fields = "" if self.fields == "as_trained" else f" {self.fields}"
        return f"{crops}{sizes}{fields}"

    @classmethod
    def parse(cls, text: str, *, resolution: int | None = None) -> Self:
        """Returns the view that is written so.

        Args:
            text: as `text` gives it; sizes in any order.
            resolution: the run's own, which as the only size says nothing and is left out.

        Raises:
            UserError: for anything else.
        """
        found = _FORM.fullmatch(text if text.startswith(" ") else text.strip())
        if found is None:
            raise UserError(f"--view {text!r}: {HELP}")
        sizes = tuple(sorted({int(size) for size in (found[2] or "").split("+") if size}))
        try:
            return cls.model_validate(
                {
                    "sizes": () if sizes == (resolution,) else sizes,
                    "crops": found[1] or "center",
                    "fields": found[3] or "as_trained",
                }
            )
        except ValueError:
            raise UserError(f"--view {text!r}: sizes of at least 16 pixels; {HELP}") from None

    def sizes_of(self, resolution: int) -> tuple[int, ...]:
        """Returns the sides at which a run of this resolution is shown pictures."""
        return self.sizes or (resolution,)

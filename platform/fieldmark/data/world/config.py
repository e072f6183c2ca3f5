"""What a world is made from, and how it is written on a command line."""

from typing import Any, ClassVar, Literal, Self

from pydantic import Field, ValidationError, model_validator

from fieldmark.config import Configuration
from fieldmark.errors import UserError

LONGTAIL_EXPONENT = 1.0


class WorldConfig(Configuration):
    """Every choice that can change a world; the defaults are the balanced `mini` (as iNat2021-mini)."""

    numerics_version: ClassVar[int] = 1

    species: int = Field(60, ge=2, le=20_000)
    """Number of categories."""
    group_size: int = Field(3, ge=1, le=12)
    """Species in a group of look-alikes; the last group takes what is left."""
    tail: float = Field(0.0, ge=0, le=3)
    """Exponent of the training counts' power law over ranks; 0 is balanced. Tune and test are always balanced."""
    per_category: int = Field(50, ge=1)
    """Training records a category (their mean, where there is a tail)."""
    val_per_category: int = Field(10, ge=1)
    """Records a category of the given split `val`, which becomes tune."""
    test_per_category: int = Field(45, ge=1)
    """Test records a category."""
    full: int = Field(5, ge=1, le=100)
    """The superset holds this many times the training records."""
    mark_resolution: int = Field(64, ge=16)
    """Pixels from which the coarse marks are visible; fine marks need half as many again, some groups have none."""
    missing_place: float = Field(0.05, ge=0, lt=1)
    """Share of records without coordinates; their observer is withheld too."""
    missing_date: float = Field(0.05, ge=0, lt=1)
    """Share of records without a date."""
    styles: int = Field(3, ge=1, le=4)
    """Kinds of picture: photo, dusk, watercolour, specimen (the first so many)."""
    observers: int = Field(200, ge=1)
    """People, each with a home; who sees a record depends on its place alone."""
    seed: int = Field(0, ge=0)
    """Everything is deterministic in it."""

    @property
    def variant(self) -> Literal["mini", "longtail"]:
        """`mini` is balanced, `longtail` is not."""
        return "longtail" if self.tail > 0 else "mini"

    @property
    def groups(self) -> int:
        """Number of groups of look-alikes."""
        return -(-self.species // self.group_size)

    @model_validator(mode="after")
    def _more_than_one_group_or_species(self) -> Self:
        if self.group_size > self.species:
            raise ValueError("group_size cannot exceed species")
        return self


def parse_world(spec: str) -> WorldConfig:
    """Returns the configuration written as ``world[:key=value,...]``.

    ``variant=longtail`` is short for ``tail=1``; ``variant=mini`` for ``tail=0``.

    Raises:
        UserError: for an unknown key or a value out of range, listing the keys.
    """
    kind, _, rest = spec.partition(":")
    if kind != "world":
        raise UserError(f"{spec!r}: a world is written world[:key=value,...]")
    values: dict[str, Any] = {}
    for item in filter(None, rest.split(",")):
        key, equals, value = (part.strip() for part in item.partition("="))
        if not equals or key not in {*WorldConfig.model_fields, "variant"}:
            raise _refused(spec, f"{key!r} is not a key" if equals else f"{item!r} is not key=value")
        if key in values:
            raise _refused(spec, f"{key!r} is given twice")
        values[key] = value
    _expand_variant(spec, values)
    try:
        return WorldConfig.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "world"
        raise _refused(spec, f"{where}={values.get(where, '')}: {first['msg']}") from None


def _expand_variant(spec: str, values: dict[str, Any]) -> None:
    """Replaces the shorthand `variant` by the tail that it stands for."""
    variant = values.pop("variant", None)
    if variant is None:
        return
    if variant not in ("mini", "longtail"):
        raise _refused(spec, f"variant={variant}: expected mini or longtail")
    if variant == "longtail":
        values.setdefault("tail", LONGTAIL_EXPONENT)
    elif "tail" in values:
        raise _refused(spec, "variant=mini is balanced and takes no tail")


def _refused(spec: str, reason: str) -> UserError:
    keys = ", ".join([*WorldConfig.model_fields, "variant"])
    return UserError(f"{spec}: {reason}; the keys are {keys}")

"""Flags: what is refused, and how it is said."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fieldmark.config.quantities import parse_duration
from fieldmark.errors import UserError
from fieldmark.search.options import sweep_options


@pytest.mark.parametrize(
    ("flags", "named"),
    [
        ({"trials": -1}, "--trials"),
        ({"seeds": 0}, "--seeds"),
        ({"trials": "many"}, "--trials"),
        ({"loss": "hinge"}, "--loss"),
        ({"scale": "huge"}, "--scale"),
        ({"executor": "slurm"}, "--executor"),
        ({"sampler": "oracle"}, "--sampler"),
        ({"scheduler": "hyperband"}, "--scheduler"),
        ({"budget": "soon"}, "--budget"),
        ({"budget": "0"}, "--budget"),
        ({"objective": "joint:top1"}, "--objective"),
        ({"objective": "prior_raw"}, "--objective"),
        ({"max_concurrent": 0}, "--max-concurrent"),
        ({"max_bad_share": 1.5}, "--max-bad-share"),
        ({"vary": ("colour",)}, "--vary"),
        ({"colour": "red"}, "--colour"),
    ],
)
def test_a_bad_flag_is_named_in_one_line(flags: dict[str, object], named: str) -> None:
    with pytest.raises(UserError, match=named) as error:
        sweep_options(**flags)
    assert "\n" not in str(error.value)


@given(st.integers(1, 10_000), st.sampled_from([("", 1), ("s", 1), ("m", 60), ("h", 3600), ("d", 86400)]))
def test_a_budget_has_a_unit(count: int, unit: tuple[str, int]) -> None:
    assert parse_duration(f"{count}{unit[0]}") == count * unit[1]

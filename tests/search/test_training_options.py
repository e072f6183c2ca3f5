"""What a person types, and the one line that refuses it."""

import pytest

from fieldmark.errors import UserError
from fieldmark.search.training.options import parse_pairs, parse_workers, train_options


@pytest.mark.parametrize(("text", "found"), [("1", (1, 1)), ("2", (2, 2)), ("2..8", (2, 8)), (" 3 ", (3, 3))])
def test_a_number_of_workers_or_a_range(text, found):
    assert parse_workers(text) == found


@pytest.mark.parametrize("text", ["0", "-1", "8..2", "two", "2.5", "0..4", ""])
def test_other_numbers_of_workers_are_refused(text):
    with pytest.raises(UserError, match="--workers"):
        train_options(workers=text)


@pytest.mark.parametrize(
    ("flags", "named"),
    [
        ({"recipe": "best"}, "--recipe"),
        ({"epochs": 0}, "--epochs 0"),
        ({"batch": -1}, "--batch -1"),
        ({"bn_batch": 0}, "--bn-batch 0"),
        ({"lr": 0.0}, "--lr"),
        ({"seed": -1}, "--seed -1"),
        ({"max_bad_share": 1.5}, "--max-bad-share"),
        ({"max_failures": -1}, "--max-failures"),
        ({"precision": "int8"}, "--precision"),
        ({"weights": "timm", "weights_file": "w.pt"}, "--weights-file"),
        ({"no_such_flag": 1}, "no-such-flag"),
    ],
)
def test_a_bad_value_is_one_line_that_names_the_flag(flags, named):
    with pytest.raises(UserError) as refused:
        train_options(**flags)
    assert named in str(refused.value) and "\n" not in str(refused.value)


def test_pairs():
    assert parse_pairs("--set", ("d=128", "widths=256-128", "a = b=c")) == {"d": "128", "widths": "256-128", "a": "b=c"}
    for bad in (("d",), ("=3",), ("d=1", "d=2")):
        with pytest.raises(UserError, match="--set"):
            parse_pairs("--set", bad)

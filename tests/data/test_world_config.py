import pytest

from fieldmark.data.world.config import WorldConfig, parse_world
from fieldmark.errors import UserError


def test_defaults_are_the_balanced_mini() -> None:
    config = parse_world("world")
    assert config == WorldConfig() == parse_world("world:") == parse_world("world:variant=mini")
    assert config.variant == "mini" and config.groups == 20


def test_every_key_can_be_written() -> None:
    values = WorldConfig(species=40, tail=0.5, seed=7, missing_date=0.2).model_dump()
    text = ",".join(f"{key}={value}" for key, value in values.items())
    assert parse_world(f"world:{text}").model_dump() == values


def test_longtail_is_a_tail() -> None:
    assert parse_world("world:variant=longtail") == parse_world("world:tail=1")
    assert parse_world("world:variant=longtail,tail=1.5").tail == 1.5
    assert parse_world("world:tail=0.5").variant == "longtail"


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("world:planets=3", "'planets' is not a key"),
        ("world:species", "'species' is not key=value"),
        ("world:species=many", "species=many"),
        ("world:species=1", "species=1"),
        ("world:missing_place=1.5", "missing_place=1.5"),
        ("world:tail=nan", "tail=nan"),
        ("world:seed=1,seed=2", "given twice"),
        ("world:species=4,group_size=5", "group_size cannot exceed species"),
        ("world:variant=huge", "expected mini or longtail"),
        ("world:variant=mini,tail=1", "takes no tail"),
    ],
)
def test_a_mistake_names_itself_and_the_keys(text: str, part: str) -> None:
    with pytest.raises(UserError) as caught:
        parse_world(text)
    message = str(caught.value)
    assert part in message and "mark_resolution" in message and "\n" not in message


def test_another_kind_is_refused() -> None:
    with pytest.raises(UserError, match="world"):
        parse_world("planet:species=3")

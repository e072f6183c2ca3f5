"""A configuration's id depends on every choice and on nothing else."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from fieldmark.config import ClassFrequencyConfig, MethodConfig, PriorsNetConfig, RunSpec, canonical_json, digest

CONFIGS = st.builds(
    PriorsNetConfig,
    batch=st.integers(1, 8192),
    lr=st.floats(1e-6, 1.0),
    sampler=st.just("CB"),
    images_per_class=st.integers(1, 500),
    dropout=st.floats(0, 0.9),
    date=st.booleans(),
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
)


@given(CONFIGS)
def test_a_configuration_survives_json(config: PriorsNetConfig) -> None:
    again = TypeAdapter[PriorsNetConfig](MethodConfig).validate_json(config.model_dump_json())
    assert again == config and again.config_id == config.config_id


@given(CONFIGS, CONFIGS)
def test_ids_are_equal_exactly_when_configurations_are(a: PriorsNetConfig, b: PriorsNetConfig) -> None:
    assert (a.config_id == b.config_id) == (a == b)


@given(st.dictionaries(st.text(), JSON, max_size=5))
def test_canonical_json_ignores_the_order_of_keys(value: dict[str, object]) -> None:
    backwards = dict(reversed(list(value.items())))
    assert digest(value) == digest(backwards)
    assert json.loads(canonical_json(value)) == value


def test_every_part_of_a_run_changes_its_id(monkeypatch: pytest.MonkeyPatch) -> None:
    spec = RunSpec(config=PriorsNetConfig(), dataset="d", fingerprint="f", protocol="official:0", seed=0)
    changed = [
        spec.model_copy(update=update)
        for update in (
            {"config": PriorsNetConfig(batch=2048)},
            {"config": ClassFrequencyConfig()},
            {"fingerprint": "g"},
            {"protocol": "coordinate:0"},
            {"stages": {"image_scores": "s"}},
            {"seed": 1},
        )
    ]
    assert len({spec.run_id, *(other.run_id for other in changed)}) == len(changed) + 1
    assert spec.model_copy(update={"dataset": "another name for it"}).run_id == spec.run_id
    before = spec.run_id
    monkeypatch.setattr(PriorsNetConfig, "numerics_version", 99)
    assert spec.run_id != before


def test_unknown_keys_and_a_cap_without_its_sampler_are_refused() -> None:
    with pytest.raises(ValidationError, match="learning_rate"):
        PriorsNetConfig.model_validate({"learning_rate": 1.0})
    with pytest.raises(ValidationError, match="images_per_class"):
        PriorsNetConfig(sampler="IB")

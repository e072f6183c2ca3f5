"""Scale: published settings brought to the size of the data, by one stated factor (SCIENCE rules 11 and 16)."""

import math

from hypothesis import given
from hypothesis import strategies as st

from fieldmark.config import PriorsNetConfig, at_scale, choose_scale, effective


@given(st.integers(2_000, 500_000), st.floats(1, 1000))
def test_smoke_leaves_the_largest_published_batch_hundreds_of_updates(records: int, category_size: float) -> None:
    scale = choose_scale("smoke", train_records=records, category_size=category_size)
    largest = at_scale(PriorsNetConfig(batch=4096), scale)
    assert largest.epochs * records / largest.batch >= 300 or scale.k == 256
    assert scale.k == 1 or largest.epochs * records / (2 * largest.batch) < 300


def test_paper_scale_changes_nothing() -> None:
    assert at_scale(PriorsNetConfig(), choose_scale("paper", train_records=10, category_size=1)) == PriorsNetConfig()


def test_smoke_divides_batch_rate_and_cap_as_it_says() -> None:
    scale = choose_scale("smoke", train_records=3000, category_size=25)
    config = at_scale(PriorsNetConfig(batch=2048, lr=1e-3), scale)
    assert config.batch == 2048 // scale.k
    assert math.isclose(config.lr, 1e-3 / math.sqrt(scale.k))
    assert config.images_per_class == 50  # N/C 100 at 50 a category is twice the category size
    assert f"batch / {scale.k}" in scale.describe() and "never a test of a published number" in scale.describe()


def test_a_cap_that_never_binds_is_the_instance_balanced_sampler() -> None:
    capped, uncapped = PriorsNetConfig(images_per_class=50), PriorsNetConfig(sampler="IB", images_per_class=None)
    assert effective(capped, largest_category=50) == uncapped
    assert effective(capped, largest_category=51) == capped


def test_settings_of_the_sampled_loss_do_not_matter_to_the_exact_one() -> None:
    assert effective(PriorsNetConfig(sampled_categories=7), 1000) == PriorsNetConfig()
    sampled = PriorsNetConfig(loss="sampled", sampled_categories=7)
    assert effective(sampled, 1000) == sampled


def test_the_rate_may_stay_as_published() -> None:
    scale = choose_scale("smoke", train_records=3000, category_size=50, rate="published")
    assert at_scale(PriorsNetConfig(), scale).lr == PriorsNetConfig().lr
    assert "rate as published" in scale.describe()

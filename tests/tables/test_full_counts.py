"""The sizes of full models that tables show, against the authors' counts and against the models themselves."""

from fieldmark.models.describe import describe_classifier
from fieldmark.papers import measurements
from fieldmark.tables.counts import categories_as_printed, full_size
from fieldmark.testing.full_counts import wanted


def _size(table: str, row: int, dataset: str) -> int:
    one = next(one for one in measurements(table, "paper") if (one.row, one.dataset) == (row, dataset))
    assert one.full is not None
    size = full_size(one.full, categories_as_printed(one))
    assert size is not None
    return size.parameters


def test_the_oracles_counts() -> None:
    assert _size("S3", 4, "iNat2018") == 47_408_334
    assert _size("S6", 1, "iNat2018") == 63_014_735
    assert _size("S6", 4, "iNat2018") == 70_383_631


def test_every_model_beside_a_published_one_is_counted() -> None:
    assert [key for key, model in wanted().items() if full_size(*model) is None] == []


def test_a_stored_count_is_what_the_model_has_now() -> None:
    config, categories = next(model for key, model in wanted().items() if key.startswith("resnet50 224 px, attention"))
    described, stored = describe_classifier(config, categories), full_size(config, categories)
    assert stored == (described.parameters, described.multiply_adds)


def test_models_that_nobody_counted_have_no_size() -> None:
    config, categories = next(iter(wanted().values()))
    assert full_size(config, categories + 1) is None

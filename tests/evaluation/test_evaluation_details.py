"""Accuracy by category, of head and tail, and what was turned right and wrong."""

import numpy as np
import pyarrow as pa

from fieldmark.evaluation.details import details_of, help_and_harm
from fieldmark.store import Store
from fieldmark.testing.store import sample_evaluation, sample_run

NAMES = ("ant", "bee", "cat", "dog")
TRAINING = np.array([100, 99, 500, 3])


def predictions(**columns):
    return pa.table({"image_id": [f"i{k}" for k in range(6)], **columns})


def test_categories_come_worst_first_and_groups_by_training_images():
    table = predictions(true_category=pa.array([0, 0, 1, 1, 2, 2], pa.int32()), hit1=[1.0, 0.5, 0.0, 0.0, 1.0, 1.0])
    found = details_of(table, NAMES, TRAINING)
    assert [(one.category, one.n, one.top1, one.training_images) for one in found.categories] == [
        ("bee", 2, 0.0, 99),
        ("ant", 2, 0.75, 100),
        ("cat", 2, 1.0, 500),
    ]
    assert (found.head.categories, found.head.n, found.head.top1) == (2, 4, 0.875)
    assert (found.tail.categories, found.tail.n, found.tail.top1) == (1, 2, 0.0)
    without = details_of(table, NAMES, TRAINING, head_from=3)
    assert (without.tail.categories, without.tail.top1) == (0, None) and without.head.n == 6


def test_help_and_harm_are_counted_picture_by_picture():
    store = Store.open("memory://")
    ids = []
    for seed, hits in enumerate(([1.0, 0.0, 0.5, 1.0, 1.0, 0.0], [0.0, 1.0, 1.0, 1.0, 0.0, 0.0])):
        record = sample_evaluation(sample_run(seed))
        store.commit_evaluation(record, predictions=predictions(hit1=hits))
        ids.append(record.evaluation_id)
    assert help_and_harm(store, *ids) == (6, 2.0, 1.5)
    assert help_and_harm(store, *reversed(ids)) == (6, 1.5, 2.0)
    assert help_and_harm(store, ids[0], "none") is None

"""What holds for every sequence of commits, packings and merges."""

from hypothesis import given, settings
from hypothesis import strategies as st

from fieldmark.store import Store
from fieldmark.testing.store import contents, sample_evaluation, sample_run

SEEDS = st.lists(st.integers(0, 6), max_size=8)
# What a store was told: runs in some order (with repetitions), and after how many of them it was packed.
HISTORIES = st.lists(st.tuples(SEEDS, st.booleans(), SEEDS), min_size=1, max_size=4)


def made(history):
    first, packed, then = history
    store = Store.open("memory://")
    for seed in first:
        store.commit_run(sample_run(seed))
        store.commit_evaluation(sample_evaluation(sample_run(seed)))
    if packed:
        store.compact()
    for seed in then:
        store.commit_run(sample_run(seed))
    return store


@settings(max_examples=25, deadline=None)
@given(HISTORIES, st.randoms(use_true_random=False))
def test_merging_in_any_order_gives_the_same_union(histories, random):
    shuffled = random.sample(histories, len(histories))
    unions = []
    for order in (histories, shuffled):
        union = Store.open("memory://")
        for history in order:
            union.merge(made(history))
        union.merge(made(order[0]))
        unions.append(contents(union))
    expected = {sample_run(seed).run_id for first, _, then in histories for seed in [*first, *then]}
    assert unions[0] == unions[1]
    assert set(unions[0]["runs"]) == expected


@settings(max_examples=25, deadline=None)
@given(SEEDS, SEEDS, st.lists(st.integers(0, 8), max_size=3))
def test_committing_again_and_packing_at_any_time_changes_nothing(seeds, again, packed_at):
    store = Store.open("memory://")
    first_times = 0
    for step, seed in enumerate([*seeds, *again]):
        first_times += store.commit_run(sample_run(seed))
        if step in packed_at:
            store.compact()
    ids = store.runs(["run_id"])["run_id"].to_pylist()
    assert first_times == len(ids) == len(set(ids)) == len({*seeds, *again})
    assert set(ids) == {sample_run(seed).run_id for seed in [*seeds, *again]}
    assert store.conflicts() == []

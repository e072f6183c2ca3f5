"""Image units on a real Ray: on warm actors, and by groups of workers (slow)."""

from functools import partial
from pathlib import Path

import pytest

from fieldmark.search.executors.groups import GroupExecutor
from fieldmark.search.executors.routed import RoutedExecutor
from fieldmark.search.training.image_bench import ImageBench, is_done
from fieldmark.store import Store
from fieldmark.testing.image_units import image_unit

ACTORS = 2


def wait_for(executor, count):
    found = {}
    for _ in range(240):
        found |= {outcome.run_id: outcome for outcome in executor.poll(0.5)}
        if len(found) >= count:
            return found
    raise AssertionError(f"{len(found)} of {count} units have ended")


@pytest.mark.slow
def test_image_units_on_warm_actors_and_in_groups_give_the_numbers_of_one_process(tmp_path: Path) -> None:
    from fieldmark.search.executors.tune import TuneExecutor

    folder, cache, said = tmp_path / "runs", str(tmp_path / "packs"), []
    store, here = Store.open(str(folder)), Store.open("memory://")
    pids = tmp_path / "pids"
    pids.mkdir()
    maker = partial(Noting, str(pids), cache=cache)
    executor = RoutedExecutor(
        lambda: TuneExecutor(maker, store, address=None, max_concurrent=ACTORS, say=said.append),
        lambda: GroupExecutor(store, address=None, workers=2, cache=cache, say=said.append),
    )
    units = [image_unit(seed=seed, views=("center:40",)) for seed in range(4)]
    try:
        for unit in units:
            executor.start(unit)
        outcomes = wait_for(executor, len(units))
        assert {(one.kind, one.message) for one in outcomes.values()} == {("recorded", "")}
        assert 1 <= len(list(pids.iterdir())) <= ACTORS, "actors are used again"

        group = image_unit("dynamic_mlp_c", start=units[0].run_id, workers=2, views=("center:40",))
        hopeless = image_unit("dynamic_mlp_c", start="0" * 32, workers=2)
        endless = image_unit(seed=5, workers=2, epochs=10_000)
        for unit in (group, hopeless):
            executor.start(unit)
            outcomes |= wait_for(executor, 1)
        assert (outcomes[group.run_id].kind, outcomes[group.run_id].message) == ("recorded", "")
        assert outcomes[hopeless.run_id].kind == "failed" and "weights" in outcomes[hopeless.run_id].message

        # A group that is cut off keeps its checkpoint.
        executor.start(endless)
        while not executor.epochs().get(endless.run_id):
            assert not executor.poll(0.2)
    finally:
        executor.stop()
    assert all(is_done(unit, store) for unit in (*units, group))
    assert store.checkpoints(endless.run_id).load() is not None and not store.has_run(endless.run_id)

    bench = ImageBench(here, cache=cache)
    for unit in (units[0], group):
        assert bench.do(unit).kind == "recorded"
        mine, theirs = here.run(unit.run_id), store.run(unit.run_id)
        assert theirs.metrics == pytest.approx(mine.metrics, rel=1e-6)
    assert any("1 group(s) at a time" in line for line in said)


class Noting(ImageBench):
    """Leaves a file named by its process."""

    def __init__(self, folder, store, *, cache):
        import os

        super().__init__(store, cache=cache)
        (Path(folder) / str(os.getpid())).touch()

"""Simulated clusters: nothing is lost, nothing is done twice, and no time is made up."""

import json
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from fieldmark.cli.simulate import simulate as command
from fieldmark.errors import UserError
from fieldmark.search.simulation.bounds import ideal_seconds, list_seconds
from fieldmark.search.simulation.machines import checkpoint_seconds
from fieldmark.search.simulation.options import SimulateOptions
from fieldmark.search.simulation.result import SimulationResult
from fieldmark.search.simulation.simulate import simulate
from fieldmark.search.simulation.subject import Trials, make_scheduler
from fieldmark.search.simulation.workload import Workload
from fieldmark.store import Store

SMALL = SimulateOptions(trials=24, nodes=4, sampler="random", failures=0)
INTERVAL = 40.0
"""Seconds between two checkpoints of 600 s in 30 epochs: the first end of an epoch after 30 s."""


def standing() -> float:
    return 0.0


def run(**flags: object) -> SimulationResult:
    return simulate(SMALL.model_copy(update=flags), clock=standing)


durations = st.lists(st.floats(0.1, 100), min_size=1, max_size=40)


@given(durations, st.integers(1, 8), st.floats(0, 5))
def test_no_order_beats_the_ideal_time(seconds: list[float], slots: int, cost: float) -> None:
    ideal = ideal_seconds(seconds, slots)
    assert list_seconds(seconds, slots) >= ideal * (1 - 1e-9)
    assert list_seconds(seconds, slots, [cost] * len(seconds)) >= ideal * (1 - 1e-9)


def test_the_published_setting_has_the_published_ideal() -> None:
    assert ideal_seconds([1.0] * 10_000, 16) == 625
    assert ideal_seconds([600.0] * 10_001, 1_000) == 6_600, "the last one is alone in its round"


def test_a_driver_without_time_and_nodes_without_failures_are_ideal() -> None:
    found = run()
    assert found.simulated_seconds == pytest.approx(found.ideal_seconds) == 6 * 600
    assert (found.trials, found.lost, found.lost_seconds, found.commands) == (24, 0, 0.0, 1)


def test_the_time_of_the_driver_delays_the_sweep() -> None:
    now = [0.0]

    def ticking() -> float:
        now[0] += 0.5
        return now[0]

    found = simulate(SMALL, clock=ticking)
    assert found.overhead > 0.01
    assert found.driver.ask > 0 and found.driver.tell > 0 and found.driver.store > 0
    assert found.driver_seconds == pytest.approx(found.driver.total * found.trials)
    assert found.simulated_seconds < found.ideal_seconds + now[0], "no more time passed than was measured"


@settings(max_examples=12)
@example(failures=5e-324, nodes=1, slots=1, seed=0, spread=0.0)
@given(
    failures=st.floats(0, 4),
    nodes=st.integers(1, 6),
    slots=st.integers(1, 2),
    seed=st.integers(0, 99),
    spread=st.sampled_from([0.0, 0.3]),
)
def test_under_any_failures_every_trial_is_recorded_once_and_little_is_lost(
    failures: float, nodes: int, slots: int, seed: int, spread: float
) -> None:
    recorded: Counter[str] = Counter()
    with pytest.MonkeyPatch.context() as patch:
        commit = Store.commit_run

        def counted(store: Store, record, **rest: object) -> bool:
            made = commit(store, record, **rest)
            recorded[record.run_id] += made
            return made

        patch.setattr(Store, "commit_run", counted)
        found = run(failures=failures, nodes=nodes, slots=slots, seed=seed, spread=spread, trials=15)
    assert found.trials == len(recorded) == 15 and not found.left
    assert set(recorded.values()) == {1}
    assert found.simulated_seconds >= found.ideal_seconds * (1 - 1e-9)
    if not failures:
        assert not found.lost and not found.lost_seconds
    longest = INTERVAL if not spread else 2 * INTERVAL  # an epoch of a longer trial is longer
    assert found.lost_seconds <= found.lost * (longest + SMALL.noticed_after)


def test_a_simulation_is_a_function_of_its_flags() -> None:
    measured = {"by_thousand", "memory_bytes_per_trial", "wall_seconds", "load", "driver_cpu_seconds"}
    first, second = (run(failures=1.5, sampler="tpe", seed=3).model_dump(exclude=measured) for _ in range(2))
    assert first == second
    assert first["lost"] > 0


def test_checkpoints_are_as_far_apart_as_real_ones() -> None:
    assert checkpoint_seconds(600, 30) == INTERVAL
    assert checkpoint_seconds(60, 30) == 30
    assert checkpoint_seconds(1, 30) > 1, "a short trial has none"


def test_trials_are_like_recorded_ones(tmp_path: Path) -> None:
    store = Store.open(str(tmp_path))
    stated = SMALL.model_copy(update={"trial_seconds": 90.0, "spread": 0.2, "trials": 5})
    trials, scheduler = Trials(Workload(stated), store), make_scheduler(stated, store)
    lengths = []
    while (unit := scheduler.next()) is not None:
        scheduler.tell(trials.write(unit))
        lengths.append(trials.seconds(unit))
    sweep = scheduler.plan.sweep_id
    found = run(like=f"{tmp_path}:{sweep[:8]}", nodes=1, trials=10)
    assert 10 * min(lengths) < found.ideal_seconds < 10 * max(lengths), "ten drawn from five"
    assert run(like=str(tmp_path), trial_seconds=10.0, trials=3).trial.endswith("a mean of 10 s")
    with pytest.raises(UserError, match=r"--like .*: no completed run"):
        run(like=f"{tmp_path}:ffffffff")


def test_an_image_sweep_is_simulated_by_its_own_scheduler() -> None:
    found = run(sweep="fusion", trials=6, failures=0.5)
    assert found.trials > 6 + 1, "published fusions and the confirmation beside Optuna's"
    assert not found.left


def test_all_that_is_printed_says_simulated(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    picture = tmp_path / "figure.png"
    options = SMALL.model_copy(update={"sampler": "tpe", "figure": str(picture)})
    assert command(options=options) == 0
    printed = capsys.readouterr()
    assert all("simulated" in line for line in (printed.out + printed.err).splitlines())
    assert "slots busy" in printed.out and "0 left" in printed.out
    assert picture.read_bytes().startswith(b"\x89PNG")
    command(options=SMALL.model_copy(update={"json_output": True}))
    found = json.loads(capsys.readouterr().out)
    assert found["simulated"] is True and found["trials"] == 24 and found["model"]


@pytest.mark.parametrize(
    "flags", [{"nodes": 0}, {"failures": -1}, {"figure": "a.pdf"}, {"like": "x", "spread": 0.1}, {"like": ""}]
)
def test_flags_that_make_no_sense_are_refused(flags: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=f"--{next(reversed(flags))}"):
        SimulateOptions(**flags)


def test_trials_left_undone_are_no_success_and_say_nothing_of_a_limit(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fieldmark.search.simulation.simulate.MOST_COMMANDS", 3)
    picture = tmp_path / "figure.png"
    options = SMALL.model_copy(update={"trials": 6, "failures": 1e4, "figure": str(picture)})
    assert command(options=options) == 1
    said = capsys.readouterr().out
    assert "6 trials are left undone" in said and "6 left" in said
    assert not any(word in said for word in ("over ideal", "limit ", "slots busy", "overhead"))
    assert len([line for line in said.splitlines() if line.startswith("simulated |   to ")]) <= 20
    assert not picture.exists()
    assert command(options=options.model_copy(update={"json_output": True})) == 1
    found = json.loads(capsys.readouterr().out)
    assert found["left"] == 6 and not {"overhead", "most_slots", "scaling"} & set(found)
    assert len(found["by_thousand"]) > 20


def test_a_store_or_a_folder_that_is_not_there_is_named_by_its_flag(tmp_path: Path) -> None:
    for flag, value in (("like", tmp_path / "none"), ("figure", tmp_path / "none" / "a.png")):
        with pytest.raises(UserError, match=f"--{flag} {value}: there is no"):
            command(options=SMALL.model_copy(update={flag: str(value)}))

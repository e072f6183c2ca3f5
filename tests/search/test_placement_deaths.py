"""What Tune knows of a trial that has died reaches the sweep."""

import socket
from pathlib import Path
from types import SimpleNamespace

import pytest

from fieldmark.config import ClassifierConfig, RunSpec, Scale
from fieldmark.errors import UserError
from fieldmark.search.executors.searcher import Deaths, Mailbox, TaskSearcher
from fieldmark.search.executors.shared import open_here
from fieldmark.search.executors.work import not_begun
from fieldmark.search.objective import Objective
from fieldmark.search.tasks import Outcome, Task

MEMORY = "1 worker(s) were killed due to the node running low on memory. Memory on the node (IP: 10.0.0.7) was 15GB"


def unit_of() -> Task:
    spec = RunSpec(config=ClassifierConfig(), dataset="d", fingerprint="f", protocol="official:0")
    return Task(spec=spec, scale=Scale(name="smoke"), trial={}, objective=Objective(score="joint", metric="top1"))


def died(text: str, folder: Path) -> tuple[Mailbox, Outcome]:
    mailbox = Mailbox()
    searcher = TaskSearcher(mailbox)
    mailbox.units.put((unit_of(), {"CPU": 1.0}))
    suggested = searcher.suggest("t1")
    assert suggested is not None and suggested["asks"] == {"CPU": 1.0}
    searcher.on_trial_result("t1", {"epoch": 1, "signs": 1, "begun": True, "place": ("node", 1)})
    (folder / "error.txt").write_text(text)
    searcher.on_trial_complete("t1", error=True)
    assert mailbox.outcomes.empty(), "the reason comes right after"
    trial = SimpleNamespace(trial_id="t1", error_file=str(folder / "error.txt"))
    Deaths(searcher).on_trial_error(1, [], trial)
    assert not mailbox.places and not mailbox.epochs
    return mailbox, mailbox.outcomes.get_nowait()


def test_a_process_that_rays_memory_monitor_ended_was_out_of_memory(tmp_path: Path) -> None:
    mailbox, outcome = died(f"Failure # 1 (occurred at 2026)\n{MEMORY}\nObject store memory usage: []\n", tmp_path)
    assert outcome.kind == "out_of_memory" and outcome.message.endswith(MEMORY)
    assert mailbox.unrecorded == {outcome.run_id}, "it could not record that itself"


def test_any_other_death_is_a_loss(tmp_path: Path) -> None:
    assert died("ActorDiedError: The actor died unexpectedly", tmp_path)[1].message == "its process died"
    store = "ray.exceptions.RayTaskError\nfieldmark.errors.UserError: --store /mnt/runs: there is no store\n"
    outcome = died(store, tmp_path)[1]
    assert (outcome.kind, outcome.message) == (
        "not_begun",
        "its process could not begin: --store /mnt/runs: there is no store",
    )


def test_a_node_that_does_not_share_the_store_ends_the_sweep_and_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError) as raised:
        open_here(str(tmp_path / "none"))
    assert f"--store {tmp_path / 'none'}: node {socket.gethostname()} does not share it" in str(raised.value)
    mailbox, _ = died(f"ray.exceptions.RayTaskError\nfieldmark.errors.UserError: {raised.value}\n", tmp_path)
    mistake = next(iter(mailbox.mistakes))
    mailbox.check_beginnings()
    mailbox.mistakes[mistake] += 2
    with pytest.raises(UserError) as ended:
        mailbox.check_beginnings()
    assert str(ended.value).startswith(str(raised.value)) and "\n" not in str(ended.value)


def test_a_trial_that_is_stuck_before_it_says_anything_counts_as_hung() -> None:
    mailbox = Mailbox(hang_after=0.0)
    searcher = TaskSearcher(mailbox)
    mailbox.units.put((unit_of(), {"CPU": 1.0}))
    searcher.suggest("t1")
    assert not mailbox.pulse.hung, "it waits for room"
    actor = object()
    started = SimpleNamespace(trial_id="t1", temporary_state=SimpleNamespace(ray_actor=actor))
    Deaths(searcher).on_trial_start(1, [], started)
    assert mailbox.pulse.hung == list(mailbox.actors) and list(mailbox.actors.values()) == [actor]


def test_reasons_not_to_begin_count_until_one_begins() -> None:
    mailbox = Mailbox()
    searcher = TaskSearcher(mailbox)
    for trial in ("t1", "t2", "t3"):
        mailbox.units.put((unit_of(), {"CPU": 1.0}))
        searcher.suggest(trial)
    for trial in ("t1", "t2"):
        searcher.on_trial_complete(trial, {"outcome": not_begun(unit_of().run_id, "no store").model_dump_json()})
    assert mailbox.mistakes == {"no store": 2}
    searcher.on_trial_result("t3", {"epoch": 3, "signs": 0, "begun": False, "place": ("node", 1)})
    assert mailbox.mistakes, "a process that opens the store has not begun"
    searcher.on_trial_result("t3", {"epoch": 3, "signs": 1, "begun": True, "place": ("node", 1)})
    assert not mailbox.mistakes
    searcher.died("t3", "ActorDiedError")
    assert [mailbox.outcomes.get_nowait().epoch for _ in range(3)] == [0, 0, 3], "how far it had come"

"""What Tune knows of a trial that has died reaches the sweep."""

from pathlib import Path
from types import SimpleNamespace

from fieldmark.config import ClassifierConfig, RunSpec, Scale
from fieldmark.search.executors.searcher import Deaths, Mailbox, TaskSearcher
from fieldmark.search.objective import Objective
from fieldmark.search.tasks import Outcome, Task

MEMORY = "1 worker(s) were killed due to the node running low on memory. Memory on the node (IP: 10.0.0.7) was 15GB"


def died(text: str, folder: Path) -> tuple[Mailbox, Outcome]:
    mailbox = Mailbox()
    searcher = TaskSearcher(mailbox)
    spec = RunSpec(config=ClassifierConfig(), dataset="d", fingerprint="f", protocol="official:0")
    task = Task(spec=spec, scale=Scale(name="smoke"), trial={}, objective=Objective(score="joint", metric="top1"))
    mailbox.units.put((task, {"CPU": 1.0}))
    suggested = searcher.suggest("t1")
    assert suggested is not None and suggested["asks"] == {"CPU": 1.0}
    searcher.on_trial_result("t1", {"epoch": 1, "signs": 1, "place": ("node", 1)})
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
        "lost",
        "its process could not begin: --store /mnt/runs: there is no store",
    )

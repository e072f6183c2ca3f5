"""Runs in a few words, and the display of any scheduler."""

from dataclasses import dataclass, field

from fieldmark.config import ClassFrequencyConfig, PriorsNetConfig
from fieldmark.search.image_task import ImageTask
from fieldmark.search.progress import Progress
from fieldmark.search.under_way import Failure
from fieldmark.search.words import describe
from fieldmark.testing.image_units import image_unit


@dataclass
class Row:
    """A schedule of which nothing is left but one that failed."""

    running: list[ImageTask] = field(default_factory=list)
    failures: list[object] = field(default_factory=list)
    retried: list[object] = field(default_factory=list)
    recorded: int = 3
    planned: int = 4
    new_runs: tuple[str, ...] = ("a",)
    cpu_seconds: float = 7.0
    stands: str = ""
    share_done: float = 1.0

    def standing(self) -> str:
        return self.stands


def test_settings_are_described_by_what_is_not_the_default():
    start = image_unit().run_id
    fusion = image_unit("dynamic_mlp_c", start=start, fusion_settings={"d": 32, "h": 64})
    frozen = image_unit("add_star", start=start, frozen=True, resolution=48)
    assert describe(image_unit().task.spec.config) == "image_only on test_resnet at 32 px"
    assert describe(fusion.task.spec.config) == "dynamic_mlp_c d=32 on test_resnet at 32 px"
    assert describe(frozen.task.spec.config) == "add_star on frozen test_resnet at 48 px"
    assert describe(PriorsNetConfig(batch=64)).startswith("batch 64 lr ")
    assert describe(ClassFrequencyConfig()) == "class_frequency"


def test_a_failed_image_unit_is_named_and_the_headline_says_how_it_stands(capsys):
    unit = image_unit(seed=3)
    row = Row(failures=[type("Failed", (), {"task": unit, "message": "the loss is nan"})()])
    with Progress(live=False) as progress:
        progress.show(row, None)
        assert progress.headline(row) == "3 of 4 runs recorded; 0 running; 1 failed; 7 CPU-seconds; nothing left"
        row.stands = "best top1 on tune 0.5000"
        assert "1 failed; best top1 on tune 0.5000; 7" in progress.headline(row)
    named = f"image_only on test_resnet at 32 px seed 3 (run {unit.run_id[:10]})"
    assert f"failed: {named}: the loss is nan" in capsys.readouterr().err


def test_a_failure_of_the_priors_sweep_is_shown_alike(capsys):
    task = image_unit().task
    with Progress(live=False) as progress:
        progress.show(Row(failures=[Failure(task=task, message="it raised")]), None)
    assert f"seed 0 (run {task.run_id[:10]}): it raised" in capsys.readouterr().err


def test_each_time_that_a_run_is_tried_again_is_said_once_and_why(capsys):
    task = image_unit().task
    row = Row(retried=[Failure(task=task, message="its process died")])
    with Progress(live=False) as progress:
        progress.show(row, None)
        progress.show(row, None)
        row.retried.append(Failure(task=task, message="node b is gone"))
        progress.show(row, None)
    said = [line for line in capsys.readouterr().err.splitlines() if line.startswith("trying again: ")]
    assert [line.rpartition(": ")[2] for line in said] == ["its process died", "node b is gone"]


def test_the_time_left_is_told_by_the_share_of_the_work_that_is_done():
    row = Row(recorded=1, planned=5, share_done=0.0)
    progress = Progress(live=False)
    assert progress.headline(row).endswith("time left unknown")
    progress._started -= 60
    row.share_done = 0.5
    assert progress.headline(row).endswith("about 1.0 min left")

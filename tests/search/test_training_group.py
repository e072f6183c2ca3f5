"""What workers tell the driver, and what it makes of it; no Ray is started."""

import pytest
import torch

from fieldmark.config import ClassifierConfig, RunSpec, Scale
from fieldmark.errors import UserError
from fieldmark.search.interruption import CutOff
from fieldmark.search.objective import Objective
from fieldmark.search.tasks import Task
from fieldmark.search.training.failed import TrainingFailed
from fieldmark.search.training.group import GroupTraining
from fieldmark.search.training.job import Job
from fieldmark.search.training.link import Failed, Mailbox, Message
from fieldmark.search.training.progress import TrainProgress
from fieldmark.search.training.worker import may_pass
from fieldmark.store import Store
from fieldmark.training.classifier.execution import StepInfo

STEP = StepInfo(epoch=2, epochs=3, step=4, steps=9, loss=1.5, images_per_second=30, eta_seconds=90)


@pytest.fixture
def training():
    config = ClassifierConfig(backbone="test_resnet", resolution=32)
    spec = RunSpec(config=config, dataset="d", fingerprint="f", protocol="official:0")
    task = Task(spec=spec, scale=Scale(name="smoke"), trial={}, objective=Objective(score="joint", metric="top1"))
    job = Job(
        runs=(task,),
        main=task.run_id,
        start=None,
        extensions=(),
        threads=1,
        loader_processes=None,
        compile=False,
        weights_file=None,
        keep_weights=True,
    )
    return GroupTraining(job, Store.open("memory://"), TrainProgress(live=False), lambda: True, workers=(2,))


def test_a_mailbox_hands_every_message_out_once_and_passes_the_wish_to_stop_on():
    box = Mailbox()
    assert box.tell([Message("run", "a"), Message("saved")]) is False
    assert [message.kind for message in box.take()] == ["run", "saved"] and box.take() == []
    box.stop()
    assert box.tell([]) is True


def test_runs_and_steps_are_shown(training, capsys):
    run_id = training._job.runs[0].run_id
    training._take([Message("run", run_id), Message("step", STEP)])
    shown = capsys.readouterr().err
    assert run_id[:10] in shown and "epoch 2 of 3, step 4 of 9, loss 1.5000, 30 images/s, about 1.5 min left" in shown
    training._take([Message("run", run_id)])
    assert "a worker was lost" in capsys.readouterr().err


def test_a_saved_checkpoint_ends_an_interrupted_training(training):
    with pytest.raises(CutOff):
        training._take([Message("saved")])


def test_a_users_mistake_is_a_line_and_anything_else_is_recorded(training):
    with pytest.raises(UserError, match="too large"):
        training._take([Message("failed", Failed("user", "batch too large", "trace"))])
    with pytest.raises(TrainingFailed, match="loss is nan") as failed:
        training._take([Message("failed", Failed("failed", "FloatingPointError: loss is nan", "the traceback"))])
    store = training._store
    record = store.run(failed.value.attempt)
    assert (record.status, record.message) == ("failed", "FloatingPointError: loss is nan")
    assert "the traceback" in store.log(record.run_id)


def test_only_errors_that_another_workers_death_explains_are_worth_a_restart():
    assert may_pass(RuntimeError("Connection closed by peer")) and may_pass(ConnectionResetError())
    assert not may_pass(UserError("no")) and not may_pass(FloatingPointError("nan"))
    assert not may_pass(torch.OutOfMemoryError("CUDA out of memory"))

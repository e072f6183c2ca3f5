"""The training loop: exact resume, what it reports, what it refuses, and what it leaves alone."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from fieldmark.data.observations import Split
from fieldmark.errors import UserError
from fieldmark.training.classifier.workers import Workers

pytestmark = pytest.mark.usefixtures("one_thread")


def same(first, second):
    assert list(first) == list(second)
    return all(torch.equal(first[name], second[name]) for name in first)


def weights(trained):
    return trained.fitted.model.state_dict()


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"precision": "float32", "optimizer": "adamw", "lr": 1e-2, "decay_all": False, "clip_norm": 1.0},
        {"precision": "float16"},
    ],
    ids=["sgd", "adamw", "scaled"],
)
def test_a_run_killed_in_mid_epoch_goes_on_to_the_same_bits(tiny, changes):
    config = tiny.config(**changes)
    unbroken = tiny.train(config)
    memory, resumed = tiny.Memory(due_at=(6,), stop_after=2), tiny.Trained()
    with pytest.raises(KeyboardInterrupt):
        tiny.train(config, trained=resumed, checkpoints=memory)
    assert max(resumed.loss) == (2, 3)  # three of the four steps of the second epoch
    memory.stop_after = None
    torch.rand(7)  # whatever the new process drew before must not matter
    tiny.train(config, trained=resumed, checkpoints=memory)
    assert same(weights(unbroken), weights(resumed))
    assert [row["loss"] for row in resumed.curve.values()] == [row["loss"] for row in unbroken.curve.values()]


def test_the_loss_scale_is_taken_up_again(tiny):
    memory = tiny.Memory(stop_after=1)
    with pytest.raises(KeyboardInterrupt):
        tiny.train(tiny.config(precision="float16"), checkpoints=memory)
    state = memory.load()
    assert state["scaler"]["scale"] > 1
    state["scaler"]["scale"], memory.stop_after = 8.0, None
    memory.save(state)
    tiny.train(tiny.config(precision="float16", epochs=2), checkpoints=memory)
    assert memory.load()["scaler"]["scale"] == 8.0


def test_a_finished_run_is_not_trained_again(tiny):
    memory = tiny.Memory()
    first = tiny.train(tiny.config(epochs=2), checkpoints=memory)
    again = tiny.train(tiny.config(epochs=2), checkpoints=memory)
    assert not again.losses and memory.saves == 2
    assert same(weights(first), weights(again))


def test_a_report_that_says_stop_ends_the_training_before_a_checkpoint(tiny):
    memory = tiny.Memory()
    trained = tiny.train(tiny.config(), checkpoints=memory, report=lambda epoch, _: epoch < 2)
    assert max(trained.loss) == (2, 4) and memory.saves == 1


def test_the_report_has_loss_rate_speed_and_tune(tiny):
    trained = tiny.train(tiny.config())
    for epoch, row in trained.curve.items():
        assert set(row) == {"loss", "lr", "images_per_second", "top1", "log_loss"}
        assert row["loss"] == pytest.approx(np.mean([loss for key, loss in trained.loss.items() if key[0] == epoch]))
        assert row["images_per_second"] > 0
    (tune,) = [one for one in trained.fitted.evaluate(tiny.experiment()) if one.split == "tune"]
    assert tune.metrics["top1"] == trained.curve[5]["top1"]
    assert tune.metrics["log_loss"] == pytest.approx(trained.curve[5]["log_loss"])
    last = trained.infos[-1]
    assert (last.epoch, last.epochs, last.step, last.steps, last.eta_seconds) == (5, 5, 4, 4, 0)


def test_it_learns(tiny):
    config = tiny.config(epochs=15, mixup=0.0, drop_path=0.0, precision="float32")
    trained = tiny.train(config)
    scored = {one.split: one for one in trained.fitted.evaluate(tiny.experiment())}
    assert scored["test"].score == "joint" and scored["test"].metrics["top1"] > 0.9
    assert trained.curve[15]["loss"] < 0.7 * trained.curve[1]["loss"]


def test_the_seed_decides_and_the_generators_are_left_alone(tiny):
    torch.manual_seed(3)
    before = torch.get_rng_state()
    first = tiny.train(tiny.config(epochs=1), seed=1)
    assert torch.equal(torch.get_rng_state(), before)
    assert same(weights(first), weights(tiny.train(tiny.config(epochs=1), seed=1)))
    assert not same(weights(first), weights(tiny.train(tiny.config(epochs=1), seed=2)))


@pytest.mark.parametrize("execution", [{"loader_processes": 2}, {"channels_last": False}], ids=["loader", "layout"])
def test_how_it_runs_changes_no_number(tiny, execution):
    config = tiny.config(epochs=2)
    found = tiny.train(config, execution=execution).losses
    np.testing.assert_allclose(found, tiny.train(config).losses, rtol=1e-12)


@pytest.mark.parametrize("precision", ["bfloat16", "float16"])
def test_half_precision_follows_the_full(tiny, precision):
    full, half = tiny.train(tiny.config(precision="float32")), tiny.train(tiny.config(precision=precision))
    np.testing.assert_allclose(half.losses, full.losses, rtol=0.05)
    assert half.losses != full.losses
    assert all(value.dtype != torch.float16 for value in weights(half).values())


def test_missing_places_and_dates_do_no_harm(tiny):
    data = tiny.experiment()
    part = data.parts[Split.TRAIN]
    nowhere = replace(
        part.place_time,
        latitude_N=np.full(len(part), np.nan),
        longitude_N=np.full(len(part), np.nan),
        date_N=np.full(len(part), np.datetime64("NaT"), "datetime64[D]"),
    )
    data = replace(data, parts={**data.parts, Split.TRAIN: replace(part, place_time=nowhere)})
    trained = tiny.train(tiny.config(epochs=2), data)
    assert np.isfinite(trained.losses).all()
    assert all(value.isfinite().all() for value in weights(trained).values())


def test_groups_of_any_shape_give_the_same_images(tiny):
    """Mixup groups smaller than, and not dividing, batch-norm groups."""
    trained = tiny.train(tiny.config(batch=48, bn_batch=12, mixup_group=8, epochs=1, mixup=0.4, cutmix=1.0))
    assert len(trained.losses) == 2 and np.isfinite(trained.losses).all()


def test_a_diverged_training_says_so(tiny):
    with pytest.raises(FloatingPointError, match=r"training loss is .* epoch 1: try a smaller lr"):
        tiny.train(tiny.config(lr=1e200, warmup_epochs=0))


def test_a_number_of_workers_that_splits_groups_is_refused(tiny):
    with pytest.raises(UserError, match=r"workers 3: .*numbers of workers that work: 1, 2, 4$"):
        tiny.train(tiny.config(), workers=Workers(0, 3))


def test_without_a_tune_part_there_are_no_tune_figures(tiny):
    data = tiny.experiment()
    data = replace(data, parts={split: part for split, part in data.parts.items() if split != Split.TUNE})
    assert set(tiny.train(tiny.config(epochs=1), data).curve[1]) == {"loss", "lr", "images_per_second"}


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_a_compiled_model_trains_to_the_same_numbers(tiny):
    config = tiny.config(epochs=1, drop_path=0.0, location_dropout=0.0)
    compiled = tiny.train(config, execution={"compile": True})
    np.testing.assert_allclose(compiled.losses, tiny.train(config).losses, rtol=1e-6)

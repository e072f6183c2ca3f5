"""The loop's numbers: those of a plain program, on any number of workers (SCIENCE rule 17; issue 3, point 3)."""

import base64
import json
import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn import functional

from fieldmark.data.images.transforms import training_transform
from fieldmark.data.observations import Split
from fieldmark.models.metadata import encode_metadata
from fieldmark.training.classifier.mixup import draw_mix
from fieldmark.training.classifier.order import Order
from fieldmark.training.classifier.randomness import FORWARD, seed_of
from fieldmark.training.classifier.start import initial_model
from fieldmark.training.classifier.workers import Workers

PROGRAM = Path(__file__).with_name("classifier_workers_program.py")
LIMITS = {"float64": 1e-6, "float32": 1e-4}
SEED = 3


@pytest.fixture(scope="module")
def workers(tmp_path_factory):
    """What 4 and 2 workers said, by their number."""
    out = tmp_path_factory.mktemp("workers") / "out.json"
    command = [sys.executable, str(PROGRAM), str(out)]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)
    assert ran.returncode == 0, ran.stderr[-4000:]
    return json.loads(out.read_text())


@pytest.fixture(scope="module")
def alone(tiny):
    """What one worker says, by the case's name."""
    return {name: tiny.train(tiny.config(**changes), seed=SEED) for name, changes in tiny.CASES.items()}


def plain_losses(config, data, seed):
    """The same training written plainly: a step's groups in one graph, SGD, schedule and running statistics by hand."""
    part, images = data.parts[Split.TRAIN], data.images[Split.TRAIN]
    dtype = torch.float64 if config.precision == "float64" else torch.float32
    model = initial_model(config, len(data.categories), part, seed, start=None, weights_file=None).to(dtype)
    weights = list(model.parameters())
    momentum = [torch.zeros_like(weight) for weight in weights]
    norms = [module for module in model.modules() if isinstance(module, torch.nn.BatchNorm2d)]
    running = {norm: [torch.zeros_like(norm.running_mean), torch.ones_like(norm.running_var)] for norm in norms}
    seen = {norm: [] for norm in norms}
    for norm in norms:
        norm.register_forward_pre_hook(lambda module, inputs: seen[module].append(inputs[0].detach()))
    metadata = torch.as_tensor(encode_metadata(part.place_time, config)).to(dtype)
    transform = training_transform(config, config.resolution)
    mean, std = (torch.tensor(v, dtype=dtype).view(3, 1, 1) for v in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))
    order, losses = Order.of(config, part.category_N, seed, Workers()), []
    for epoch in range(config.epochs):
        plan = [pair for unit in order.plan(epoch) for pair in unit]
        for step in range(order.steps):
            number, total = epoch * order.steps + step, 0.0
            batch = plan[step * config.batch : (step + 1) * config.batch]
            image = torch.stack([(transform(images.image(i), s).to(dtype) / 255 - mean) / std for i, s in batch])
            encoded = metadata[[i for i, _ in batch]]
            category = torch.as_tensor(part.category_N[[i for i, _ in batch]].astype(np.int64))
            target = torch.where(functional.one_hot(category, len(data.categories)) == 1, 0.9, 0.1 / 4).to(dtype)
            mixed = [torch.empty_like(one) for one in (image, encoded, target)]
            for group, start in enumerate(range(0, config.batch, config.mixup_group)):
                how = draw_mix(config, config.resolution, seed, number, group)
                own = slice(start, start + config.mixup_group)
                for new, old in zip(mixed, (image, encoded, target), strict=True):
                    new[own] = how.share * old[own] + (1 - how.share) * old[own][how.partner_G]
            for group, start in enumerate(range(0, config.batch, config.bn_batch)):
                own = slice(start, start + config.bn_batch)
                torch.manual_seed(seed_of(FORWARD, seed, number, group))
                place = torch.zeros(config.bn_batch, 2, dtype=dtype)
                log = torch.log_softmax(model(mixed[0][own], mixed[1][own], place), dim=1)
                total = total - (mixed[2][own] * log).sum() / config.batch
            gradients = torch.autograd.grad(total, weights)
            rate = config.lr * 0.5 * (1 + math.cos(math.pi * epoch / config.epochs))
            if epoch < config.warmup_epochs:
                rate = config.lr * number / (order.steps * config.warmup_epochs)
            with torch.no_grad():
                for weight, gradient, velocity in zip(weights, gradients, momentum, strict=True):
                    velocity.mul_(config.momentum).add_(gradient + config.weight_decay * weight)
                    weight.sub_(rate * velocity)
            for norm in norms:
                means = torch.stack([one.mean(dim=(0, 2, 3)) for one in seen[norm]]).mean(dim=0)
                variances = torch.stack([one.var(dim=(0, 2, 3)) for one in seen[norm]]).mean(dim=0)
                for kept, new in zip(running[norm], (means, variances), strict=True):
                    kept.copy_(0.9 * kept + 0.1 * new)
                seen[norm].clear()
            losses.append(total.item())
    return losses, [value for norm in norms for value in running[norm]]


def test_the_loop_is_the_plain_program(tiny, alone):
    for precision, limit in LIMITS.items():
        losses, running = plain_losses(tiny.config(precision=precision), tiny.experiment(), SEED)
        assert len(losses) == 20
        np.testing.assert_allclose(alone[precision].losses, losses, rtol=limit)
        state = alone[precision].fitted.model.state_dict()
        found = [value for name, value in state.items() if "running" in name]
        for one, other in zip(found, running, strict=True):
            torch.testing.assert_close(one, other, rtol=limit, atol=limit)


@pytest.mark.parametrize("precision", LIMITS)
@pytest.mark.parametrize("size", ["2", "4"])
def test_every_step_has_the_same_loss_on_more_workers(workers, alone, size, precision):
    """With batch norm, mixup, dropout and eight accumulated groups a step on one worker, two on four workers."""
    found = workers[size][precision]
    assert len(found["losses"]) == 20
    np.testing.assert_allclose(found["losses"], alone[precision].losses, rtol=LIMITS[precision])
    state = alone[precision].fitted.model.state_dict()
    assert any("running_var" in name for name in found["statistics"])
    for name, values in found["statistics"].items():
        np.testing.assert_allclose(values, state[name], rtol=LIMITS[precision], atol=LIMITS[precision], err_msg=name)


@pytest.mark.parametrize("size", ["2", "4"])
def test_workers_evaluate_shares_and_report_once(tiny, workers, alone, size):
    found, one = workers[size]["float64"], alone["float64"]
    assert [int(epoch) for epoch in found["curve"]] == list(one.curve)
    for epoch, row in found["curve"].items():
        assert row == pytest.approx(one.curve[int(epoch)] | {"images_per_second": 0}, rel=1e-6)
    (test,) = [other for other in one.fitted.evaluate(tiny.experiment()) if other.split == "test"]
    ((metrics, predictions),) = found["test"]
    assert metrics == pytest.approx(test.metrics, rel=1e-6)
    assert predictions["image_id"] == test.predictions["image_id"].to_pylist()
    assert predictions["true_probability"] == pytest.approx(test.predictions["true_probability"].to_pylist(), rel=1e-5)


@pytest.mark.parametrize("size", ["2", "4"])
def test_workers_stop_together_and_go_on_together(workers, alone, size):
    found = workers[size]["stopped"]
    assert [ended for ended, _ in found["workers"]] == ["cut off"] * int(size)
    assert [saves for _, saves in found["workers"]] == [2] + [0] * (int(size) - 1)
    assert found["steps"] == 7  # in the middle of the second epoch
    np.testing.assert_allclose(found["losses"], alone["float64"].losses, rtol=1e-6)


def test_one_worker_takes_up_what_four_left(tiny, workers, alone):
    memory, trained = tiny.Memory(), tiny.Trained()
    memory.saved = base64.b64decode(workers["4"]["stopped"]["state"])
    tiny.train(tiny.config(), trained=trained, checkpoints=memory)
    assert min(trained.loss) == (2, 4)
    np.testing.assert_allclose(trained.losses[1:], alone["float64"].losses[8:], rtol=1e-6)


def test_the_cases_are_of_different_numbers_all_of_them_finite(tiny, alone):
    first = [alone[name].losses[0] for name in tiny.CASES]
    assert len(set(first)) == len(first) == 4
    assert all(np.isfinite(one.losses).all() and one.losses for one in alone.values())


@pytest.mark.parametrize("case", ["float64", "float32", "augmented", "scaled"])
@pytest.mark.parametrize("size", ["2", "4"])
def test_powers_of_two_agree_to_the_last_bit(workers, alone, size, case):
    """Groups are added in pairs in one order, whoever holds them; float32 in another order drifts apart in a ResNet."""
    assert workers[size][case]["losses"] == alone[case].losses
    state = alone[case].fitted.model.state_dict()
    for name, values in workers[size][case]["statistics"].items():
        assert values == state[name].tolist(), name

"""What a GPU may round and reorder; the switches are process-wide, so they are watched without a GPU, too."""

import pytest
import torch

from fieldmark.config import RecipeConfig
from fieldmark.training.classifier import fit
from fieldmark.training.classifier.precision import Precision, full_and_repeatable
from fieldmark.training.classifier.start import initial_model


def switches():
    return (
        torch.get_float32_matmul_precision(),
        torch.backends.cuda.matmul.allow_tf32,
        torch.backends.cudnn.allow_tf32,
        torch.backends.cudnn.deterministic,
    )


@pytest.fixture(params=[("highest", True, False), ("high", True, False), ("medium", False, True)])
def before(request):
    """The switches as somebody set them."""
    kept = torch.get_float32_matmul_precision(), torch.backends.cudnn.allow_tf32, torch.backends.cudnn.deterministic
    for values in (request.param, kept):
        torch.set_float32_matmul_precision(values[0])
        torch.backends.cudnn.allow_tf32, torch.backends.cudnn.deterministic = values[1:]
        if values is not kept:
            yield switches()


@pytest.mark.parametrize("precision", ["float32", "float64"])
def test_full_precision_on_a_gpu_is_full_and_repeatable_and_switched_back(before, precision):
    with Precision(RecipeConfig(precision=precision), "cuda:0").exact():
        assert switches() == ("highest", False, False, True)
    assert switches() == before


def test_a_training_that_fails_switches_back_too(before):
    with pytest.raises(FloatingPointError), full_and_repeatable():
        raise FloatingPointError
    assert switches() == before


@pytest.mark.parametrize(("precision", "device"), [("float16", "cuda"), ("bfloat16", "cuda"), ("float32", "cpu")])
def test_half_precision_and_the_cpu_are_left_alone(before, precision, device):
    with Precision(RecipeConfig(precision=precision), device).exact():
        assert switches() == before


def test_training_and_scoring_run_under_the_switches(tiny, monkeypatch):
    seen = []

    def watched(*arguments, **named):
        model = initial_model(*arguments, **named)
        model.backbone.layers.register_forward_pre_hook(lambda *_: seen.append((model.training, switches())))
        return model

    monkeypatch.setattr(fit, "initial_model", watched)
    monkeypatch.setattr(Precision, "exact", lambda self: full_and_repeatable())  # as if there were a GPU
    outside = switches()
    trained = tiny.train(tiny.config(precision="float32", epochs=1))
    assert {training for training, _ in seen} == {True, False}
    seen_in_training = len(seen)
    trained.fitted.evaluate(tiny.experiment())
    assert len(seen) > seen_in_training
    assert {state for _, state in seen} == {("highest", False, False, True)}
    assert switches() == outside

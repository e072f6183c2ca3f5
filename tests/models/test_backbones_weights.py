"""First weights from a file: its digest, other people's names, and what does not fit."""

import logging
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from fieldmark.errors import UserError
from fieldmark.models.backbones import build_backbone
from fieldmark.models.checkpoint_file import read_checkpoint, weights_digest

NAME = "test_resnet"
State = dict[str, Tensor]


def _state() -> State:
    torch.manual_seed(7)
    return {key: tensor.clone() for key, tensor in build_backbone(NAME, resolution=32).state_dict().items()}


def _built(file: Path) -> State:
    return build_backbone(NAME, weights=weights_digest(str(file)), file=str(file), resolution=32).state_dict()


def _same(found: State, wanted: State) -> bool:
    return found.keys() == wanted.keys() and all(torch.equal(found[key], wanted[key]) for key in wanted)


@pytest.mark.parametrize("prefix", ["", "module.", "backbone.", "module.backbone."])
@pytest.mark.parametrize("wrapper", [None, "model", "state_dict"])
def test_pytorch_files_as_others_write_them(prefix: str, wrapper: str | None, tmp_path: Path) -> None:
    state, file = _state(), tmp_path / "weights.pth"
    named = {prefix + key: tensor for key, tensor in state.items()}
    torch.save(named if wrapper is None else {wrapper: named, "epoch": 3, "optimizer": {"state": {}}}, file)
    assert _same(_built(file), state)
    assert read_checkpoint(str(file)).epoch == (None if wrapper is None else 3)


def test_safetensors_with_a_classifier_of_another_size(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    state, file = _state(), tmp_path / "weights.safetensors"
    save_file({**state, "fc.weight": torch.zeros(7, 96), "fc.bias": torch.zeros(7)}, file)
    with caplog.at_level(logging.WARNING):
        assert _same(_built(file), state)
    assert "weights.safetensors: 2 tensors" in caplog.text and "fc.weight" in caplog.text


def test_of_a_whole_classifier_the_backbone_is_taken(tmp_path: Path) -> None:
    state, file = _state(), tmp_path / "whole.safetensors"
    whole = {f"backbone.{key}": tensor for key, tensor in state.items()}
    save_file({**whole, "fusion.classifier.weight": torch.zeros(3, 96)}, file)
    assert _same(_built(file), state)


def test_old_files_count_no_batches(tmp_path: Path) -> None:
    state, file = _state(), tmp_path / "old.pth"
    torch.save({key: tensor for key, tensor in state.items() if not key.endswith("num_batches_tracked")}, file)
    assert _same(_built(file), state)


def test_what_does_not_fit_is_named(tmp_path: Path) -> None:
    state, file = _state(), tmp_path / "weights.pth"
    first = next(iter(state))
    torch.save({key: tensor for key, tensor in state.items() if key != first}, file)
    with pytest.raises(UserError, match=rf"weights\.pth: {first} is missing"):
        _built(file)
    torch.save({**state, first: torch.zeros(2, 3)}, file)
    with pytest.raises(UserError, match=rf"weights\.pth: {first} is \(2, 3\); the model wants"):
        _built(file)


def test_another_file_than_the_configurations(tmp_path: Path) -> None:
    file = tmp_path / "weights.pth"
    torch.save(_state(), file)
    with pytest.raises(UserError, match=r"weights\.pth: it is sha256:\w{64}, and the configuration asks for sha256:0+"):
        build_backbone(NAME, weights="sha256:" + 64 * "0", file=str(file))
    with pytest.raises(UserError, match="--weights-file"):
        build_backbone(NAME, weights="sha256:" + 64 * "0")
    with pytest.raises(UserError, match=r"expected none, timm:NAME.TAG, or sha256"):
        build_backbone(NAME, weights="imagenet")


class _Payload:
    def __reduce__(self) -> tuple[object, ...]:
        return print, ("a checkpoint ran code",)


@pytest.mark.parametrize("kind", ["code", "noise", "list", "numbers", "absent", "noise.safetensors", "empty"])
def test_files_that_are_no_weights(kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / (kind if kind.endswith(".safetensors") else f"{kind}.pth")
    content = {"code": {"model": _Payload()}, "list": [1], "numbers": {"a": 1}, "empty": {}}
    if kind in content:
        torch.save(content[kind], file)
    elif kind != "absent":
        file.write_bytes(bytes(range(256)) * 40)
    with pytest.raises(UserError, match=file.name):
        read_checkpoint(str(file))
    assert "ran code" not in capsys.readouterr().out

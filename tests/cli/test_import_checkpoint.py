"""`fieldmark import-checkpoint`: from the authors' file to one that a training can start from."""

import os
import pickle
import warnings
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from fieldmark.cli.main import run
from fieldmark.config import ClassifierConfig
from fieldmark.models.build import build_classifier
from fieldmark.models.checkpoint_file import weights_digest

OFFICIAL = {"fusion.location.": "loc_net.", "fusion.classifier.": "fc.", "fusion.": "loc_att.", "backbone.": ""}


def _checkpoint(file: Path, **fields: object) -> dict[str, Tensor]:
    """Writes what the authors' code writes after epoch 90; returns the same tensors by our names."""
    config = ClassifierConfig(backbone="test_resnet", resolution=64, **fields)  # type: ignore[arg-type]
    torch.manual_seed(3)
    state = build_classifier(config, 12).state_dict()
    named = {}
    for name, tensor in state.items():
        ours = next(prefix for prefix in OFFICIAL if name.startswith(prefix))
        named[f"module.{OFFICIAL[ours]}{name.removeprefix(ours)}"] = tensor
    torch.save({"epoch": 90, "model": named, "optimizer": {"state": {}, "param_groups": []}}, file)
    return state


def _tokens(file: Path, out: Path, *more: str, fusion: str = "dynamic_mlp_c") -> list[str]:
    flags = ["--backbone", "test_resnet", "--fusion", fusion, "--classes", "12", "--out", str(out)]
    return ["import-checkpoint", str(file), *flags, *more]


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({}, "6 metadata features"),
        ({"date": False}, "4 metadata features"),
        ({"encoding": "none"}, "2 metadata features"),
        ({"fusion": "image_only"}, "no metadata"),
    ],
)
def test_the_weights_come_out_under_our_names(
    fields: dict[str, object], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file, out = tmp_path / "fold1_best.pth", tmp_path / "weights.safetensors"
    state = _checkpoint(file, **fields)
    assert run(_tokens(file, out, fusion=str(fields.get("fusion", "dynamic_mlp_c")))) == 0
    printed = capsys.readouterr().out
    assert said in printed and "epoch 90" in printed and weights_digest(str(out)) in printed
    found = load_file(out)
    assert found.keys() == state.keys()
    assert all(torch.equal(found[name], tensor) for name, tensor in state.items())
    assert [path.name for path in sorted(tmp_path.iterdir())] == ["fold1_best.pth", "weights.safetensors"]


def test_a_training_starts_from_them(tmp_path: Path) -> None:
    file, out = tmp_path / "fold1_best.pth", tmp_path / "weights.safetensors"
    state = _checkpoint(file)
    assert run(_tokens(file, out)) == 0
    config = ClassifierConfig(
        backbone="test_resnet", fusion="image_only", resolution=64, weights=weights_digest(str(out))
    )
    started = build_classifier(config, 5, weights_file=str(out)).backbone.state_dict()
    assert all(torch.equal(tensor, state[f"backbone.{name}"]) for name, tensor in started.items())


def test_the_other_order_of_features_is_turned_into_ours(tmp_path: Path) -> None:
    file, out = tmp_path / "fold1_best.pth", tmp_path / "weights.safetensors"
    state = _checkpoint(file)
    assert run(_tokens(file, out, "--feature-order", "priorsnet")) == 0
    first = "fusion.location.feats.0.weight"
    # sin lon, sin lat, cos lon, cos lat, sin d, cos d  ->  sin lat, sin lon, sin d, cos lat, cos lon, cos d
    assert torch.equal(load_file(out)[first], state[first][:, [1, 0, 4, 3, 2, 5]])


@pytest.mark.parametrize(
    ("mistake", "named"),
    [
        (["--classes", "13"], "fusion.classifier.weight"),
        (["--backbone", "test_resnett"], "test_resnet"),
        (["--fusion", "image_only"], "loc_net.feats.0.weight"),
        (["--fusion", "dynamic_mlp_a"], "fusion.conv2.0.dynamic_conv.get_weight.weight is missing"),
        (["--out", "weights.pth"], ".safetensors"),
        (["--out", "no-such-folder/weights.safetensors"], "no-such-folder"),
    ],
)
def test_mistakes_are_one_line(
    mistake: list[str], named: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file, out = tmp_path / "fold1_best.pth", tmp_path / "weights.safetensors"
    _checkpoint(file)
    tokens = _tokens(file, out)
    tokens[tokens.index(mistake[0]) + 1] = mistake[1]
    assert run(tokens) == 2
    captured = capsys.readouterr()
    assert captured.out == "" and len(captured.err.strip().splitlines()) == 1
    assert named in captured.err and not out.exists()


class _Bomb:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, ("it-ran",)


def _cut(file: Path) -> None:
    _checkpoint(file)
    file.write_bytes(file.read_bytes()[:-500])


FOREIGN = {
    "an archive with code": (lambda file: torch.save({"model": _Bomb()}, file), "it holds code (posix.mkdir), and"),
    "old PyTorch's, with code": (
        lambda file: torch.save({"model": _Bomb()}, file, _use_new_zipfile_serialization=False),
        "it holds code (posix.mkdir), and was not loaded",
    ),
    **{
        f"a pickle of protocol {protocol} with code": (
            lambda file, protocol=protocol: file.write_bytes(pickle.dumps({"model": _Bomb()}, protocol)),
            "and was not loaded",
        )
        for protocol in range(6)
    },
    "a pickle without": (lambda file: file.write_bytes(pickle.dumps({"a": 1}, 4)), "not a PyTorch file"),
    "a text": (lambda file: file.write_text("hello world\n"), "not a PyTorch file"),
    "a shorter text": (lambda file: file.write_text("abc\n"), "not a PyTorch file"),
    "a table": (lambda file: file.write_text("column\nfirst\nsecond\n"), "not a PyTorch file"),
    "nothing": (lambda file: file.write_bytes(b""), "the file is empty"),
    "half a file": (_cut, "damaged"),
}


@pytest.mark.parametrize("kind", FOREIGN)
def test_what_is_no_checkpoint_is_refused_in_one_line_of_ours(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write, told = FOREIGN[kind]
    monkeypatch.chdir(tmp_path)
    write(Path("some.pth"))
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        assert run(_tokens(Path("some.pth"), Path("weights.safetensors"))) == 2
    printed = capsys.readouterr()
    assert printed.err.startswith("fieldmark: some.pth: ") and told in printed.err
    assert len(printed.err.splitlines()) == 1 and "weights_only" not in printed.err
    assert not [one for one in warned if "pickle" in str(one.message)]
    assert [path.name for path in tmp_path.iterdir()] == ["some.pth"], "its code ran"

"""A trained model comes back as it was, from a store and from an export, and no code of an export runs by itself."""

import json
import shutil
import subprocess
import sys

import pytest
import torch

from fieldmark.cli.main import run
from fieldmark.config import fusions
from fieldmark.errors import UserError
from fieldmark.export.folder import export_run
from fieldmark.export.load import load_trained
from fieldmark.models.fusions import load_extension, registry
from fieldmark.store import Store
from fieldmark.testing.trained_run import record_trained_run

MY_FUSION = """
from torch import nn
from fieldmark.models.fusions import Fusion, fusion

@fusion("{name}")
class Mine(Fusion):
    def __init__(self, sizes, settings):
        super().__init__(sizes, settings)
        self.classifier = nn.Linear(sizes.features + sizes.metadata, sizes.categories)

    def forward(self, image_BF, metadata):
        return self.classifier(torch.cat([image_BF, metadata.encoded_BM], dim=1))

import torch
"""


def logits(trained, seed=0):
    generator = torch.Generator().manual_seed(seed)
    image, metadata = torch.randn(3, 3, 32, 32, generator=generator), torch.randn(3, 6, generator=generator)
    with torch.no_grad():
        return trained.model(image, metadata, torch.zeros(3, 2))


def test_store_and_export_give_one_model(made):
    folder, run_id = made
    stored, exported = load_trained(folder / "runs", run_id[:8]), load_trained(folder / "export")
    assert torch.equal(logits(stored), logits(exported))
    assert (stored.config, stored.categories, stored.center_share, stored.run_id) == (
        exported.config,
        exported.categories,
        exported.center_share,
        run_id,
    )
    assert not exported.model.training and len(exported.categories) == 6
    assert {parameter.device.type for parameter in exported.model.parameters()} == {"cpu"}


@pytest.mark.parametrize("fusion", ["image_only", "concat_net", "geonet_bayes"])
def test_any_fusion_comes_back(tmp_path, fusion):
    store = Store.open("memory://")
    run_id = record_trained_run(store, fusion=fusion)
    export = export_run(store, run_id, tmp_path / "export")
    assert torch.equal(logits(load_trained(store, run_id)), logits(load_trained(export)))
    assert ("exact places" in (export / "README.md").read_text()) == (fusion == "geonet_bayes")


def test_pretrained_weights_are_not_fetched_again(made, tmp_path, monkeypatch):
    import timm

    folder = shutil.copytree(made[0] / "export", tmp_path / "export")
    described = json.loads((folder / "configuration.json").read_text())
    described["spec"]["config"]["weights"] = "timm:test_resnet.r160_in1k"
    (folder / "configuration.json").write_text(json.dumps(described))
    asked = []
    real = timm.create_model
    monkeypatch.setattr(timm, "create_model", lambda *a, **k: asked.append(k.get("pretrained", False)) or real(*a, **k))
    assert load_trained(folder).config.weights == "timm:test_resnet.r160_in1k"
    assert not any(asked)


def damage(folder, name, change):
    path = folder / name
    path.write_bytes(change(path.read_bytes()))


@pytest.mark.parametrize(
    ("name", "change", "told"),
    [
        ("weights.safetensors", lambda data: data[:-1], "damaged"),
        ("weights.safetensors", lambda data: data[:-1] + bytes([data[-1] ^ 1]), "damaged"),
        ("configuration.json", lambda data: b"{", "damaged"),
        ("configuration.json", lambda data: b"{}", "changed"),
        ("configuration.json", lambda data: data.replace(b'"fusion"', b'"fussion"'), "changed"),
        ("configuration.json", lambda data: data.replace(b'"format": 1', b'"format": 9'), "newer release"),
        ("configuration.json", lambda data: b"[]", "changed"),
        ("configuration.json", lambda data: data.replace(b'"spec"', b'"speck"'), "changed"),
        ("categories.json", lambda data: b'["one", "two"]', "categories.json: changed"),
        ("categories.json", lambda data: data.replace(b"[", b"[ ", 1), "categories.json: changed"),
        ("preprocessing.json", lambda data: b"{}", "preprocessing.json: changed"),
        ("preprocessing.json", lambda data: data.replace(b"32", b"64", 1), "preprocessing.json: changed"),
    ],
)
def test_a_damaged_export_is_refused_in_one_line(made, tmp_path, name, change, told):
    folder = shutil.copytree(made[0] / "export", tmp_path / "export")
    damage(folder, name, change)
    with pytest.raises(UserError, match=told) as raised:
        load_trained(folder)
    assert str(folder) in str(raised.value) and len(str(raised.value).splitlines()) == 1


def test_a_folder_that_is_no_export(tmp_path):
    with pytest.raises(UserError, match="no export"):
        load_trained(tmp_path)


def test_code_in_an_export_runs_only_when_it_is_named(tmp_path, monkeypatch, capsys):
    source = MY_FUSION.format(name="of_my_own")
    load_extension(source, "my_fusion.py")
    store = Store.open(str(tmp_path / "runs"))
    run_id = record_trained_run(store, fusion="of_my_own", extension=source + "\nprint('it ran')\n")
    export = export_run(store, run_id, tmp_path / "export")
    assert (export / "extension.py").read_text().startswith(source)
    assert "--import THIS_FOLDER/extension.py" in (export / "README.md").read_text()
    (tmp_path / "pictures").mkdir()
    (tmp_path / "pictures" / "a.png").write_bytes(b"no picture")
    # As in a process that never heard of it.
    monkeypatch.delitem(registry._classes, "of_my_own")
    monkeypatch.delitem(fusions._SETTINGS, "of_my_own")
    asked = ["predict", "MODEL", str(tmp_path / "pictures"), "--store", str(tmp_path / "runs")]
    for model in (str(export), run_id):
        assert run([asked[0], model, *asked[2:]]) == 2
        printed = capsys.readouterr()
        assert "it ran" not in printed.out + printed.err and len(printed.err.splitlines()) == 1
        assert "never run by itself" in printed.err and "--import" in printed.err
    assert run([asked[0], str(export), *asked[2:], "--import", str(export / "extension.py")]) == 1
    printed = capsys.readouterr()
    assert "it ran" in printed.out and "1 bad" in printed.out
    damage(export, "extension.py", lambda data: data + b"# and more\n")
    with pytest.raises(UserError, match=r"extension\.py: changed"):
        load_trained(export)


def test_loading_and_asking_import_neither_ray_nor_trackers(made):
    program = (
        "import sys; from fieldmark.cli.main import run; "
        f"code = run(['predict', {str(made[0] / 'export')!r}, {str(made[0] / 'pictures')!r}]); "
        "print(code, [name for name in ('ray', 'mlflow', 'optuna', 'fieldmark.store') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "0 []"

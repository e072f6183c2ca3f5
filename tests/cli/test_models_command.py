"""`fieldmark models`: what there is, how large it is, and clear words for mistyped names."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from fieldmark.cli.defined import ENTRY_POINTS
from fieldmark.cli.main import run
from fieldmark.models import backbones, fusions
from fieldmark.models.fusions import registry as fusions_registry

R50_B = ["models", "describe", "--backbone", "resnet50", "--fusion", "dynamic_mlp_b", "--classes", "8142"]

OWN_FUSION = """
from torch import nn
from fieldmark.models.fusions import Fusion, fusion
from fieldmark.models.backbones import Backbone, backbone


@fusion("from_a_file")
class FromAFile(Fusion):
    def __init__(self, sizes, settings):
        super().__init__(sizes, settings)
        self.classifier = nn.Linear(sizes.features + sizes.metadata, sizes.categories)

    def forward(self, image_BF, metadata):
        return self.classifier(nn.functional.pad(image_BF, (0, self.sizes.metadata)))


@backbone("dots")
class Dots(Backbone):
    def __init__(self, settings):
        super().__init__()
        self.conv = nn.Conv2d(3, 7, 1)
        self.width = 7

    def map(self, image_B3HW):
        return self.conv(image_B3HW)

    def pool(self, map_BFHW):
        return map_BFHW.amax(dim=(2, 3))
"""


def test_describe_prints_size_and_cost(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(R50_B) == 0
    out = capsys.readouterr().out
    assert "47,408,334" in out and "4.111 G" in out and "2,048" in out


def test_describe_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*R50_B, "--set", "d=128", "--resolution", "64", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found.keys() == {"parameters", "multiply_adds", "feature_width"}
    assert found["feature_width"] == 2048 and found["parameters"] < 47_408_334 and found["multiply_adds"] < 4e8


def test_list_says_where_each_is_defined(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["models", "list", "--json", "--backbones", "resnet15*"]) == 0
    found = json.loads(capsys.readouterr().out)
    rows = {row["name"]: row for part in ("fusions", "backbones") for row in found[part]}
    assert rows["dynamic_mlp_c"]["defined_in"] == "fieldmark.models.fusions.dynamic_mlp:DynamicMLPC"
    assert rows["pvt_large_v1"]["defined_in"] == "fieldmark.models.backbones.pvt:PVTLarge"
    assert all(Path(row["file"]).is_file() for name, row in rows.items() if row["defined_in"].startswith("fieldmark."))
    assert "resnet152" in found["timm"] and found["timm_count"] > 1000


def test_the_source_is_read_as_python_registers_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["models", "list", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    for part, registry in (("fusions", fusions), ("backbones", backbones)):
        built_in = {name for name in registry.names() if registry.defined_in(name).startswith("fieldmark.models.")}
        assert {row["name"]: row["defined_in"] for row in found[part]} == {
            name: registry.defined_in(name) for name in built_in
        }
    assert found["timm_count"] is None, "nobody asked"
    assert ENTRY_POINTS == fusions_registry.ENTRY_POINTS


def test_the_list_fits_a_terminal_and_imports_nothing_heavy(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["models", "list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 80 and len(lines) > 25
    assert any(line.split() == ["concat_net", "fieldmark.models.fusions.plain:ConcatNet"] for line in lines)
    for tokens, code in ((["models", "list"], 0), ([*R50_B[:-1], "0"], 2)):
        program = f"import sys; from fieldmark.cli.main import run; code = run({tokens}); "
        program += "sys.exit('torch' in sys.modules or code != " + str(code) + ")"
        assert subprocess.run([sys.executable, "-c", program], capture_output=True, check=False).returncode == 0, tokens


def test_a_pattern_prints_the_matches_alone(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["models", "list", "--backbones", "botnet[!s]*"]) == 0
    names = capsys.readouterr().out.split()
    assert names[0] == "botnet152" and all(name.startswith("botnet") for name in names)
    assert run(["models", "list", "--backbones", "resnet15*"]) == 0
    assert "resnet152" in (names := capsys.readouterr().out.split()) and all(name[:8] == "resnet15" for name in names)


def test_models_of_a_users_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "mine.py"
    file.write_text(OWN_FUSION)
    assert run(["models", "list", "--import", str(file), "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert {"name": "dots", "defined_in": "fieldmark_extension_mine:Dots", "file": str(file)} in listed["backbones"]
    tokens = ["--backbone", "dots", "--fusion", "from_a_file", "--classes", "9", "--import", str(file), "--json"]
    assert run(["models", "describe", *tokens]) == 0
    assert json.loads(capsys.readouterr().out)["parameters"] == 3 * 7 + 7 + (7 + 6) * 9 + 9


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        (["--backbone", "resnet_50"], "resnet50"),
        (["--fusion", "dynamic_mpl_b"], "dynamic_mlp_b"),
        (["--classes", "0"], "--classes 0"),
        (["--resolution", "3"], "--resolution 3"),
        (["--set", "dd=4"], "d, h, blocks"),
        (["--set", "d"], "KEY=VALUE"),
        (["--import", "no-such-file.py"], "no-such-file.py"),
    ],
)
def test_mistakes_are_one_line(changed: list[str], named: str, capsys: pytest.CaptureFixture[str]) -> None:
    tokens = list(R50_B)
    if changed[0] in tokens:
        tokens[tokens.index(changed[0]) + 1] = changed[1]
    else:
        tokens += changed
    assert run(tokens) == 2
    captured = capsys.readouterr()
    assert captured.out == "" and len(captured.err.strip().splitlines()) == 1
    assert named in captured.err and "Traceback" not in captured.err


def test_a_pattern_that_matches_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["models", "list", "--backbones", "resmet*"]) == 2
    assert "resmet*" in capsys.readouterr().err

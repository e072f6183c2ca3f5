"""The page about a fusion of one's own: its code is run as it stands there."""

import importlib
import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from fieldmark.config import ClassifierConfig, fusions
from fieldmark.errors import UserError
from fieldmark.models.fusions import Sizes, build_fusion, defined_in, load_extension, names, registry
from fieldmark.testing import check_fusion

PAGE = Path("docs", "how-to", "own-fusion.md")
SIZES = Sizes(features=8, categories=3, metadata=6)


@pytest.fixture(autouse=True)
def forgotten() -> Iterator[None]:
    """The page's fusion is unknown again after every test."""
    yield
    fusions._SETTINGS.pop("my_fusion", None)
    registry._classes.pop("my_fusion", None)
    for name in ("my_fusion", "test_my_fusion", "my_package.my_fusion", "my_package"):
        sys.modules.pop(name, None)


@pytest.fixture
def blocks(root: Path) -> dict[str, list[str]]:
    """The page's blocks of code by language."""
    found: dict[str, list[str]] = {}
    for language, text in re.findall(r"^```(\w*)\n(.*?)^```", (root / PAGE).read_text(), re.MULTILINE | re.DOTALL):
        found.setdefault(language, []).append(text)
    return found


def test_the_pages_file_registers_a_fusion_that_keeps_the_contract(
    blocks: dict[str, list[str]], tmp_path: Path
) -> None:
    file = tmp_path / "my_fusion.py"
    file.write_text(blocks["python"][0])
    load_extension(file.read_text(), str(file))

    check_fusion("my_fusion", settings={"width": 32})
    assert ClassifierConfig(fusion="my_fusion").fusion_settings == {"width": 64}
    assert len([line for line in blocks["python"][0].splitlines() if line.strip()]) <= 20


def test_the_text_alone_is_enough_on_a_worker(blocks: dict[str, list[str]]) -> None:
    load_extension(blocks["python"][0], "/nowhere/my_fusion.py")
    assert build_fusion("my_fusion", {"width": 4}, SIZES).gate.in_features == 4
    assert defined_in("my_fusion") == "fieldmark_extension_my_fusion:MyFusion"


def test_the_pages_test_passes(blocks: dict[str, list[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "my_fusion.py").write_text(blocks["python"][0])
    (tmp_path / "test_my_fusion.py").write_text(blocks["python"][1])
    monkeypatch.syspath_prepend(tmp_path)
    importlib.import_module("test_my_fusion").test_it_keeps_the_contract()


def test_a_raised_version_makes_other_runs(blocks: dict[str, list[str]]) -> None:
    load_extension(blocks["python"][0], "my_fusion.py")
    before = ClassifierConfig(fusion="my_fusion")
    first, _, rest = blocks["python"][0].partition("class GateSettings")
    changed = first + blocks["python"][2] + rest.partition("width: int = 64\n")[2]
    load_extension(changed, "my_fusion.py")
    after = ClassifierConfig(fusion="my_fusion")
    assert (before.fusion_version, after.fusion_version) == (1, 2)
    assert before.config_id != after.config_id


def test_an_installed_package_needs_no_import(
    blocks: dict[str, list[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ((group, entries),) = tomllib.loads(blocks["toml"][0])["project"]["entry-points"].items()
    about = tmp_path / "my_package-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: my-package\nVersion: 1.0\n")
    lines = [f"{name} = {module}" for name, module in entries.items()]
    (about / "entry_points.txt").write_text("\n".join([f"[{group}]", *lines]) + "\n")
    (tmp_path / "my_package").mkdir()
    (tmp_path / "my_package" / "my_fusion.py").write_text(blocks["python"][0])
    assert "my_fusion" not in names()
    monkeypatch.syspath_prepend(tmp_path)

    assert "my_fusion" in names()
    assert build_fusion("my_fusion", {"width": 4}, SIZES).gate.in_features == 4
    assert defined_in("my_fusion") == "my_package.my_fusion:MyFusion"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("import torch\nx = 1 / 0\n", "line 2: ZeroDivisionError"),
        ("def f(:\n", "line 1: SyntaxError"),
        (
            "from fieldmark.models.fusions import FeatureFusion, fusion\n\n@fusion('attention_image')\n"
            "class Mine(FeatureFusion):\n    pass\n",
            "choose another",
        ),
    ],
)
def test_a_file_that_cannot_be_run_is_named_with_its_line(text: str, said: str) -> None:
    with pytest.raises(UserError) as raised:
        load_extension(text, "my_fusion.py")
    assert said in str(raised.value)

"""`fieldmark figure`: what it refuses, and what it writes."""

import json
from pathlib import Path

import pytest

from fieldmark.cli.figure import figure
from fieldmark.errors import UserError
from fieldmark.store import Store
from fieldmark.testing.synthetic_image_sweep import synthetic_image_sweep

WORLD = "world:species=12,per_category=4,val_per_category=3,test_per_category=4,full=2"


def test_what_is_missing_is_said_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="figure S1: --data SPEC is needed"):
        figure("S1")
    with pytest.raises(UserError, match="figure budget: --sweep ID is needed"):
        figure("budget")
    with pytest.raises(UserError, match="--data: is for figure S1, not for S2"):
        figure("S2", data="world")
    with pytest.raises(UserError, match=r"--store .*none"):
        figure("S4", store=str(tmp_path / "none"))
    Store.open(str(tmp_path / "runs"))
    with pytest.raises(UserError, match=r"no reproduction at scale paper; .*fieldmark reproduce figS4 --scale paper"):
        figure("S4", store=str(tmp_path / "runs"), scale="paper")
    with pytest.raises(UserError, match="0 sweeps of the store"):
        figure("budget", store=str(tmp_path / "runs"), sweep="12")


def test_a_map_needs_no_store(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    figure("S1", data=WORLD, out=tmp_path / "figures", json=True)
    found = json.loads(capsys.readouterr().out)
    assert found["files"] == [str(tmp_path / "figures" / f"figS1.{end}") for end in ("png", "svg", "json")]
    assert all(Path(path).stat().st_size > 1000 for path in found["files"])


def test_a_budget_is_named_by_the_beginning_of_its_sweep(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made = synthetic_image_sweep(str(tmp_path / "runs"))
    figure("budget", store=str(tmp_path / "runs"), sweep=made.sweep[:6], out=tmp_path)
    assert capsys.readouterr().out.split() == [str(tmp_path / f"tuning-budget.{end}") for end in ("png", "svg", "json")]

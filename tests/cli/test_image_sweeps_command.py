"""What the two sweeps of image classifiers show of themselves: their help, and the words of their last line."""

from typing import Any

import pytest

from fieldmark.cli.image_sweeps import about_the_best
from fieldmark.cli.main import run
from fieldmark.search.image_sweep.result import ImageSweepResult, Measured, SettingResult


@pytest.mark.parametrize("name", ["fusion", "resolution"])
def test_a_flag_stands_in_the_help_once(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["sweep", name, "--help"]) == 0
    shown = capsys.readouterr().out
    assert "--trials" in shown and "TRIALS" not in shown and "[ARGS]" not in shown
    assert run(["sweep", name, "world"]) == 2
    assert "world" in capsys.readouterr().err


def _setting(role: str, label: str, tune: float, n: int = 1, number: int = 1) -> SettingResult:
    measured = Measured(tune=tune, test=0.5, test_std=None if n == 1 else 0.01, n=n)
    values = {"number": number, "role": role, "label": label, "params": {}, "resolution": 32, "state": "complete"}
    values |= {"frozen": False, "run_ids": [], "measured": measured, "views": {}, "parameters": 1, "multiply_adds": 1}
    return SettingResult.model_validate({**values, "seconds": 1.0, "front": False})


def _said(alone: float, chosen: float, n: int) -> str:
    best = _setting("confirmation", "add_star", 0.9, n)
    settings = [_setting("baseline", "image_only", alone, number=0), _setting("published", "add_star", chosen), best]
    values: dict[str, Any] = {"settings": settings, "best": best, "enough_for_best": n >= 5}
    return about_the_best(ImageSweepResult.model_construct(**values))


@pytest.mark.parametrize(
    ("alone", "chosen", "n", "start", "end"),
    [
        (0.4, 0.6, 1, "highest on tune: add_star, top-1 0.5000 on test over 1 fresh seed (", "five fresh seeds)"),
        (0.4, 0.6, 5, "best: add_star, top-1 0.5000 ±0.010 on test over 5 fresh", "over 5 fresh seeds"),
        (
            0.6,
            0.6,
            1,
            "highest on tune of the settings searched: add_star",
            "; image_only has 0.6000 on tune, no less than it has there",
        ),
        (
            0.7,
            0.6,
            5,
            "highest on tune of the settings searched: add_star",
            "over 5 fresh seeds; image_only has 0.7000 on tune, no less than it has there",
        ),
    ],
)
def test_best_is_what_has_the_seeds_and_beats_image_only(
    alone: float, chosen: float, n: int, start: str, end: str
) -> None:
    said = _said(alone, chosen, n)
    assert said.startswith(start) and said.endswith(end)

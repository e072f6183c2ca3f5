"""Help teaches, and mistakes in flags are one line with exit code 2."""

import pytest

from fieldmark.cli.main import run


@pytest.mark.parametrize(
    "tokens",
    [
        ["--help"],
        ["sweep", "--help"],
        ["sweep", "priorsnet", "--help"],
        ["table", "--help"],
        ["runs", "--help"],
        ["data", "describe", "--help"],
    ],
)
def test_help_is_shown(tokens: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(tokens) == 0
    assert "Usage: fieldmark" in capsys.readouterr().out


def test_sweep_help_explains_every_flag_of_the_documentation(capsys: pytest.CaptureFixture[str]) -> None:
    run(["sweep", "priorsnet", "--help"])
    shown = capsys.readouterr().out
    flags = ["data", "trials", "seeds", "scale", "store", "address", "executor", "budget", "loss", "image-scores"]
    flags += ["scheduler", "sampler", "dry-run", "json", "takeover"]
    assert [flag for flag in flags if f"--{flag}" not in shown] == []


@pytest.mark.parametrize(
    ("tokens", "named"),
    [
        (["swep"], "swep"),
        (["table"], "NAME"),
        (["table", "S99"], "S99"),
        (["sweep", "priorsnet", "--no-such-flag"], "--no-such-flag"),
        (["runs", "show", "abc", "--store", "no/such/store"], "no/such/store"),
        (["logs", "abc", "--store", "no/such/store"], "no/such/store"),
        (["store", "merge", "no/such/store", "target"], "no/such/store"),
    ],
)
def test_a_mistake_is_one_line_and_exit_code_2(
    tokens: list[str], named: str, capsys: pytest.CaptureFixture[str], tmp_path: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(str(tmp_path))
    assert run(tokens) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert len(captured.err.splitlines()) == 1 and named in captured.err

"""`fieldmark train` again: after another driver, a signal, or an edit of the user's own file."""

import json
import re
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fieldmark.cli.main import run
from fieldmark.search.lease_keeper import LeaseKeeper
from fieldmark.store import Store

Command = Callable[..., list[str]]
Printed = Callable[[list[str]], str]

QUICK = ["--no-reference"]
MINE = ["--import", "mine.py", "--fusion", "plus", *QUICK]


def test_a_users_own_fusion_by_its_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: Command, printed: Printed, my_fusion: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.py").write_text(my_fusion)
    result = json.loads(printed(command(tmp_path, *MINE, "--no-keep-weights", "--json")))
    assert result["run"]["config"]["fusion"] == "plus" and result["image_only"] is None
    store = Store.open(str(tmp_path / "runs"))
    assert store.extension(result["run"]["run_id"]).strip() == my_fusion.strip()
    assert store.weights(result["run"]["run_id"]) is None


def versioned(text: str, version: int) -> str:
    """Returns the file with settings of a numerics version."""
    head = "from typing import ClassVar\nfrom fieldmark.config import FusionSettings\n"
    settings = f"class PlusSettings(FusionSettings):\n    numerics_version: ClassVar[int] = {version}\n"
    return head + text.replace("@fusion", settings + "\n@fusion").replace('"plus"', '"minus", settings=PlusSettings')


def test_an_edited_file_is_told_apart_from_the_run_it_was(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    command: Command,
    printed: Printed,
    my_fusion: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    minus = ["minus" if one == "plus" else one for one in MINE]
    mine = tmp_path / "mine.py"
    text = versioned(my_fusion, 1)
    mine.write_text(text)
    first = json.loads(printed(command(tmp_path, *minus, "--json")))
    store = Store.open(str(tmp_path / "runs"))
    mine.write_text(text.replace("+ location_BD", "- location_BD"))
    capsys.readouterr()
    for flags in ([], ["--dry-run"]):
        assert run(command(tmp_path, *minus, *flags)) == 2
        error = capsys.readouterr().err
        assert len(error.splitlines()) == 1 and "--import mine.py" in error and first["run"]["run_id"][:10] in error
        assert "numerics_version" in error and "--same-numbers" in error
    same = json.loads(printed(command(tmp_path, *minus, "--same-numbers", "--json")))
    assert same["run"] == first["run"] and any("--same-numbers" in note for note in same["notes"])
    assert store.extension(first["run"]["run_id"]) == text, "the first text stays"
    mine.write_text(mine.read_text().replace("[int] = 1", "[int] = 2"))
    raised = json.loads(printed(command(tmp_path, *minus, "--json")))
    assert raised["run"]["run_id"] != first["run"]["run_id"]
    assert store.extension(raised["run"]["run_id"]) == mine.read_text()


def test_a_file_that_the_run_does_not_need_may_change(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: Command, printed: Printed, my_fusion: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.py").write_text(my_fusion)
    flags = ["--import", "mine.py", *QUICK, "--json"]
    first = json.loads(printed(command(tmp_path, *flags)))
    (tmp_path / "mine.py").write_text(my_fusion + "# mine")
    assert json.loads(printed(command(tmp_path, *flags))) == first


def test_a_checkpoint_of_other_code_is_not_gone_on_with_but_what_failed_before_one_may_be_mended(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    command: Command,
    printed: Printed,
    my_fusion: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    mine, store = tmp_path / "mine.py", Store.open(str(tmp_path / "runs"))
    broken = my_fusion.replace("image_BF + location_BD", 'image_BF * float("nan")')
    mine.write_text(broken)
    assert run(command(tmp_path, *MINE)) == 1
    mine.write_text(my_fusion)
    stop_at(monkeypatch, signal.SIGTERM)
    assert run(command(tmp_path, *MINE)) == 143
    (key,) = store.list("extensions")
    assert store.get(key) == my_fusion.encode(), "what failed before a checkpoint is forgotten"
    mine.write_text(my_fusion + "# mine")
    capsys.readouterr()
    assert run(command(tmp_path, *MINE)) == 2
    assert "--same-numbers" in capsys.readouterr().err and len(store.list("checkpoints")) == 1
    printed(command(tmp_path, *MINE, "--same-numbers"))
    assert store.get(key) == my_fusion.encode() and store.list("checkpoints") == []


def test_a_second_driver_is_refused_and_told_who_the_first_is(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    command: Command,
    printed: Printed,
) -> None:
    from fieldmark.search.lease_keeper import LeaseKeeper

    monkeypatch.chdir(tmp_path)
    dry = json.loads(printed(command(tmp_path, "--dry-run", "--json")))
    store = Store.open(str(tmp_path / "runs"))
    with LeaseKeeper(store, dry["run_id"], takeover=False, what="run"):
        assert run(command(tmp_path)) == 2
    assert re.search(rf"run {dry['run_id']} is being driven by .*pid \d+", capsys.readouterr().err)


def test_a_reference_that_another_driver_trains_is_not_waited_for(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    command: Command,
    printed: Printed,
) -> None:
    monkeypatch.chdir(tmp_path)
    alone = json.loads(printed(command(tmp_path, "--fusion", "image_only", "--dry-run", "--json")))["run_id"]
    store = Store.open(str(tmp_path / "runs"))
    with LeaseKeeper(store, alone, takeover=False, what="run"):
        assert run(command(tmp_path, "--fusion", "geonet_whitelist")) == 2, "it needs the other's weights"
        assert f"run {alone} is being driven by" in capsys.readouterr().err
        result = json.loads(printed(command(tmp_path, "--json")))
        assert f"run {alone} is being driven by" in capsys.readouterr().err
    assert store.has_run(result["run"]["run_id"]) and not store.has_run(alone) and result["image_only"] is None
    assert re.search(rf"run {alone} is being driven by .*pid \d+", result["without_image_only"])
    again = json.loads(printed(command(tmp_path, "--json")))
    assert again["image_only"]["run_id"] == alone and again["run"] == result["run"]
    assert again["without_image_only"] is None


def stop_at(monkeypatch: pytest.MonkeyPatch, number: signal.Signals) -> None:
    """Sends this process the signal, twice in a row, once in the middle of the first epoch."""
    from fieldmark.training.classifier.order import Order

    asked, records = [], Order.records

    def interrupted(self: Order, epoch: int, first_step: int = 0) -> Any:
        for position, one in enumerate(records(self, epoch, first_step)):
            if (epoch, position) == (epoch, 1) and not asked:
                asked.append(1)
                signal.raise_signal(number)
                if number == signal.SIGTERM:
                    signal.raise_signal(number)
            yield one

    monkeypatch.setattr(Order, "records", interrupted)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_leaves_a_checkpoint_and_the_same_command_goes_on(
    number: signal.Signals,
    code: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    command: Command,
    printed: Printed,
) -> None:
    monkeypatch.chdir(tmp_path)
    flags = ["--json", *QUICK]
    before = signal.getsignal(number)
    whole = json.loads(printed(command(tmp_path / "whole", *flags)))
    stop_at(monkeypatch, number)
    assert exit_code(command(tmp_path, *flags)) == code
    assert signal.getsignal(number) == before
    store = Store.open(str(tmp_path / "runs"))
    assert len(store.list("checkpoints")) == 1
    result = json.loads(printed(command(tmp_path, *flags)))
    assert result["run"]["metrics"] == whole["run"]["metrics"], "the undisturbed run's figures to the last digit"
    assert store.list("checkpoints") == []


def exit_code(tokens: list[str]) -> int:
    try:
        return run(tokens)
    except SystemExit as ended:
        return int(str(ended.code))

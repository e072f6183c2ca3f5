"""The official training log: what it says line by line, what is no log, and the released file itself."""

import gzip
import json
from pathlib import Path

import pytest

from fieldmark.errors import UserError
from fieldmark.figures.official_log import draw_official_log
from fieldmark.training.official_log import read_official_log

LOGGER = "19@worklog_logger.py:neupeak.train.logger.worklog_logger"
REAL = "log_inat21-mini_90epoch_r50_image-only_67.924_top1_acc.txt.gz"


def step(at: str, epoch: int, number: int, *, steps: int = 4, last: int = 2, lr: float = 0.5, **more: float) -> str:
    loss, passed = more.get("loss", 5.0), more.get("passed", 60.0)
    return (
        f"[{at} {LOGGER}] e:{epoch}/{last},{number}/{steps}\t1.40 mb/s\tpassed:{passed:.2f}\teta:9.00\tlr:{lr:.4f}"
        f"\tacc1:1.0000\tacc5:5.0000\tloss:{loss:.4f}"
    )


def validation(at: str, epoch: int, top1: float, top5: float = 50.0) -> str:
    return f"[{at} {LOGGER}] val e:{epoch}\tacc1:{top1:.4f}\tacc5:{top5:.4f}\tloss:3.2500"


LINES = [
    step("30 23:50:00", 0, 1, lr=0.25, loss=9.0) + "\tdp/tot: 0.7139",
    step("30 23:50:30", 0, 3, lr=0.5, loss=7.0, passed=45.0),
    validation("30 23:52:00", 0, 12.5),
    step("30 23:59:30", 1, 1),
    step("01 00:00:30", 1, 3),  # the month ends
    validation("01 00:02:00", 1, 30.25),
    step("02 04:02:00", 2, 1),  # 28 hours later
    step("02 04:02:30", 2, 2),
    validation("02 04:20:00", 2, 28.0),  # 17.5 minutes later
]


def written(folder: Path, lines: list[str], name: str = "log.txt") -> Path:
    path = folder / name
    path.write_text("\n".join(lines))
    return path


def test_what_a_log_says(tmp_path: Path) -> None:
    log = read_official_log(written(tmp_path, LINES))
    assert (log.epochs, log.steps, len(log.train), len(log.validations)) == (3, 4, 6, 3)
    assert (log.best.epoch, log.best.top1) == (1, 0.3025)
    assert (log.last.epoch, log.last.top5, log.last.loss) == (2, 0.5, 3.25)
    assert log.is_whole and log.largest_rate == 0.5
    first = log.curve()[0]
    assert (first["epoch"], first["lr"], first["top1"], first["train_loss"], first["train_seconds"]) == (
        0,
        0.5,
        0.125,
        8,
        45,
    )


def test_gaps_are_no_training_time_and_a_month_may_end(tmp_path: Path) -> None:
    log = read_official_log(written(tmp_path, LINES))
    assert [(gap.epoch, gap.step, gap.line, gap.seconds) for gap in log.gaps] == [
        (2, 1, 7, 28 * 3600.0),
        (2, 4, 9, 17.5 * 60),
    ]
    assert log.clock_seconds == 2 * 60 + 8 * 60 + 28 * 3600 + 20 * 60
    assert log.running_seconds == log.clock_seconds - 28 * 3600 - 17.5 * 60


def test_months_end_as_soon_as_they_can_and_clocks_set_back_lose_no_time(tmp_path: Path) -> None:
    lines = [step("14 12:00:00", 0, 0), step("03 12:00:00", 0, 1), step("03 11:30:00", 0, 2), step("03 12:01:00", 0, 3)]
    log = read_official_log(written(tmp_path, [*lines, validation("03 12:02:00", 0, 5)]))
    assert [one.time for one in log.train] == [0, 17 * 86400, 17 * 86400, 17 * 86400 + 60]


def test_a_log_that_was_cut_off_and_one_that_went_back(tmp_path: Path) -> None:
    again = validation("03 10:00:00", 1, 31.0)
    log = read_official_log(written(tmp_path, [*LINES[:6], again]))
    assert not log.is_whole
    assert [(one.epoch, one.top1) for one in log.validations] == [(0, 0.125), (1, 0.31)]


def test_compressed_or_not_it_is_the_same_log(tmp_path: Path) -> None:
    plain = written(tmp_path, LINES)
    packed = tmp_path / "log.txt.gz"
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    assert read_official_log(plain).digest == read_official_log(packed).digest
    assert read_official_log(plain).curve() == read_official_log(packed).curve()


BAD = {
    "no text": (b"\x00\xff\xfe" * 9, "line 1"),
    "empty": (b"", "no training step"),
    "another log": (b"epoch 1: loss 3.2\n", "line 1: neither"),
    "a line cut off": ("\n".join([*LINES, LINES[0][:90]]).encode(), "line 10: neither"),
    "no validation": ("\n".join(LINES[:2]).encode(), "no validation"),
    "no step": (LINES[2].encode(), "no training step"),
    "two runs": ("\n".join([*LINES, step("03 01:00:00", 0, 1, steps=9)]).encode(), "line 10: 3 epochs of 9 steps"),
    "beyond the end": (step("01 00:00:00", 3, 1).encode(), "line 1: epoch 3"),
    "no percentage": (validation("01 00:00:00", 0, 101.0, 102.0).encode(), "line 1: acc1 101"),
    "no time": (step("01 25:00:00", 0, 1).encode(), "line 1: neither"),
    "not a number": (LINES[2].replace("3.2500", "nan").encode(), "line 1: neither"),
    "gzip cut off": (gzip.compress("\n".join(LINES).encode())[:-20], "cannot be read"),
}


@pytest.mark.parametrize("kind", BAD)
def test_what_is_no_log_is_named_with_its_line(kind: str, tmp_path: Path) -> None:
    content, named = BAD[kind]
    path = tmp_path / "some.log"
    path.write_bytes(content)
    with pytest.raises(UserError, match=r"some\.log") as raised:
        read_official_log(path)
    assert named in str(raised.value) and "\n" not in str(raised.value)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"nowhere\.log"):
        read_official_log(tmp_path / "nowhere.log")


def test_the_released_log(shared: Path) -> None:
    log = read_official_log(shared / "data" / "results" / REAL)
    assert (len(log.train), len(log.validations), log.epochs, log.steps) == (22_430, 90, 90, 488)
    assert log.best == log.last and (log.last.epoch, log.last.top1, log.last.top5) == (89, 0.67924, 0.86563)
    assert (log.largest_rate, log.rates[45], log.rates[89], log.train[0].loss) == (0.4995, 0.25, 0.0002, 9.2736)
    assert [(gap.epoch, gap.step, gap.seconds) for gap in log.gaps] == [(2, 0, 72_132.0), (3, 0, 688.0)]
    assert log.clock_seconds == pytest.approx(34.3 * 3600, rel=1e-3)
    assert (log.batches_per_second, log.validation_seconds) == (1.4, 182)
    assert log.epoch_seconds == pytest.approx(353.0, abs=0.05)


def test_the_released_curve_agrees_with_an_independent_reading(shared: Path) -> None:
    curve = json.loads((shared / "oracles" / "log_curves.json").read_text())["official_r50_image_only"]["curve"]
    log = read_official_log(shared / "data" / "results" / REAL)
    assert [(one.epoch, one.top1, one.top5, one.loss) for one in log.validations] == [
        (one["epoch"], pytest.approx(one["acc1"] / 100), pytest.approx(one["acc5"] / 100), one["loss"]) for one in curve
    ]


@pytest.mark.parametrize("kept", [LINES, LINES[:3]])
def test_a_picture_of_any_log(kept: list[str], tmp_path: Path) -> None:
    from PIL import Image

    draw_official_log(read_official_log(written(tmp_path, kept, "$log$.txt")), tmp_path / "curve.png")
    with Image.open(tmp_path / "curve.png") as picture:
        assert picture.width > 900
        colours = {colour for _, colour in picture.convert("RGB").getcolors(1 << 24)}
    assert ((0xA2, 0x3B, 0x3B) in colours) == (kept is LINES)  # a gap's line

"""A store that fails for a while costs the while; one that fails for good says so at once."""

import errno
import os
import shutil
import subprocess
import sys
from pathlib import Path

import obstore
import pyarrow as pa
import pytest
from obstore.exceptions import GenericError, PermissionDeniedError

from fieldmark.errors import UserError
from fieldmark.store import Store
from fieldmark.store import objects as objects_module
from fieldmark.store.objects import Objects
from fieldmark.store.patience import VARIABLE, Patience, may_pass
from fieldmark.testing.store import contents, sample_run

READ_ONLY = "Generic LocalFileSystem error: Unable to open file /s/x#1: Read-only file system (os error 30)\n\nDebug"
PROGRAM = Path(__file__).with_name("store_mount_program.py")


class Time:
    """A clock that only sleeping moves, and what was said."""

    def __init__(self):
        self.now, self.waits, self.lines = 0.0, [], []

    def sleep(self, seconds):
        self.now += seconds
        self.waits.append(seconds)

    def patience(self, seconds):
        return Patience(seconds, clock=lambda: self.now, sleep=self.sleep, say=self.lines.append)


def failing(times, error, then="done"):
    left = [error] * times

    def action():
        if left:
            raise left.pop()
        return then

    return action


def test_what_passes_is_waited_for_and_told_in_two_lines():
    time = Time()
    assert time.patience(300).run("runs/x: cannot write", failing(10, GenericError(READ_ONLY))) == "done"
    assert time.waits == pytest.approx([0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 5, 5, 5, 5])
    began, ended = time.lines
    assert began.startswith("runs/x: cannot write: Unable to open file /s/x#1: Read-only file system (os error 30); ")
    assert "trying again until " in began and f"{VARIABLE}=300" in began
    assert ended == "runs/x: works again after 26 s"  # since it was said


def test_a_hiccup_is_not_worth_a_line():
    time = Time()
    time.patience(300).run("x", failing(2, GenericError(READ_ONLY)))
    assert time.lines == []


def test_patience_ends_with_the_reason_and_how_long_it_took():
    time = Time()
    with pytest.raises(TimeoutError, match=r"Read-only file system .* \(waited 60 s\)"):
        time.patience(60).run("x", failing(1000, GenericError(READ_ONLY)))
    assert time.now == pytest.approx(60)


@pytest.mark.parametrize("seconds", [0, 300])
def test_what_does_not_pass_is_told_at_once(seconds):
    time = Time()
    for error in (
        PermissionDeniedError("no"),
        GenericError("Unable to open file x: Permission denied (os error 13)"),
        GenericError("Error performing PUT http://b/k in 5ms - Server returned non-2xx status code: 400 Bad Request: "),
        GenericError("Error performing PUT http://b/k in 5ms - Server returned non-2xx status code: 501 No: "),
        FileNotFoundError("no such bucket"),
        PermissionError(errno.EACCES, "no"),
    ):
        with pytest.raises(type(error)):
            time.patience(seconds).run("x", failing(1, error))
    assert time.waits == []


def test_without_patience_nothing_is_waited_for():
    time = Time()
    with pytest.raises(GenericError):
        time.patience(0).run("x", failing(1, GenericError(READ_ONLY)))
    assert time.waits == []


@pytest.mark.parametrize("number", [errno.EROFS, errno.ENOSPC, errno.EIO, errno.ESTALE, errno.ECONNRESET])
def test_numbers_of_the_system_are_known_from_python_and_from_obstore(number):
    assert may_pass(OSError(number, "x"))
    assert may_pass(GenericError(f"Generic LocalFileSystem error: Unable to x: y (os error {number})\n\nDebug"))


def test_a_bad_number_in_the_environment_is_one_line(monkeypatch):
    for text in ("soon", "-1", "inf"):
        monkeypatch.setenv(VARIABLE, text)
        with pytest.raises(UserError, match=f"{VARIABLE}={text}: expected a number of seconds"):
            Objects("memory://")


@pytest.fixture
def lost_answers(monkeypatch):
    """A list of numbers of coming writes (0 is the next) that work, and whose answer is lost."""
    numbers, really, count = [], obstore.put, iter(range(1000))

    def put(*args, **how):
        answer = really(*args, **how)
        if next(count) in numbers:
            raise GenericError("Error performing PUT http://b/k in 1s - HTTP error: error sending request")
        return answer

    monkeypatch.setattr(objects_module.obstore, "put", put)
    return numbers


@pytest.fixture
def patient_store():
    time = Time()
    return Store(Objects("memory://", patience=time.patience(300)))


def test_a_write_once_whose_answer_was_lost_is_ours(patient_store, lost_answers):
    lost_answers += [0]
    assert patient_store.put_once("some/key", b"mine")
    assert not patient_store.put_once("some/key", b"mine"), "the same bytes in a call of their own are not ours"
    assert not patient_store.put_once("some/key", b"other")


def test_a_write_once_that_another_won_meanwhile_is_not_ours(patient_store, monkeypatch):
    really = obstore.put

    def refused(store, key, data, **how):
        monkeypatch.setattr(objects_module.obstore, "put", really)
        really(store, key, b"theirs")
        raise GenericError(READ_ONLY)

    monkeypatch.setattr(objects_module.obstore, "put", refused)
    assert not patient_store.put_once("some/key", b"mine")
    assert patient_store.get("some/key") == b"theirs"


def test_a_commit_whose_answers_were_lost_is_recorded_once_and_by_us(patient_store, lost_answers):
    run = sample_run(0)
    lost_answers += [0, 2]  # of the curve and of the record; 1 is the curve again
    assert patient_store.commit_run(run, curve=pa.table({"loss": [0.5]}))
    assert not patient_store.commit_run(sample_run(0))
    assert patient_store.conflicts() == []
    assert list(contents(patient_store)["runs"]) == [run.run_id]


def test_a_plan_whose_answer_was_lost_is_one_revision(patient_store, lost_answers):
    lost_answers += [0]
    assert patient_store.put_plan("sweep", {"trials": 4}) == patient_store.put_plan("sweep", {"trials": 4}) == 1


# On real file systems, in a mount namespace of their own


def why_no_mounts():
    if os.geteuid() != 0 or shutil.which("unshare") is None:
        return "needs root and unshare, to mount file systems of its own"
    tried = subprocess.run(
        ["unshare", "-m", "mount", "-t", "tmpfs", "tmpfs", "/mnt"], capture_output=True, text=True, check=False
    )
    return f"mounting is forbidden here: {tried.stderr.strip()}" if tried.returncode else None


@pytest.fixture
def in_mounts(tmp_path):
    """Runs a scene of the program with a small file system of its own, and returns how it ended."""
    reason = why_no_mounts()
    if reason:
        pytest.skip(reason)

    def run(scene, patience):
        return subprocess.run(
            ["unshare", "-m", sys.executable, str(PROGRAM), scene, str(tmp_path)],
            env=os.environ | {VARIABLE: patience},
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )

    return run


@pytest.mark.parametrize(
    ("scene", "reason"), [("read_only_for_a_while", "Read-only file system"), ("full_for_a_while", "No space left")]
)
def test_a_real_outage_costs_the_outage(in_mounts, scene, reason):
    done = in_mounts(scene, "30")
    assert done.returncode == 0, done.stderr
    began, ended = done.stderr.splitlines()
    assert reason in began and "trying again until" in began
    assert "works again after" in ended
    assert done.stdout == "recorded True, conflicts 0, problems 0, curve whole\n"


def test_a_disk_that_stays_full_is_one_line_and_everything_recorded_before_is_whole(in_mounts):
    done = in_mounts("full_for_good", "1")
    assert done.returncode == 0, done.stderr
    assert "No space left on device (os error 28) (waited 1 s)" in done.stdout
    assert done.stdout.endswith("runs 1, problems 0, temporary files 0\n")


def test_a_command_on_a_read_only_store_does_not_wait(in_mounts):
    done = in_mounts("read_only_at_the_start", "300")  # the run's limit is 60 s
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert done.stdout.count("Read-only file system") == 4  # a probe, a lease, a lease taken over, a new store


@pytest.mark.parametrize("patient", [False, True])
def test_a_worker_of_a_sweep_waits_for_its_store_and_a_starting_command_does_not(tmp_path, monkeypatch, patient):
    Store.open(str(tmp_path))
    really, failures = obstore.get, iter([True, True, False, False])

    def get(*args):
        if next(failures):
            raise GenericError("Unable to open file FORMAT: Stale file handle (os error 116)")
        return really(*args)

    monkeypatch.setattr(objects_module.obstore, "get", get)
    if patient:
        Store.open(str(tmp_path), create=False, patient=True)
    else:
        with pytest.raises(UserError, match=r"FORMAT: cannot read: .*Stale file handle"):
            Store.open(str(tmp_path), create=False)

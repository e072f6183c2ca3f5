"""One driver at a time, judged by the observer's own clock."""

import json
import os
import subprocess
import sys

import pytest

from fieldmark.errors import StoreConflict, UserError
from fieldmark.search.lease_keeper import LeaseKeeper
from fieldmark.store import Store
from fieldmark.store.lease import Lease
from fieldmark.store.patience import VARIABLE

TTL = 30


class Time:
    """A clock that only sleeping moves; `during` happens in each sleep."""

    def __init__(self, during=lambda: None, start=0.0):
        self.now, self.during = start, during

    def clock(self):
        return self.now

    def sleep(self, seconds):
        self.now += seconds
        self.during()


def lease(store, holder="me", time=None, sweep="s1"):
    time = time or Time()
    return Lease(store, sweep, holder, clock=time.clock, ttl=TTL, sleep=time.sleep)


def move_elsewhere(store, epoch=1):
    """Rewrites a lease as if its holder were on another host."""
    key = f"sweeps/s1/lease/{epoch:06d}.json"
    store.put(key, json.dumps(json.loads(store.get(key)) | {"host": "far", "place": "far away"}).encode())


@pytest.fixture
def store():
    return Store.open("memory://")


def test_a_second_driver_is_refused_at_once_and_told_who_the_first_is(store):
    lease(store, "fieldmark sweep").acquire()
    time = Time()
    with pytest.raises(StoreConflict) as refused:
        lease(store, "other", time).acquire()
    assert time.now == 0
    for part in ("fieldmark sweep", f"pid {os.getpid()}", "since 20", "--takeover", os.uname().nodename):
        assert part in str(refused.value)


def test_a_released_lease_is_free(store):
    first = lease(store)
    assert first.acquire() == 1
    first.renew()
    first.release()
    assert lease(store).acquire() == 2


def test_sweeps_in_one_store_do_not_know_of_each_other(store):
    assert lease(store, sweep="s1").acquire() == lease(store, sweep="s2").acquire() == 1


def test_takeover_raises_the_epoch_and_the_old_driver_can_tell_nothing_more(store):
    first = lease(store, "first")
    first.acquire()
    second = lease(store, "second")
    assert second.acquire(takeover=True) == 2
    for action in (first.check, first.renew):
        with pytest.raises(StoreConflict, match="taken over by second"):
            action()
    first.release()
    second.renew()
    second.check()


def test_a_silent_holder_on_another_host_is_dead_after_ttl_seconds_of_watching(store):
    first = lease(store)
    first.acquire()
    first.renew()
    move_elsewhere(store)
    time = Time(start=1e9)  # clocks of two hosts have nothing in common
    assert lease(store, time=time).acquire() == 2
    assert TTL <= time.now - 1e9 <= TTL * 1.2


def test_a_holder_on_another_host_that_beats_even_once_while_watched_lives(store):
    first = lease(store)
    first.acquire()
    move_elsewhere(store)
    time = Time()
    time.during = lambda: time.now > TTL / 2 and first.renew()
    with pytest.raises(StoreConflict, match="host far"):
        lease(store, time=time).acquire()


def test_a_holder_that_releases_while_it_is_watched_makes_way_at_once(store):
    first = lease(store)
    first.acquire()
    move_elsewhere(store)
    time = Time(during=first.release)
    assert lease(store, time=time).acquire() == 2
    assert time.now < TTL / 2


def test_of_two_that_watch_the_same_dead_holder_one_takes_over(store):
    lease(store, "dead").acquire()
    move_elsewhere(store)
    rival = lease(store, "rival")
    time = Time()
    time.during = lambda: time.now == TTL and rival.acquire(takeover=True)
    with pytest.raises(StoreConflict, match="rival"):
        lease(store, "late", time).acquire()


HOLD = """
import os, sys
from fieldmark.store import Store
from fieldmark.store.lease import Lease
Lease(Store.open(sys.argv[1]), "s1", "killed").acquire()
os.kill(os.getpid(), 9)
"""


def test_a_killed_holder_on_this_host_is_replaced_at_once_even_while_it_is_a_zombie(tmp_path):
    killed = subprocess.Popen([sys.executable, "-c", HOLD, str(tmp_path)])
    os.waitid(os.P_PID, killed.pid, os.WEXITED | os.WNOWAIT)  # ended, but not yet waited for
    time = Time()
    assert lease(Store.open(str(tmp_path)), time=time).acquire() == 2
    assert time.now == 0
    killed.wait()


def test_a_process_id_that_was_used_again_is_not_the_holder(store):
    lease(store).acquire()
    key = "sweeps/s1/lease/000001.json"
    store.put(key, json.dumps(json.loads(store.get(key)) | {"started": "1"}).encode())
    assert lease(store).acquire() == 2


# A store that fails for a while


class Faulty:
    """Makes writes of the store fail as a read-only file system does, while `down`."""

    def __init__(self, monkeypatch, reason="Read-only file system (os error 30)"):
        import obstore
        from obstore.exceptions import GenericError

        from fieldmark.store import objects

        self.down = False
        really = obstore.put

        def put(*args, **how):
            if self.down:
                raise GenericError(reason)
            return really(*args, **how)

        monkeypatch.setattr(objects.obstore, "put", put)


@pytest.fixture
def faulty(monkeypatch):
    return Faulty(monkeypatch)


def test_a_holder_that_nobody_could_hear_is_not_taken_over(store, faulty):
    """Silence that the watcher shares says nothing; it is told so in one line, and tries later."""
    lease(store, "first").acquire()
    move_elsewhere(store)
    time = Time()
    time.during = lambda: setattr(faulty, "down", time.now > TTL / 3)
    with pytest.raises(UserError, match=r"000001.watched: cannot write: Read-only file system"):
        lease(store, "second", time).acquire()
    faulty.down = False
    assert lease(store, "third").acquire(takeover=True) == 2, "the second one had taken nothing"


def test_after_a_store_that_hung_the_watch_begins_anew(store):
    first = lease(store, "first")
    first.acquire()
    move_elsewhere(store)
    time = Time()

    def hang_once():
        if 20 < time.now < 25:
            time.now += 600  # the file server was away, for the holder, too

    time.during = lambda: (hang_once(), time.now > 630 and first.renew())
    with pytest.raises(StoreConflict, match="first"):
        lease(store, "second", time).acquire()


def keeper(store, monkeypatch, patience, now):
    monkeypatch.setenv(VARIABLE, str(patience))
    opened = Store.open(store.url)
    return LeaseKeeper(opened, "s1", takeover=False, clock=lambda: now[0])


def test_a_driver_keeps_its_lease_over_a_minute_without_writes(store, faulty, monkeypatch, capsys):
    now = [0.0]
    kept = keeper(store, monkeypatch, 300, now)
    with kept:
        faulty.down = True
        for now[0] in range(0, 60, 5):
            assert kept.beat()
        faulty.down = False
        assert kept.beat()
        kept.check()
        assert store.get("sweeps/s1/lease/000001.beat") is not None
    began, ended = capsys.readouterr().err.splitlines()
    assert "beat: cannot write: Read-only file system" in began
    assert "lease: works again" in ended


def test_a_driver_that_cannot_write_for_good_gives_its_lease_up(store, faulty, monkeypatch):
    now = [0.0]
    kept = keeper(store, monkeypatch, 300, now)
    with kept:
        faulty.down = True
        beats = 0
        while kept.beat():
            beats += 1
            now[0] += 5
        assert now[0] == 300
        assert not kept.kept
        with pytest.raises(UserError, match=r"Read-only .*; the lease could not be renewed for 300 s and is given up"):
            kept.check()


@pytest.mark.parametrize(("patience", "reason"), [(0, "Read-only (os error 30)"), (300, "denied (os error 13)")])
def test_without_patience_or_without_permission_the_lease_goes_at_once(store, monkeypatch, patience, reason):
    faulty, now = Faulty(monkeypatch, reason), [0.0]
    with keeper(store, monkeypatch, patience, now) as kept:
        faulty.down = True
        assert not kept.beat()
        faulty.down = False


def test_a_driver_that_comes_back_after_it_was_replaced_knows_it(store, faulty, monkeypatch):
    now = [0.0]
    with keeper(store, monkeypatch, 300, now) as kept:
        faulty.down = True
        assert kept.beat()
        faulty.down = False
        lease(store, "second").acquire(takeover=True)
        assert not kept.beat()
        with pytest.raises(StoreConflict, match="taken over by second"):
            kept.check()


def test_a_store_that_is_not_mounted_any_more_is_no_takeover(tmp_path, monkeypatch):
    now = [0.0]
    with keeper(Store.open(str(tmp_path / "s")), monkeypatch, 300, now) as kept:
        (tmp_path / "s").rename(tmp_path / "away")
        (tmp_path / "s").mkdir()
        assert kept.beat(), "gave up what nobody took"
        (tmp_path / "s").rmdir()
        (tmp_path / "away").rename(tmp_path / "s")
        assert kept.beat()

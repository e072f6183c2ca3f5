"""One driver at a time, judged by the observer's own clock."""

import json
import os
import subprocess
import sys

import pytest

from fieldmark.errors import StoreConflict
from fieldmark.store import Store
from fieldmark.store.lease import Lease

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

"""What a worker tells the driver is told in the end, whatever the network does meanwhile."""

import threading

import pytest
import ray

from fieldmark.search.training import link as links
from fieldmark.search.training.link import Link, Mailbox, Message


class Far:
    """A mailbox that cannot be reached at first, and then no more at all."""

    def __init__(self, errors: list[Exception]) -> None:
        self.mailbox, self._errors = Mailbox(), errors
        self.reached, self.tell = threading.Event(), self

    def remote(self, messages: list[Message]) -> bool:
        if self._errors:
            raise self._errors.pop(0)
        self.reached.set()
        return self.mailbox.tell(messages)


def unavailable() -> Exception:
    return ray.exceptions.ActorUnavailableError("the network is down for a while", b"\0" * 16)


def link_to(far: Far, monkeypatch: pytest.MonkeyPatch) -> Link:
    monkeypatch.setattr(ray, "get", lambda value: value)
    monkeypatch.setattr(links, "EVERY", 0.005)
    return Link(far)


def has_ended() -> bool:
    """Whether the links' threads end, as they do when the driver is gone."""
    for thread in threading.enumerate():
        if thread.name == "link":
            thread.join(20)
    return all(thread.name != "link" for thread in threading.enumerate())


def gone() -> Exception:
    return ray.exceptions.ActorDiedError()


def test_a_network_that_is_down_for_a_while_loses_no_word(monkeypatch: pytest.MonkeyPatch) -> None:
    errors = [unavailable(), unavailable(), ray.exceptions.GetTimeoutError()]
    far = Far(errors)
    link = link_to(far, monkeypatch)
    link.tell("run", "r")
    far.mailbox.stop()
    assert far.reached.wait(20)
    assert Message("run", "r") in far.mailbox.take()
    assert link._stopping.wait(20), "and it hears of the end"
    errors.append(gone())
    assert has_ended()


def test_who_waits_for_the_store_lives(monkeypatch: pytest.MonkeyPatch) -> None:
    far, waits = Far([gone()]), [0]
    link = link_to(far, monkeypatch)
    assert has_ended(), "from here on it exchanges by hand"
    link.count(lambda: waits[0])
    for expected in ([], [Message("alive")], []):
        waits[0] += bool(expected)
        link.exchange()
        assert far.mailbox.take() == expected

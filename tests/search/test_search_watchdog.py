"""Silence does not last for ever."""

from fieldmark.search.executors.watchdog import Watchdog

ASKS = "trial(s) ask for 1 CPU each"


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_it_says_what_is_asked_for_and_what_is_there() -> None:
    said: list[str] = []
    clock = Clock()
    dog = Watchdog(said.append, lambda: "1 node(s), 2 CPUs of which 0 are free", asks=ASKS, patience=60, clock=clock)
    for clock.now in (0, 30, 59):
        dog.look(3, 0)
    assert not said
    for clock.now in (61, 90, 122):
        dog.look(3, 0)
    assert len(said) == 2
    assert "3 trial(s) ask for 1 CPU each" in said[0]
    assert "0 are free" in said[0]


def test_signs_of_life_and_having_nothing_to_do_keep_it_quiet() -> None:
    said: list[str] = []
    clock = Clock()
    dog = Watchdog(said.append, str, asks=ASKS, patience=60, clock=clock)
    for second in range(0, 600, 50):
        clock.now = second
        dog.look(1, second)
    for second in range(600, 1200, 50):
        clock.now = second
        dog.look(0, 7)
    assert not said

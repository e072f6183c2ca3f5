"""Silence does not last for ever."""

from fieldmark.search.executors.watchdog import Watchdog

ASKS = "trial(s) ask for 1 CPU each"


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_it_says_what_is_asked_for_and_what_is_there_ever_more_rarely() -> None:
    said: list[str] = []
    clock = Clock()
    dog = Watchdog(said.append, lambda: "1 node(s), 2 CPUs of which 0 are free", asks=ASKS, patience=60, clock=clock)
    for clock.now in (0, 30, 59):
        dog.look(3, 0)
    assert not said
    for clock.now in range(61, 3600, 10):
        dog.look(3, 0)
    assert len(said) == 8, "after 1, 3, 7, 15, 25, ... minutes"
    assert "3 trial(s) ask for 1 CPU each" in said[0] and "for 1.0 min" in said[0]
    assert "for 7.0 min" in said[2], "since the beginning"
    assert "0 are free" in said[0]


def test_it_speaks_when_results_come_but_nothing_new_is_placed() -> None:
    said: list[str] = []
    clock = Clock()
    dog = Watchdog(said.append, lambda: "node b is dead", asks=ASKS, patience=60, clock=clock)
    for second in range(0, 100, 5):
        clock.now = second
        dog.look(4, second, unplaced=2, placed=7)
    assert said == ["2 of 4 trial(s) ask for 1 CPU each and cannot be placed since 1.0 min; node b is dead"]
    for second in range(100, 200, 5):
        clock.now = second
        dog.look(4, second, unplaced=1, placed=second)
    assert len(said) == 1, "now they are placed, one after the other"


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

"""Which sweeps and runs are being driven just now, as far as one can see from here."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from fieldmark.store import layout, processes
from fieldmark.store.commit import read_json
from fieldmark.store.lease import CHECKS_A_TTL
from fieldmark.store.objects import Objects


@dataclass(frozen=True, slots=True, kw_only=True)
class _Newest:
    """The newest epoch of a lease that was not given back."""

    of: str
    """The sweep or run."""
    stem: str
    """Of its objects' keys."""


def lease_marks(objects: Objects) -> frozenset[str]:
    """Returns what there is more of when a driver begins or ends; whoever deletes takes it before looking for any."""
    return frozenset(key for key in _lease_keys(objects) if key.endswith((".json", ".released")))


def driven(
    objects: Objects,
    *,
    ttl: float = 30,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
    say: Callable[[str], None] = lambda _: None,
) -> set[str]:
    """Returns the ids of sweeps and runs whose drivers live.

    Drivers on this host are looked up; those on others are watched together for `ttl` seconds, and whoever moves lives.

    Args:
        objects: of the store.
        ttl: seconds after which a silent driver is taken for dead, as by `fieldmark.store.lease`.
        clock: seconds.
        sleep: takes seconds.
        say: told that there is somebody to watch, and for how long.
    """
    living, far = set(), []
    for one in _held(_lease_keys(objects)):
        holder = read_json(objects, f"{one.stem}.json")
        if holder["place"] != processes.place():
            far.append(one)
        elif processes.started(holder["pid"]) == holder["started"]:
            living.add(one.of)
    if not far:
        return living
    say(f"watching {len(far)} drivers on other hosts for {ttl:g} s")
    before = {one: objects.get(f"{one.stem}.beat") for one in far}
    marks, since = lease_marks(objects), clock()
    while clock() - since < ttl and not {one.of for one in far} <= living:
        sleep(ttl / CHECKS_A_TTL)
        living |= {one.of for one in far if objects.get(f"{one.stem}.beat") != before[one]}
    changed = marks ^ lease_marks(objects)  # taken over or given back meanwhile: somebody is at it
    return living | {one.of for one in far if any(key.startswith(one.stem.rpartition("/")[0]) for key in changed)}


def _lease_keys(objects: Objects) -> list[str]:
    of_sweeps = [key for key in objects.keys(layout.SWEEPS) if "/lease/" in key]
    return of_sweeps + objects.keys(layout.RUN_LEASES)


def _held(keys: list[str]) -> list[_Newest]:
    newest: dict[str, _Newest] = {}
    for key in sorted(key for key in keys if key.endswith(".json")):
        newest[key.split("/")[1]] = _Newest(of=key.split("/")[1], stem=key.removesuffix(".json"))
    return [one for one in newest.values() if f"{one.stem}.released" not in keys]

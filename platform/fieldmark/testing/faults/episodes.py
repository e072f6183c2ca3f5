"""Repeats commands with faults until so many are injected; a loop that is cut off goes on."""

import random
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Generic, TypeVar

from fieldmark.store import Store
from fieldmark.testing.faults.difference import recorded
from fieldmark.testing.faults.record import Injection, append, load
from fieldmark.testing.faults.scene import ROOT, Scene

S = TypeVar("S", bound=Scene)


@dataclass(frozen=True, kw_only=True)
class Kind(Generic[S]):
    """A kind of fault."""

    scene: type[S]
    """What it is injected into."""
    inject: Callable[[S, random.Random], tuple[dict[str, Any], list[Injection]]]
    """Injects faults into one command until it ends; returns what that printed, and the injections, unchecked."""


def in_episodes(kind: Kind[S], name: str, folder: Path, wanted: int, seed: int) -> list[Injection]:
    """Injects until so many faults of a kind are recorded, and checks every command's end state.

    Args:
        kind: of fault.
        name: of the kind.
        folder: of everything; undisturbed commands lie beside the kinds.
        wanted: injections.
        seed: of all moments and victims.

    Returns:
        All injections of the kind, those of earlier calls first.

    Raises:
        AssertionError: something was lost; the episode's folder stays as it is.
    """
    file = folder / f"{name}.jsonl"
    undisturbed = kind.scene(folder=folder / f"undisturbed-{kind.scene.__name__}").whole()
    number = 0
    while len(load(file)) < wanted:
        number += 1
        source = f"{name} {seed} {number}"
        if any(one.drawn_from == source for one in load(file)):
            continue
        scene = kind.scene(folder=folder / f"{name}-{number}")
        scene.remove()  # of a loop that was cut off
        printed, injections = kind.inject(scene, random.Random(source))
        if not injections:
            continue  # the command had ended before anything could be done to it
        checks = scene.check(printed, undisturbed)
        lost = {"runs": float(missing(scene.opened(), undisturbed)), "given_up": float(printed.get("given_up", 0))}
        first, *others = injections  # what a whole sweep lost is counted once
        found = [replace(first, lost=first.lost | lost), *others]
        append(file, *(replace(one, drawn_from=source, checks=checks, revision=revision()) for one in found))
        scene.remove()
    return load(file)


def missing(store: Store, undisturbed: Store) -> int:
    """Returns how many runs of the undisturbed store the other lacks."""
    return len(recorded(undisturbed) - recorded(store))


def revision() -> str:
    """Returns the revision of the source that is tried."""
    done = subprocess.run(["git", "rev-parse", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False)
    return done.stdout.strip()

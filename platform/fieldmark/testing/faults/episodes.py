"""Repeats commands with faults until so many are injected; a loop that is cut off goes on."""

import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Generic, TypeVar

from fieldmark.testing.faults.record import Injection, append, load
from fieldmark.testing.faults.scene import Scene

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
        checks = scene.check(printed, undisturbed)
        nothing = {"runs": 0.0}  # or the check would have raised
        append(file, *(replace(one, drawn_from=source, checks=checks, lost=one.lost | nothing) for one in injections))
        scene.remove()
    return load(file)

"""Where each fusion and backbone is defined, read from our sources: to import them is seconds of torch and timm."""

import ast
import importlib
import importlib.metadata
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import fieldmark

Part = Literal["fusion", "backbone"]
FOLDERS: dict[Part, str] = {"fusion": "fusions", "backbone": "backbones"}
"""What a part's decorator is called, to the folder of `fieldmark.models` in which the built-in ones are."""
ENTRY_POINTS = "fieldmark.fusions"
"""As `fieldmark.models.fusions.registry` has it, which imports torch."""


def defined(part: Part, *, imported: bool) -> list[dict[str, str]]:
    """Returns each part's name, `module:Class` and file.

    Args:
        part: which kind.
        imported: whether a user's file was run, and so may have registered some.
    """
    found = list(_built_in(part))
    if imported or (part == "fusion" and importlib.metadata.entry_points(group=ENTRY_POINTS)):
        known = {row["name"] for row in found}
        found += [row for row in _registered(part) if row["name"] not in known]
    return found


def _built_in(part: Part) -> Iterator[dict[str, str]]:
    folder = Path(fieldmark.__file__).parent / "models" / FOLDERS[part]
    for file in sorted(folder.glob("*.py")):
        module = f"fieldmark.models.{FOLDERS[part]}.{file.stem}"
        for node in ast.parse(file.read_bytes()).body:
            for name in _names(node, part):
                assert isinstance(node, ast.ClassDef)
                yield {"name": name, "defined_in": f"{module}:{node.name}", "file": str(file)}


def _names(node: ast.stmt, part: Part) -> Iterator[str]:
    """Yields the names by which a class is registered: `@fusion("name")`."""
    for call in node.decorator_list if isinstance(node, ast.ClassDef) else ():
        match call:
            case ast.Call(func=ast.Name(id=called), args=[ast.Constant(value=str(name)), *_]) if called == part:
                yield name


def _registered(part: Part) -> Iterator[dict[str, str]]:
    registry = importlib.import_module(f"fieldmark.models.{FOLDERS[part]}.registry")
    for name in registry.names():
        where = registry.defined_in(name)
        file = getattr(sys.modules.get(where.partition(":")[0]), "__file__", "")
        yield {"name": name, "defined_in": where, "file": str(file)}

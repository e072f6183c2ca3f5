"""Where pages come from and how they are put in place: templates that escape everything, files replaced in one step."""

import os
import secrets
from functools import cache
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined


@cache
def environment() -> Environment:
    """Returns the templates' environment."""
    loader = PackageLoader("fieldmark.dashboard", "templates")
    return Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)


@cache
def resource(name: str) -> str:
    """Returns a file that lies beside the templates."""
    source, _, _ = environment().loader.get_source(environment(), name)  # type: ignore[union-attr]
    return source


def replace_file(path: Path, content: bytes) -> None:
    """Writes a file in one step, unless it says the same already.

    Raises:
        OSError: where that is not possible.
    """
    if path.is_file() and path.read_bytes() == content:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        unfinished.write_bytes(content)
        os.replace(unfinished, path)
    finally:
        unfinished.unlink(missing_ok=True)

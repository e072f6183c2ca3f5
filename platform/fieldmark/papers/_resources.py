"""Reads the JSON files that lie inside this package."""

import json
from importlib.resources import files
from typing import Any


def load(name: str) -> Any:
    """Returns the parsed content of `papers/data/<name>.json`."""
    return json.loads(files("fieldmark.papers").joinpath("data", f"{name}.json").read_text(encoding="utf-8"))

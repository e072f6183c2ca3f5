"""The files of an export."""

from pathlib import Path

FORMAT = 1
"""Version of the folder's layout; a reader accepts this one and every older one."""
WEIGHTS = "weights.safetensors"
CATEGORIES = "categories.json"
PREPROCESSING = "preprocessing.json"
CONFIGURATION = "configuration.json"
EXTENSION = "extension.py"
CARD = "README.md"


def is_export(folder: Path) -> bool:
    """Whether a folder holds what an export must hold."""
    return all((folder / name).is_file() for name in (WEIGHTS, CATEGORIES, PREPROCESSING, CONFIGURATION))

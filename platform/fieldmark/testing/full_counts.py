"""`python -m fieldmark.testing.full_counts`: counts the models of the papers at full size, for the tables to read.

The file it writes is package data. A count changes when a fusion or a backbone does, which a test notices.
"""

import json
from pathlib import Path

import fieldmark.papers
from fieldmark.config import ClassifierConfig
from fieldmark.models.describe import describe_classifier
from fieldmark.papers import MEASURED, measurements
from fieldmark.tables.counts import FILE, categories_as_printed, size_key


def wanted() -> dict[str, tuple[ClassifierConfig, int]]:
    """Returns the models that stand beside a published one, with their numbers of categories, by `size_key`."""
    found: dict[str, tuple[ClassifierConfig, int]] = {}
    for one in (one for table in MEASURED for one in measurements(table, "paper")):
        if one.full is not None:
            categories = categories_as_printed(one)
            found[size_key(one.full, categories)] = (one.full, categories)
    return dict(sorted(found.items()))


def counted() -> dict[str, list[int]]:
    """Returns parameters and multiply-adds by `size_key`; takes about half a second a model."""
    described = {key: describe_classifier(*model) for key, model in wanted().items()}
    return {key: [size.parameters, size.multiply_adds] for key, size in described.items()}


def main() -> None:
    """Writes the file into the source tree that this package is imported from."""
    path = Path(fieldmark.papers.__path__[0]) / "data" / f"{FILE}.json"
    lines = ",\n".join(f" {json.dumps(key)}: {json.dumps(value)}" for key, value in counted().items())
    path.write_text(f"{{\n{lines}\n}}\n")
    print(path)


if __name__ == "__main__":
    main()

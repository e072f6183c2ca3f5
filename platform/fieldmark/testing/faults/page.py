"""Writes docs/reliability.md: ``python -m fieldmark.testing.faults.page``."""

import json

from fieldmark.testing.faults.scene import ROOT
from fieldmark.testing.faults.summary import page


def main() -> None:
    """Writes the page from the evidence."""
    evidence = json.loads((ROOT / "docs/evidence/faults.json").read_text())
    (ROOT / "docs/reliability.md").write_text(page(evidence))


if __name__ == "__main__":
    main()

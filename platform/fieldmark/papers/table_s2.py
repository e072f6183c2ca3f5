"""What each row of Table S2 runs."""

from fieldmark.config import PriorsNetConfig
from fieldmark.papers.published import PublishedRow


def configuration(row: PublishedRow) -> PriorsNetConfig | None:
    """Returns the settings of a row of Table S2 in the paper's units, or None for the row that is no PriorsNet.

    Row 9 is read as batch 4096 (its footnote says why). The starred row learns its prior from the superset.
    """
    assert row.table == "S2", row.table
    if "sampler" not in row.keys:
        return None
    return PriorsNetConfig(
        batch=row.keys.get("batch_probable", row.keys["batch"]),
        lr=row.keys["lr"],
        sampler=row.keys["sampler"],
        images_per_class=row.keys["images_per_class"],
        train_on="train" if row.allowed else "superset",
    )

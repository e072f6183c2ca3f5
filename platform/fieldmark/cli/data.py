"""`fieldmark data describe`: look at a data set before anything is trained on it."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from fieldmark.cli.common import JsonFlag, print_json
from fieldmark.errors import UserError

if TYPE_CHECKING:
    from fieldmark.data.describe import Description

SHOWN_BAD = 10
PICTURES = (".png", ".svg", ".pdf")


def describe(
    spec: str,
    /,
    *,
    protocol: Annotated[str | None, Parameter(help="Split protocol and seed, e.g. coordinate:0.")] = None,
    map: Annotated[Path | None, Parameter(name="--map", help="Draw a map into this .png, .svg or .pdf file.")] = None,
    max_bad_share: Annotated[float, Parameter(help="Stop when a larger share of records is bad.")] = 0.2,
    json: JsonFlag = False,
) -> None:
    """Print counts against the published ones, the share of each field, splits, fingerprint and bad records.

    Args:
        spec: The data set, e.g. world, occurrences:FILE.csv.gz, inat2018:DIR, yfcc_inat2017:FILE.zip.
    """
    from fieldmark.data.describe import describe as describe_data
    from fieldmark.data.open import open_dataset

    if map is not None:
        _check_picture(map)
    data = open_dataset(spec, protocol=protocol, max_bad_share=max_bad_share)
    description = describe_data(data)
    if map is not None:
        from fieldmark.figures.map import draw_map

        draw_map(data.observations, map)
    if json:
        print_json(description.to_json())
        return
    _print(description)
    if map is not None:
        print(f"map           {map}")


def _check_picture(path: Path) -> None:
    """Refuses a map that could not be written, before the records are read."""
    if path.suffix.lower() not in PICTURES:
        raise UserError(f"--map {path}: expected a name that ends in {', '.join(PICTURES)}")
    if not path.parent.is_dir():
        raise UserError(f"--map {path}: there is no folder {path.parent}")


def _print(found: "Description") -> None:
    sizes, shares = found.training_sizes, found.field_shares
    print(f"data set      {found.name}, fingerprint {found.fingerprint}")
    print(f"records       {found.records:,} of {found.read:,} read, {found.categories:,} categories")
    print(f"split         {found.protocol}: " + ", ".join(f"{name} {n:,}" for name, n in found.counts.items()))
    print(f"a category    {sizes.smallest} to {sizes.largest} training records, median {sizes.median:g}", end="")
    print(f"; {len(sizes.absent)} categories have none" if sizes.absent else "")
    print("fields        " + ", ".join(f"{name} {share:.1%}" for name, share in shares.items()))
    if found.first_date is not None:
        print(f"dates         {found.first_date} to {found.last_date}")
    if found.superset_records is not None:
        print(f"superset      {found.superset_records:,} training records")
    for check in found.published:
        agrees = "agrees" if check.agrees else "DIFFERS"
        print(f"published     {check.what}: {check.published:,}; found {check.found:,}: {agrees}")
    _print_bad(found)


def _print_bad(found: "Description") -> None:
    print(f"bad records   {sum(found.bad_counts.values()):,}")
    for reason, count in found.bad_counts.items():
        print(f"  {count:>8,}  {reason}")
    for record in found.bad[:SHOWN_BAD]:
        print(f"            {record.file}, row {record.row}, {record.field}: {record.reason}")
    if len(found.bad) > SHOWN_BAD:
        print("            ... --json lists up to 1,000")

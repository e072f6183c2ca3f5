"""Which records a run goes without, and why."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice

from fieldmark.data.images.sources import Pictures
from fieldmark.data.observations import BadRecord, Observations, ReadReport
from fieldmark.data.readers.badlog import LISTED
from fieldmark.errors import UserError

FIELD = "image"


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageReport:
    """What looking at every picture of a data set found."""

    images: int
    """Pictures that were looked at: one for every record that could be read."""
    bad: tuple[BadRecord, ...]
    """Bad pictures, at most the first 1,000: file, and position of the record among those that could be read."""
    bad_counts: Mapping[str, int]
    """Reason, without figures, to number of pictures; of all."""
    records: ReadReport
    """What reading the records had found before."""

    @property
    def bad_images(self) -> int:
        """How many pictures are bad."""
        return sum(self.bad_counts.values())

    def lines(self) -> list[str]:
        """Returns what to tell a user: each record and each picture that is left out, with its reason."""
        read, left_out = self.records.read, self.records.read - self.records.kept
        found = [f"{left_out:,} of {read:,} records left out"] if self.records.bad_counts else []
        found += [f"  {bad.file}, row {bad.row}, {bad.field}: {bad.reason}" for bad in self.records.bad]
        if self.bad:
            reasons = ", ".join(f"{count:,} {reason}" for reason, count in self.bad_counts.items())
            found.append(f"{self.bad_images:,} of {self.images:,} pictures left out: {reasons}")
        found += [f"  {bad.file}: {bad.reason}" for bad in self.bad]
        unlisted = self.bad_images - len(self.bad)
        return [*found, f"  and {unlisted:,} more"] if unlisted else found


def image_report(observations: Observations, pictures: Pictures, bad: Mapping[int, str]) -> ImageReport:
    """Returns the report on these bad pictures (position to reason)."""
    counts = Counter(reason.partition(" (")[0] for reason in bad.values())
    return ImageReport(
        images=len(pictures),
        bad=tuple(
            BadRecord(file=pictures.name(at), row=at, field=FIELD, reason=reason)
            for at, reason in islice(bad.items(), LISTED)
        ),
        bad_counts=dict(counts.most_common()),
        records=observations.report,
    )


def require_enough(report: ImageReport, max_bad_share: float) -> None:
    """Refuses a data set of which too much is left out; records and pictures count alike.

    Raises:
        UserError: naming the first bad file, its reason, and how many there are.
    """
    read = report.records.read
    left_out = read - report.records.kept
    if not report.bad or left_out + report.bad_images <= max_bad_share * read:
        return
    first = report.bad[0]
    before = f" beside {left_out:,} records that had been left out before:" if left_out else ","
    raise UserError(
        f"{first.file}, {first.field}: {first.reason}; {report.bad_images:,} of {report.images:,} pictures cannot be "
        f"used{before} more than the {max_bad_share:.0%} of all records that are passed over"
    )

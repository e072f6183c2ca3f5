"""Tables S1 and S3 to S6 from the results of a reproduction."""

from fieldmark.tables.reproduced.table import REPRODUCED, SCALES, reproduced_table

__all__ = ["REPRODUCED", "SCALES", "reproduced_table"]

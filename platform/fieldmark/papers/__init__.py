"""Published tables and the claims of their papers, as data; imports only the configurations."""

from fieldmark.papers.claims import Claim, ClaimVerdict, claims, verdict
from fieldmark.papers.datasets import DatasetCounts, dataset_counts, test_images
from fieldmark.papers.published import PAPERS, TABLES, PublishedRow, rows, table_title
from fieldmark.papers.table_s2 import configuration

__all__ = [
    "PAPERS",
    "TABLES",
    "Claim",
    "ClaimVerdict",
    "DatasetCounts",
    "PublishedRow",
    "claims",
    "configuration",
    "dataset_counts",
    "rows",
    "table_title",
    "test_images",
    "verdict",
]

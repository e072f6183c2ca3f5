"""Published tables and the claims of their papers, as data; imports only the configurations."""

from fieldmark.papers.claims import Claim, ClaimVerdict, claims, verdict
from fieldmark.papers.datasets import DatasetCounts, dataset_counts, test_images
from fieldmark.papers.figure_runs import FigureRun, figure_runs
from fieldmark.papers.measurement import Measurement
from fieldmark.papers.measurements import MEASURED, measurements, published_accuracies
from fieldmark.papers.published import PAPERS, TABLES, PublishedRow, rows, table_title
from fieldmark.papers.row_selector import select
from fieldmark.papers.table_s2 import configuration
from fieldmark.papers.worlds import WORLDS

__all__ = [
    "MEASURED",
    "PAPERS",
    "TABLES",
    "WORLDS",
    "Claim",
    "ClaimVerdict",
    "DatasetCounts",
    "FigureRun",
    "Measurement",
    "PublishedRow",
    "claims",
    "configuration",
    "dataset_counts",
    "figure_runs",
    "measurements",
    "published_accuracies",
    "rows",
    "select",
    "table_title",
    "test_images",
    "verdict",
]

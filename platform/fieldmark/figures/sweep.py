"""A sweep's plots: pure functions from what was measured to a figure, and the same for a README."""

from fieldmark.figures.reliability_plot import reliability_figure
from fieldmark.figures.search_plot import search_figure
from fieldmark.figures.sweep_picture import draw_sweep
from fieldmark.figures.sweep_plot import scores_figure
from fieldmark.figures.sweep_reading import read_sweep
from fieldmark.figures.sweep_scores import SweepScores

__all__ = ["SweepScores", "draw_sweep", "read_sweep", "reliability_figure", "scores_figure", "search_figure"]

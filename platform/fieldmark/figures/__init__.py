"""The papers' figures and a sweep's plots: pure functions from stored results to a figure."""

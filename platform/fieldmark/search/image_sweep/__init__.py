"""Sweeps of image classifiers: fusions and resolutions."""

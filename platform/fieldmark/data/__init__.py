"""Observations: reading, checking, splitting, sampling, and the embedded world."""

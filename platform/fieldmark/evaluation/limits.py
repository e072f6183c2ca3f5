"""Defaults that a person may change; imports nothing, so that `--help` is quick."""

HEAD = 100
"""Training images from which a category is head (Cui et al. 2018)."""

BUDGET = 2 << 30
"""Bytes that all kept probabilities of a store may take: 2 GiB."""

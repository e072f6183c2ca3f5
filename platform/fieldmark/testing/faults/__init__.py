"""Faults injected on purpose, from a seed, and what they cost."""

"""Trains fusions on the cached features of a frozen image-only model."""

"""Runs what the tables of a paper need, and only what the store lacks."""

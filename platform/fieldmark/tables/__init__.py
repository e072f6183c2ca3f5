"""Comparison tables: join, statistics, verdicts, rendering."""

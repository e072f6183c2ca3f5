"""Sweeps: what to run next, where, resume, preflight and budgets. Only this package imports Ray."""

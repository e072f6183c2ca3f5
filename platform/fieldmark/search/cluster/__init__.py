"""Launches, checks and feeds Ray clusters."""

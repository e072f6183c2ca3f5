"""Trained models taken away: saved with all they need, loaded and asked without Ray or a store."""

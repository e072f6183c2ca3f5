"""Evaluates recorded classifiers: other sizes and crops, fields withheld, ensembles, where they look."""

"""fieldmark: run, compare and reproduce recognition experiments that join an image with where and when it was taken."""

__version__ = "0.1.0"

"""One training run, driven: in this process, or by Ray Train over several workers."""

"""Training image classifiers: one plain PyTorch loop, whose numbers do not depend on the number of workers."""

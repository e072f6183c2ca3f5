"""Location encoders, priors and their losses; knows tensors, not files or runs."""

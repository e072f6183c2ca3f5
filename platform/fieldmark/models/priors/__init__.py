"""The reference priors of SPEC 2.5 that count records: class frequency, grid, neighbours, kernel density."""

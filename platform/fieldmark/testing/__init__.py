"""Contract tests shipped as code: a new store, fusion or data set is checked by calling one function."""

"""A cluster that is not there: the real search code in virtual time, to see what it costs and where it ends."""

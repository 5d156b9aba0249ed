"""The real scheduler on a cluster that is not there: a thousand workers in virtual time."""

"""The command `partita`: a first look at datasets, and the demo. It stands on `api`."""

"""TPC-H as a Partita user writes it."""

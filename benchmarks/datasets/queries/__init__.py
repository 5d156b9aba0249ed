"""The queries in the language of each engine, each a function of its name."""

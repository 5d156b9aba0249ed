"""The cases in the language of each engine."""

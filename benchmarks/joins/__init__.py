"""Joins of 10 million rows with tables of three sizes: ``python -m benchmarks.joins``.

Reading order: `suite` (the data), `cases` (what is asked), `queries` (as each engine has it).
"""

"""Sorts of 10 million rows, and the first rows of a sort: ``python -m benchmarks.sorts``.

Reading order: `suite` (the data, and what is compared), `cases` (what is asked), `queries` (as each
engine has it).
"""

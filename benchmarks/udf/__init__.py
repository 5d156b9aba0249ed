"""A Python function over 5 million rows: ``python -m benchmarks.udf``.

Reading order: `functions` (the same source for every engine), `suite` (the data), `queries` (how
each engine is given the functions).
"""

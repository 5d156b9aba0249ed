"""Datasets of awkward shapes: ``python -m benchmarks.datasets``.

Ten thousand small files; two hundred columns of which three are asked for; five hundred partitions
of which one is. Reading order: `suite` (the data), `queries` (as each engine has them).
"""

"""The page's figures out of what the suites wrote: ``python -m benchmarks.page --json FILE ...``.

Reading order: `targets` (what is to be reached, and where it is read), `page` (all tables).
"""

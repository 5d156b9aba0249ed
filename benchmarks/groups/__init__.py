"""Group-by over 10 million rows, two groups to one for each row: `python -m benchmarks.groups`.

Reading order: `suite` (the data), `cases` (what is asked), `queries` (as each engine has it).
"""

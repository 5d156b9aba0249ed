"""TPC-H against peers in one run: ``python -m benchmarks.tpch --help``.

Reading order: `suite` (the switches, and what the harness is given), `dataset` (what is read),
`queries` (what is asked), `floor` (what no engine can do without).
"""

"""TPC-H against peers in one run: ``python -m benchmarks.tpch --help``.

Reading order: `command` (the switches), `dataset` (what is read), `queries` (what is asked),
`engines` (who answers, each in a process of its own), `rounds` (who is asked when), `comparison`
(whether the answers agree), `memory` (what the answer cost), `report` (what is written).
"""

"""The command line: how often, against whom, and where the results go."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ..harness.cache import cache_directory, made_once
from ..harness.engines import SUBJECT, check_installed, version
from ..harness.errors import BenchmarkError
from ..harness.options import listed, positive
from ..harness.rows import SEED, write
from .measured import BASE, MODULES, empty_tasks, first_queries, imports, warm_queries
from .report import Report, as_json, as_markdown

ROWS = {"first": 1_000_000, "warm": 100}
"""Rows of the files that are asked."""

QUICK = {"runs": 1, "queries": 5, "tasks": 100}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark and return its exit code, as the other suites do."""
    asked = _parser().parse_args(arguments)
    if asked.quick:
        vars(asked).update(QUICK)
    try:
        report = run(asked)
    except BenchmarkError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    print(as_markdown(report), end="")
    if asked.markdown is not None:
        asked.markdown.write_text(as_markdown(report))
    if asked.json is not None:
        asked.json.write_text(json.dumps(as_json(report), indent=1) + "\n")
    return 0


def run(asked: argparse.Namespace) -> Report:
    """Measure everything, one after the other."""
    names = [SUBJECT, *asked.peers]
    check_installed(names)
    data = made_once(cache_directory("overhead") / "v1", _make)
    before = os.getloadavg()[0]
    modules = [BASE, *(MODULES[name] for name in names)]
    fewer = max(1, asked.runs // 3)
    series = [
        *imports(modules, asked.runs),
        *first_queries(names, data / "first.parquet", fewer),
        *warm_queries(names, data / "warm.parquet", fewer, asked.queries),
        *empty_tasks(asked.tasks, fewer),
    ]
    return Report(
        runs=asked.runs,
        versions={name: version(name) for name in names},
        load=(before, os.getloadavg()[0]),
        series=series,
    )


def _make(directory: Path) -> None:
    rng = np.random.default_rng(SEED)
    for name, rows in ROWS.items():
        columns = {
            "k": rng.integers(0, 10, rows),
            "n": rng.integers(0, 1000, rows),
            "x": np.round(rng.random(rows), 3),
        }
        write(directory / f"{name}.parquet", columns)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.overhead",
        description="Imports, first queries in new processes, small queries, empty tasks.",
    )
    add = parser.add_argument
    add("--peers", type=listed, default=["polars", "duckdb"], help="polars,duckdb,dask")
    add("--runs", type=positive, default=15, help="imports of each; a third of it of the rest (15)")
    add("--queries", type=positive, default=100, help="warm queries in each run (100)")
    add("--tasks", type=positive, default=10_000, help="empty tasks (10,000)")
    add("--quick", action="store_true", help="one run and few tasks: whether it works")
    add("--json", type=Path, metavar="FILE", help="write everything here")
    add("--markdown", type=Path, metavar="FILE", help="write the table here")
    return parser

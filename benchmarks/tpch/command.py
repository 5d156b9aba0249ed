"""The command line: what to run, on what, against whom, and where the results go."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from .client import EngineProcess
from .dataset import Dataset, existing, generated
from .engines import SUBJECT, Options, check_installed, version
from .errors import BenchmarkError, SetupError
from .report import Report, as_json, as_markdown
from .rounds import measure
from .verification import REFERENCE, verify


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark and return its exit code.

    0; 1: an engine failed or rows differ; 2: nothing was run; 130: interrupted.
    """
    asked = _parser().parse_args(arguments)
    try:
        report = run(asked)
    except BenchmarkError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print("interrupted: nothing was written", file=sys.stderr)
        return 130
    if report is None:
        print("All rows are right.")
        return 0
    print()
    print(as_markdown(report), end="")
    if asked.markdown is not None:
        asked.markdown.write_text(as_markdown(report))
    if asked.json is not None:
        asked.json.write_text(json.dumps(as_json(report), indent=1) + "\n")
    return 0


def run(asked: argparse.Namespace) -> Report | None:
    """Start the engines, ask them the queries, and return what they took.

    None where the rows alone were asked for.
    """
    names = [*([] if asked.peers_only else [SUBJECT]), *asked.peers]
    if not names:
        raise SetupError("--peers-only leaves no engine: name at least one in --peers.")
    check_installed([*names, REFERENCE])
    dataset = _dataset(asked)
    options = Options(workers=asked.workers, executor=asked.executor)
    before = os.getloadavg()[0]
    with ExitStack() as stack:
        started = {
            name: stack.enter_context(EngineProcess(name, dataset, options))
            for name in dict.fromkeys([*names, REFERENCE])
        }
        engines, reference = [started[name] for name in names], started[REFERENCE]
        numbers = _numbers(asked.queries, engines[0])
        if asked.verify_only:
            verify(engines, reference, numbers, _say)
            return None
        measurements = measure(engines, reference, numbers, asked.runs, _say)
    return Report(
        scale=f"{asked.sf:g}" if asked.data is None else f"of {asked.data}",
        decimals=dataset.decimals,
        runs=asked.runs,
        options=options,
        versions={name: version(name) for name in names},
        load=(before, os.getloadavg()[0]),
        measurements=measurements,
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.tpch",
        description="TPC-H: Partita and its peers in one run, every answer compared.",
    )
    add = parser.add_argument
    add("--sf", type=float, default=1.0, help="scale factor of the generated data (1)")
    add("--queries", type=_list, default=["all"], help="numbers, as in 1,3,6 or 1-22 (all)")
    add("--peers", type=_list, default=["polars", "duckdb"], help="polars,duckdb,dask")
    add("--peers-only", action="store_true", help=f"leave {SUBJECT} out")
    add("--verify-only", action="store_true", help="run each query once and check its rows")
    add("--runs", type=_positive, default=3, help="timed runs of each query (3)")
    add("--json", type=Path, metavar="FILE", help="write everything here")
    add("--markdown", type=Path, metavar="FILE", help="write the tables here")
    add(
        "--decimals",
        choices=("keep", "double"),
        help="prices as the standard has them, or rewritten to doubles (keep)",
    )
    add("--data", type=Path, metavar="DIR", help="read these tables, generate nothing")
    add("--workers", type=_positive, help="processes or threads of every engine (its default)")
    add(
        "--executor",
        choices=("auto", "serial", "process"),
        default="auto",
        help=f"{SUBJECT}'s executor (auto)",
    )
    return parser


def _dataset(asked: argparse.Namespace) -> Dataset:
    if asked.data is None:
        return generated(asked.sf, asked.decimals or "keep")
    dataset = existing(asked.data)
    if asked.decimals not in (None, dataset.decimals):
        raise SetupError(
            f"--decimals {asked.decimals} was asked for, and the prices in {asked.data} are of the"
            f" kind {dataset.decimals!r}: leave the switch out, or leave out --data."
        )
    return dataset


def _numbers(asked: Sequence[str], first: EngineProcess) -> list[int]:
    """Return the queries to run: those asked for, all of which the first engine has to have."""
    written = sorted(first.queries)
    numbers: dict[int, None] = {}
    unknown = []
    for text in asked:
        spanned = written if text == "all" else _span(text)
        if spanned and set(spanned) <= set(written):
            numbers |= dict.fromkeys(spanned)
        else:
            unknown.append(text)
    if unknown:
        raise SetupError(
            f"--queries names {', '.join(unknown)}; written for {first.name}:"
            f" {', '.join(map(str, written))}."
        )
    return list(numbers)


def _span(text: str) -> list[int]:
    """Return the numbers of ``7`` or ``7-9``; none of what is neither."""
    first, dash, last = text.partition("-")
    ends = (first, last if dash else first)
    return list(range(int(ends[0]), int(ends[1]) + 1)) if all(map(str.isdigit, ends)) else []


def _list(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def _positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{value} is below 1")
    return value


def _say(line: str) -> None:
    print(line, flush=True)

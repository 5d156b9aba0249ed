"""The command line of a suite: what to run, on what, against whom, and where the results go."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from .client import EngineProcess
from .engines import SUBJECT, Options, asked_as, check_installed, version
from .errors import BenchmarkError, SetupError
from .options import listed, positive
from .report import Report, as_json, as_markdown
from .rounds import ENOUGH_SAMPLES, measure
from .suite import Suite
from .verification import REFERENCE, verify


def main(suite: Suite, arguments: Sequence[str] | None = None) -> int:
    """Run a suite and return its exit code.

    0; 1: an engine failed or rows differ; 2: nothing was run; 130: interrupted.
    """
    asked = _parser(suite).parse_args(arguments)
    if asked.quick:
        vars(asked).update(suite.quick, runs=1)
    try:
        report = run(suite, asked)
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


def run(suite: Suite, asked: argparse.Namespace) -> Report | None:
    """Start the engines, ask them the queries, and return what they took.

    None where the rows alone were asked for.
    """
    names = [*([] if asked.peers_only else [SUBJECT]), *asked.peers]
    if not names:
        raise SetupError("--peers-only leaves no engine: name at least one in --peers.")
    check_installed([*names, REFERENCE])
    unwritten = [name for name in names if asked_as(name) not in suite.engines]
    if unwritten:
        raise SetupError(
            f"{suite.name} has no queries for {', '.join(unwritten)}; it has them for"
            f" {', '.join(suite.engines)}."
        )
    dataset = suite.prepare(asked)
    options = Options(workers=asked.workers, executor=asked.executor)
    before = os.getloadavg()[0]
    with ExitStack() as stack:
        started = {
            name: stack.enter_context(EngineProcess(name, suite, dataset, options))
            for name in dict.fromkeys([*names, REFERENCE])
        }
        engines, reference = [started[name] for name in names], started[REFERENCE]
        queries = suite.select(asked.queries, engines[0].queries, engines[0].name)
        if asked.verify_only:
            verify(engines, reference, queries, suite.order_by, _say)
            return None
        measurements = measure(
            engines,
            reference,
            queries,
            suite.order_by,
            asked.runs,
            _say,
            samples=1 if asked.quick else ENOUGH_SAMPLES,
        )
    return Report(
        name=suite.name,
        title=suite.title,
        details=suite.details(asked, dataset),
        runs=asked.runs,
        options=options,
        versions={name: version(name) for name in names},
        load=(before, os.getloadavg()[0]),
        measurements=measurements,
    )


def _parser(suite: Suite) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=f"python -m benchmarks.{suite.name}",
        description=f"{suite.title}: Partita and its peers in one run, every answer compared.",
    )
    add = parser.add_argument
    add("--queries", type=listed, default=["all"], help="which queries; see the README (all)")
    others = ",".join(name for name in suite.engines if name != SUBJECT)
    add("--peers", type=listed, default=["polars", "duckdb"], help=f"{others} (polars,duckdb)")
    add("--peers-only", action="store_true", help=f"leave {SUBJECT} out")
    add("--verify-only", action="store_true", help="run each query once and check its rows")
    add("--quick", action="store_true", help="tiny data and one run: whether it works")
    add("--runs", type=positive, default=3, help="timed runs of each query (3)")
    add("--json", type=Path, metavar="FILE", help="write everything here")
    add("--markdown", type=Path, metavar="FILE", help="write the tables here")
    add("--workers", type=positive, help="processes or threads of every engine (its default)")
    add(
        "--executor",
        choices=("auto", "serial", "process"),
        default="auto",
        help=f"{SUBJECT}'s executor (auto)",
    )
    suite.add_options(parser)
    return parser


def _say(line: str) -> None:
    print(line, flush=True)

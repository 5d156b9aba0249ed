"""Tables for ``docs/performance.md``: no figure stands there that is not in a run's JSON."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from ..harness import report as suites
from ..harness.markdown import table
from ..overhead import report as overhead
from .targets import TARGETS, Run

BEGIN, END = "<!-- figures -->", "<!-- end of figures -->"
"""What stands between them in a page is replaced."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the tables, or put them into a page, and return the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.page",
        description="Tables of what the suites measured, from the JSON that they wrote.",
    )
    parser.add_argument("--json", type=Path, nargs="+", required=True, metavar="FILE")
    parser.add_argument("--into", type=Path, metavar="PAGE", help=f"replace what {BEGIN} begins")
    asked = parser.parse_args(arguments)
    text = tables([read(path) for path in asked.json])
    if asked.into is None:
        print(text, end="")
        return 0
    page = asked.into.read_text()
    if page.count(BEGIN) != 1 or page.count(END) != 1 or page.index(END) < page.index(BEGIN):
        print(f"error: {asked.into} needs one {BEGIN} before one {END}", file=sys.stderr)
        return 2
    before, after = page.split(BEGIN)[0], page.split(END)[1]
    asked.into.write_text(f"{before}{BEGIN}\n\n{text}\n{END}{after}")
    return 0


def read(path: Path) -> Run:
    """Return the run that a suite wrote."""
    written = json.loads(path.read_text())
    if written["benchmark"] == "overhead":
        return overhead.from_json(written)
    return suites.from_json(written)


def tables(runs: Sequence[Run]) -> str:
    """Return the figures to reach, then each run's own tables."""
    head = ["", "at most", "measured", "reached"]
    parts = ["\n".join(table([head, *(target.row(runs) for target in TARGETS)])) + "\n"]
    for run in runs:
        if isinstance(run, suites.Report):
            details = ", ".join(f"{name} {value}" for name, value in run.details.items())
            parts.append(f"### {run.title}: {details}\n\n{suites.as_markdown(run)}")
        else:
            parts.append(f"### Overhead\n\n{overhead.as_markdown(run)}")
    return "\n".join(parts)

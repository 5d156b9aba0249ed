"""How long a pipeline takes to plan: ``python -m benchmarks.planning [--partitions 10000]``.

Planned is all that comes before the first task is started: the verbs build and check their nodes,
the optimizer works on them, the scans are cut into partitions and the first stages are made.
Nothing is run. Beside it stands a filter of a thousand parts.
"""

from __future__ import annotations

import argparse
import itertools
import statistics
import time
from dataclasses import dataclass, fields

import partita as pt
from partita.engine.api.dataframe import DataFrame
from partita.engine.config import get
from partita.engine.optimizer.optimizer import optimize
from partita.engine.physical.planner import Planner
from partita.engine.plan.nodes import Scan

from .ledger import Ledger, pipeline, tables

PARTS = 1000


@dataclass(frozen=True, kw_only=True)
class Planned:
    """Seconds of each step of planning."""

    build: float
    optimize: float
    cut: float
    """Into partitions."""

    lower: float
    """To the first stages."""

    @property
    def total(self) -> float:
        """Seconds of all of it."""
        return sum(getattr(self, field.name) for field in fields(self))


def measure(partitions: int) -> Planned:
    """Return the seconds that planning the pipeline over `partitions` takes.

    Raises
    ------
    SystemExit
        If the plan does not have that many partitions.
    """
    small = tables()
    times = [time.perf_counter()]
    made = pipeline(DataFrame._from_plan(Scan(source=Ledger(partitions))), small)
    times.append(time.perf_counter())
    plan = optimize(made.plan)
    times.append(time.perf_counter())
    planner = Planner(plan, get())
    times.append(time.perf_counter())
    planner.advance()
    times.append(time.perf_counter())
    scans = [node for node in plan.walk() if isinstance(node, Scan)]
    found = max(len(planner.scan_plan(scan).fragments) for scan in scans)
    if found != partitions:
        raise SystemExit(f"{found} partitions were planned, not {partitions}")
    steps = [later - earlier for earlier, later in itertools.pairwise(times)]
    return Planned(build=steps[0], optimize=steps[1], cut=steps[2], lower=steps[3])


def measure_filter(parts: int) -> float:
    """Return the seconds that the optimizer takes over a filter of `parts` conditions."""
    frame = pt.from_pydict({"x": [1.0, 2.0], "y": [1, 2]})
    plan = frame.filter(*(pt.col("x") != float(number) for number in range(parts))).plan
    begun = time.perf_counter()
    optimize(plan)
    return time.perf_counter() - begun


def main() -> None:
    """Print medians."""
    parser = argparse.ArgumentParser(description="How long a pipeline takes to plan.")
    parser.add_argument("--partitions", type=int, default=10_000)
    parser.add_argument("--runs", type=int, default=5)
    asked = parser.parse_args()
    measure(10)
    runs = [measure(asked.partitions) for _ in range(asked.runs)]
    steps = ", ".join(
        f"{field.name} {statistics.median(getattr(run, field.name) for run in runs):.3f}"
        for field in fields(Planned)
    )
    total = statistics.median(run.total for run in runs)
    print(f"20 steps over {asked.partitions:,} partitions: {total:.3f} s ({steps})")
    wide = statistics.median(measure_filter(PARTS) for _ in range(asked.runs))
    print(f"a filter of {PARTS:,} parts: {wide:.3f} s in the optimizer")


if __name__ == "__main__":
    main()

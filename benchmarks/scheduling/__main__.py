"""What a task costs the driver: ``python -m benchmarks.scheduling [--tasks 10000]``.

The tasks give one number each, so that nearly all there is to see is planning, handing out,
reporting and taking in. The seconds of the driver's own processor time are the cost of scheduling;
the wall time holds the workers' part as well.
"""

from __future__ import annotations

import argparse
import statistics
import time

import partita as pt
from partita.engine.execution.session import current
from partita.engine.expr.node import Agg, Column
from partita.engine.plan.nodes import Aggregate, Scan

from .numbers import Numbers


def measure(tasks: int) -> tuple[float, float]:
    """Return seconds of the driver's processor time and of wall time for a sum over `tasks`."""
    plan = Aggregate(
        input=Scan(source=Numbers(tasks)), keys=(), aggs=(("total", Agg("sum", Column("n"))),)
    )
    processor, wall = time.process_time(), time.perf_counter()
    (batch,) = current().execute(plan)
    seconds = time.process_time() - processor, time.perf_counter() - wall
    if batch.to_pydict() != {"total": [tasks * (tasks - 1) // 2]}:
        raise SystemExit(f"wrong sum: {batch.to_pydict()}")
    return seconds


def main() -> None:
    """Print the medians for the process pool and for the serial executor."""
    parser = argparse.ArgumentParser(description="Cost of scheduling trivial tasks.")
    parser.add_argument("--tasks", type=int, default=10_000)
    parser.add_argument("--runs", type=int, default=5)
    asked = parser.parse_args()
    for executor in ("process", "serial"):
        with pt.config.set(executor=executor, workers=2):
            measure(10)
            runs = [measure(asked.tasks) for _ in range(asked.runs)]
        processor, wall = (statistics.median(column) for column in zip(*runs, strict=True))
        print(
            f"{executor}: {asked.tasks:,} tasks, driver {processor:.2f} s of processor time"
            f" ({processor / asked.tasks * 1e6:.0f} us a task), {wall:.2f} s in all"
        )


if __name__ == "__main__":
    main()

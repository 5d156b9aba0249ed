"""The scheduler at a thousand workers: ``python -m benchmarks.cluster_sim [--tasks 1_000_000]``."""

from __future__ import annotations

import argparse

from benchmarks.harness.options import listed, positive

from .cluster import Cluster
from .shapes import SHAPES
from .simulation import Account, simulate

HEADINGS = (
    "query",
    "tasks",
    "stages",
    "driver, us a task",
    "planning, s",
    "sent, kB a task",
    "held, GiB",
    "driver grew, MiB",
    "makespan, s",
    "bound, s",
    "ratio",
    "done again",
)


def main() -> None:
    """Print a table, a line for each query as it ends."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.cluster_sim",
        description="The real planner, scheduler and policy on a cluster in virtual time.",
    )
    add = parser.add_argument
    add("--queries", type=listed, default=list(SHAPES), help=",".join(SHAPES))
    add("--tasks", type=positive, default=1_000_000)
    add("--workers", type=positive, default=1_000)
    add("--part-mib", type=positive, default=32, help="decoded MiB of a part of a table")
    add("--slow", type=float, default=0.01, help="share of workers that are 5 times slower")
    add("--lost", type=int, default=10, help="workers that die")
    add("--speculate", type=float, default=0.0, help="start again what takes so many medians")
    asked = parser.parse_args()
    cluster = Cluster(workers=asked.workers, slow=asked.slow, lost=asked.lost)
    print("| " + " | ".join(HEADINGS) + " |")
    print("|" + "---|" * len(HEADINGS), flush=True)
    for name in asked.queries:
        account = simulate(name, asked.tasks, cluster, asked.part_mib * 2**20, asked.speculate)
        print("| " + " | ".join(_cells(account)) + " |", flush=True)


def _cells(a: Account) -> list[str]:
    return [
        a.shape,
        f"{a.tasks:,}",
        f"{a.stages}",
        f"{a.per_task:.0f}",
        f"{a.planning:.1f}",
        f"{a.sent / a.tasks / 1000:.1f}",
        f"{a.held / 2**30:.1f}",
        f"{a.grown / 2**20:,.0f}",
        f"{a.makespan:.0f}",
        f"{a.bound:.0f}",
        f"{a.makespan / a.bound:.2f}",
        f"{a.remade:.1%}",
    ]


if __name__ == "__main__":
    main()

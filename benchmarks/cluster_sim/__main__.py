"""The scheduler at a thousand workers: ``python -m benchmarks.cluster_sim [--tasks 1_000_000]``."""

from __future__ import annotations

import argparse

from benchmarks.harness.options import listed, positive

from .bound import CAUSES
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
    "of which",
    "ratio",
    "done again",
)


def main() -> None:
    """Print a table, a line for each query as it ends."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.cluster_sim",
        description="The real planner, scheduler and policy on a cluster in virtual time.",
        epilog=(
            "The bound is the largest of work (the seconds of all tasks over the speeds of all"
            " workers), path (the longest way through the stages, with what tasks read from"
            " others), and task (the largest). A second table tells by its causes when workers had"
            " nothing to do. 1,000,000 tasks take 1 to 5 minutes of a processor a query."
        ),
    )
    add = parser.add_argument
    add("--queries", type=listed, default=list(SHAPES), help=",".join(SHAPES))
    add("--tasks", type=positive, default=1_000_000)
    add("--workers", type=positive, default=1_000)
    add("--part-mib", type=positive, default=32, help="decoded MiB of a part of a table")
    add("--slow", type=float, default=0.01, help="share of workers that are 5 times slower")
    add("--lost", type=int, default=10, help="workers that die")
    add("--speculate", type=float, default=0.0, help="start again what takes so many medians")
    add("--avoid", type=float, default=0.0, help="no more tasks for workers so many times slower")
    asked = parser.parse_args()
    cluster = Cluster(workers=asked.workers, slow=asked.slow, lost=asked.lost)
    accounts: list[Account] = []
    print("| " + " | ".join(HEADINGS) + " |")
    print("|" + "---|" * len(HEADINGS), flush=True)
    for name in asked.queries:
        account = simulate(
            name,
            asked.tasks,
            cluster,
            asked.part_mib * 2**20,
            speculate=asked.speculate,
            avoid=asked.avoid,
        )
        print("| " + " | ".join(_cells(account)) + " |", flush=True)
        accounts.append(account)
    print("\nOf all seconds of all workers, in percent:\n")
    print("| query | busy | made again | dead | " + " | ".join(CAUSES) + " |")
    print("|" + "---|" * (len(CAUSES) + 4))
    for account in accounts:
        print("| " + " | ".join(_shares(account)) + " |")


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
        a.bounds.name,
        f"{a.makespan / a.bound:.2f}",
        f"{a.remade:.1%}",
    ]


def _shares(a: Account) -> list[str]:
    again = a.remade * a.bounds.work / a.makespan
    shares = [again, a.lost, *a.idle.values()]
    return [a.shape, *(f"{100 * share:.1f}" for share in (1 - sum(shares), *shares))]


if __name__ == "__main__":
    main()

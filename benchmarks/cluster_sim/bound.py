"""How soon a query could end at best, and why it does not: the bound, and the causes of idleness.

No order of the tasks ends before the largest of three, all of them with what tasks read from other
workers:

- *work*: the seconds of all tasks over the speeds of all workers;
- *path*: the longest way through the stages. Behind an exchange of all to all (and a broadcast, and
  a gathering) a task reads of every task before it, so that a stage begins with the end of what it
  reads and takes at least its own work over the speeds of all workers; elsewhere a task
  begins with the end of one task;
- *task*: the longest task of all on the fastest worker.

It knows nothing of slow workers but their speed: an order that comes near would have to know
before it starts a task how long it will take, and where.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from partita.engine.physical.stage import Stage

FEW = "fewer tasks than workers"
LAST = "last tasks of a stage"
SLOW = "last task on a slow worker"
SKEW = "one large task"
HELD_BACK = "held back"
REMADE = "lost outputs made again"
MESSAGES = "reports on their way"

AVOIDED = "no task for slow workers"

CAUSES = (SLOW, LAST, SKEW, FEW, HELD_BACK, REMADE, MESSAGES, AVOIDED)
"""Why workers have nothing to do."""

LARGE = 3.0
"""A task with so many times the seconds of those of its stage that have ended is a large one."""


@dataclass
class Total:
    """The tasks of a stage, in seconds of a worker of speed 1."""

    stage: Stage
    tasks: int = 0
    seconds: float = 0.0
    shortest: float = math.inf
    longest: float = 0.0

    def add(self, seconds: float) -> None:
        """Count a task."""
        self.tasks += 1
        self.seconds += seconds
        self.shortest = min(self.shortest, seconds)
        self.longest = max(self.longest, seconds)


@dataclass(frozen=True, kw_only=True)
class Bound:
    """The three bounds, in seconds."""

    work: float
    path: float
    task: float

    @property
    def seconds(self) -> float:
        """The largest."""
        return max(self.work, self.path, self.task)

    @property
    def name(self) -> str:
        """Which of them that is."""
        return max(("work", "path", "task"), key=lambda name: float(getattr(self, name)))


def bound(totals: Mapping[int, Total], speeds: Sequence[float]) -> Bound:
    """Return how soon the tasks of these stages could have been done.

    Examples
    --------
    Two stages of three tasks each, of a second each, on two workers: the second stage reads what
    the first one has exchanged, so that each takes a second and a half.

    >>> from partita.engine.physical.stage import Exchange
    >>> def stage(number, *reads):
    ...     kind = Exchange(kind="hash")
    ...     return Stage(id=number, label="", branches=(), schema=None, output=kind, reads=reads)
    >>> three = dict(tasks=3, seconds=3.0, shortest=1.0, longest=1.0)
    >>> bound({0: Total(stage(0), **three), 1: Total(stage(1, 0), **three)}, [1.0, 1.0])
    Bound(work=3.0, path=3.0, task=1.0)
    """
    fastest, together = max(speeds), sum(speeds)
    begins: dict[int, float] = {}
    ends: dict[int, float] = {}
    for number in sorted(totals):
        total = totals[number]
        begin = end = 0.0
        for maker in total.stage.reads:
            made = totals.get(maker)
            if made is None:
                continue
            if made.stage.output.kind == "forward":
                begin = max(begin, begins[maker] + made.shortest / fastest)
                end = max(end, ends[maker] + total.shortest / fastest)
            else:
                begin = max(begin, ends[maker])
        takes = max(total.seconds / together, total.longest / fastest)
        begins[number], ends[number] = begin, max(end, begin + takes)
    return Bound(
        work=sum(total.seconds for total in totals.values()) / together,
        path=max(ends.values()),
        task=max(total.longest for total in totals.values()) / fastest,
    )

"""What to start next: nearest the result first, and readers held back by what they would pile up.

The policy never decides anything that shows in the answer: whatever the order, the same tasks run
on the same partitions.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from ..physical.stage import Ref, Stage, TaskResult


@dataclass
class StageRun:
    """A stage on its way: which partitions wait, run, and are done."""

    stage: Stage
    results: dict[int, TaskResult] = field(default_factory=dict)
    pieces: dict[int, list[Ref]] = field(default_factory=dict)
    attempts: dict[int, int] = field(default_factory=dict)
    running: set[int] = field(default_factory=set)
    again: set[int] = field(default_factory=set)
    """Partitions that were lost and have to be run again; they go first, the lowest before others:
    it may be the one that the user waits for, and the only one that is not held back."""

    next: int = 0
    """The first partition that was never started."""

    losses: dict[int, int] = field(default_factory=dict)
    """How many workers each partition has lost."""

    prefix: int = 0
    """How many first partitions are done, counted where a limit asks for it."""

    prefix_rows: int = 0
    """The rows of these."""

    end: int = 0
    """Partitions that are needed; less than all where a limit was reached."""

    def __post_init__(self) -> None:
        self.end = self.stage.partitions

    @property
    def is_root(self) -> bool:
        """Whether it reads sources only, so that running it only adds to what is held."""
        return not self.stage.reads

    @property
    def waiting(self) -> bool:
        """Whether a partition is left to start."""
        return bool(self.again) or self.next < self.end

    @property
    def finished(self) -> bool:
        """Whether every needed partition is done."""
        return len(self.results) >= self.end and all(
            partition in self.results for partition in range(self.end)
        )

    def peek(self) -> int:
        """Return the partition that would be taken."""
        return min(self.again) if self.again else self.next

    def take(self) -> int:
        """Return the next partition to start, and count it as running."""
        partition = self.peek()
        if self.again:
            self.again.remove(partition)
        else:
            self.next += 1
        self.running.add(partition)
        return partition


@dataclass(frozen=True, kw_only=True)
class Account:
    """How much is held at the moment."""

    held: int
    """Bytes that finished tasks have made and nobody has taken yet."""

    running: int
    """Bytes that running tasks read and may make of it."""

    undelivered: int
    """Of `held`, bytes of the result that the user has not taken yet."""

    active: int
    """Tasks that run."""


@dataclass(frozen=True, kw_only=True)
class Policy:
    """Chooses the stage whose next task is started."""

    budget: int
    """Bytes that may be held before readers of sources wait."""

    window: int
    """Bytes of the result that may be made ahead of the user."""

    workers: int
    """Tasks that run at once; what is handed out beyond them waits behind another."""

    def choose(self, runs: list[StageRun], account: Account, cursor: int) -> StageRun | None:
        """Return the stage to start a task of, None for waiting.

        `cursor` is the partition of the result that the user takes next: it is never held back,
        so that there is always something that goes on.
        """
        waiting = [run for run in runs if run.waiting]
        consumed = account.undelivered > 0 or any(not run.is_root for run in runs)
        for run in sorted(waiting, key=_distance):
            if self._allowed(run, account, cursor, consumed):
                return run
        return None

    def _allowed(self, run: StageRun, account: Account, cursor: int, consumed: bool) -> bool:
        if run.stage.output.limit is not None and len(run.running) >= self.workers:
            # The rows may be enough with those that run: no task is queued behind them.
            return False
        size = run.stage.input(run.peek()).bytes
        if run.stage.output.kind == "result" and run.peek() != cursor:
            ahead = account.undelivered + account.running + size
            return ahead <= self.window
        # Where nobody takes of what is held before all of it is made, as of the runs of a sort that
        # is larger than memory, waiting frees nothing: beyond the budget it goes to disk, and one
        # task at a time took 440 times as long as it could have (a million parts in
        # `benchmarks.cluster_sim`).
        if run.is_root and account.active and consumed:
            return account.held + account.running + size <= self.budget
        return True


def _distance(run: StageRun) -> tuple[int, int]:
    """Order stages: those that consume first and the latest of them, then sources as planned."""
    return (1, run.stage.id) if run.is_root else (0, -run.stage.id)

"""The account of files: how much is held, who will still read what, and when a file can go."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence

from ..physical.stage import Branch, Ref, Stage, TaskInput
from .stores import Store

DRIVER = -1
"""The maker of files that no stage has made."""


class Holdings:
    """The files that tasks of one query have made and that somebody has still to read.

    A file may hold streams for many readers; it goes when the last task that reads it has ended and
    no stage yet to be planned will. What a hash or range exchange has made goes when the last stage
    that reads it has: there each task reads of every file, so that its files end together, and an
    account of each reader of each took a third of the driver's time where 10,000 tasks had written
    256 slots.
    """

    def __init__(self, store: Store, awaits_readers: Callable[[int], bool]) -> None:
        self._store = store
        self._awaits_readers = awaits_readers
        self._sizes: dict[str, int] = {}
        self._makers: dict[str, int] = {}
        self._made: dict[int, set[str]] = {}
        self._readers: Counter[str] = Counter()
        self._exchanges: Counter[int] = Counter()
        """The stages that end in an exchange of all to all, and how many stages read each."""

        self.bytes = 0
        """Bytes of all files together."""

    def add(self, refs: Sequence[Ref], stage: int) -> None:
        """Count streams that `stage` has made."""
        sizes = self._sizes
        for ref in refs:
            path = ref.path
            if path not in sizes:
                sizes[path] = 0
                self._makers[path] = stage
                self._made.setdefault(stage, set()).add(path)
            sizes[path] += ref.length
            self.bytes += ref.length

    def expect(self, stage: Stage) -> None:
        """Count a new stage and its tasks as readers of what they will read."""
        if stage.output.kind in ("hash", "range"):
            self._exchanges[stage.id] = 0
        for made in stage.reads:
            if made in self._exchanges:
                self._exchanges[made] += 1
        for branch in stage.branches:
            for task in branch.inputs:
                self._readers.update(self._counted(task))
        self._readers.update(_sides(stage))

    def ended(self, task: TaskInput) -> None:
        """A task will not read its input any more."""
        for path in self._counted(task):
            self.release(path)

    def _counted(self, task: TaskInput) -> set[str]:
        """Return the files a task reads whose readers are counted one by one."""
        makers, exchanges = self._makers, self._exchanges
        # All that a task streams was made by one stage.
        if not task.refs or makers.get(task.refs[0].path) in exchanges:
            return set()
        return {ref.path for ref in task.refs if makers.get(ref.path) not in exchanges}

    def add_input(self, ref: Ref) -> None:
        """Count rows of this process that were written for one task to read."""
        self.add((ref,), DRIVER)
        self._readers[ref.path] = 1

    def is_input(self, path: str) -> bool:
        """Return whether the file was written for one task alone."""
        return self._makers.get(path) == DRIVER

    def settle(self, stage: int) -> None:
        """Remove what `stage` has made and nobody will read, such as rows outside of a slice."""
        if self._awaits_readers(stage) or self._exchanges.get(stage, 0) > 0:
            return
        for path in list(self._made.get(stage, ())):
            if self._readers[path] <= 0:
                self.remove(path)

    def finish(self, stage: Stage) -> None:
        """A stage is over: what its tasks share is no longer read by it."""
        for path in _sides(stage):
            self.release(path)
        for made in stage.reads:
            if made in self._exchanges:
                self._exchanges[made] -= 1
                self.settle(made)

    def release(self, path: str) -> None:
        """One reader is done with a file; it goes when that was the last there will be."""
        self._readers[path] -= 1
        maker = self._makers.get(path)
        if maker is None or maker in self._exchanges:
            return
        if self._readers[path] <= 0 and not self._awaits_readers(maker):
            self.remove(path)

    def remove(self, path: str) -> None:
        """Remove a file, whoever may have wanted it."""
        self.bytes -= self._sizes.pop(path, 0)
        maker = self._makers.pop(path, None)
        if maker is not None:
            self._made[maker].discard(path)
        self._readers.pop(path, None)
        self._store.remove(path)


def _sides(stage: Stage) -> Iterator[str]:
    """Yield each file once for every side input of the stage that reads it."""
    for branch in stage.branches:
        yield from _sides_of(branch)


def _sides_of(branch: Branch) -> Iterator[str]:
    for side in branch.sides:
        # Once, what many tasks build alike: the parts of a slot that had too many rows for one.
        each = {id(refs): refs for refs in side.partitions}.values()
        yield from {ref.path for refs in each for ref in refs}
        if side.made_by is not None:
            yield from {ref.path for task in side.made_by.inputs for ref in task.refs}
            yield from _sides_of(side.made_by)

"""The account of files: how much is held, who will still read what, and when a file can go."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator

from ..physical.stage import Branch, Ref, Stage
from .transport import Store

DRIVER = -1
"""The maker of files that no stage has made."""


class Holdings:
    """The files that tasks of one query have made and that somebody has still to read.

    A file may hold streams for many readers; it goes when the last task that reads it has ended and
    no stage yet to be planned will.
    """

    def __init__(self, store: Store, awaits_readers: Callable[[int], bool]) -> None:
        self._store = store
        self._awaits_readers = awaits_readers
        self._sizes: dict[str, int] = {}
        self._makers: dict[str, int] = {}
        self._readers: Counter[str] = Counter()
        self.bytes = 0
        """Bytes of all files together."""

    def add(self, ref: Ref, stage: int) -> None:
        """Count a stream that `stage` has made."""
        if ref.path not in self._sizes:
            self._sizes[ref.path] = 0
            self._makers[ref.path] = stage
        self._sizes[ref.path] += ref.length
        self.bytes += ref.length

    def expect(self, stage: Stage) -> None:
        """Count the tasks of a new stage as readers of what they will read."""
        for branch in stage.branches:
            for task in branch.inputs:
                self._readers.update({ref.path for ref in task.refs})
        self._readers.update(_sides(stage))

    def add_input(self, ref: Ref) -> None:
        """Count rows of this process that were written for one task to read."""
        self.add(ref, DRIVER)
        self._readers[ref.path] = 1

    def is_input(self, path: str) -> bool:
        """Return whether the file was written for one task alone."""
        return self._makers.get(path) == DRIVER

    def settle(self, stage: int) -> None:
        """Remove what `stage` has made and nobody will read, such as rows outside of a slice."""
        if self._awaits_readers(stage):
            return
        made = [path for path, maker in self._makers.items() if maker == stage]
        for path in made:
            if self._readers[path] <= 0:
                self.remove(path)

    def finish(self, stage: Stage) -> None:
        """A stage is over: side inputs, which its tasks share, are no longer read by it."""
        for path in _sides(stage):
            self.release(path)

    def release(self, path: str) -> None:
        """One reader is done with a file; it goes when that was the last there will be."""
        self._readers[path] -= 1
        maker = self._makers.get(path)
        if self._readers[path] <= 0 and maker is not None and not self._awaits_readers(maker):
            self.remove(path)

    def remove(self, path: str) -> None:
        """Remove a file, whoever may have wanted it."""
        self.bytes -= self._sizes.pop(path, 0)
        self._makers.pop(path, None)
        self._readers.pop(path, None)
        self._store.remove(path)


def _sides(stage: Stage) -> Iterator[str]:
    """Yield each file once for every side input of the stage that reads it."""
    for branch in stage.branches:
        yield from _sides_of(branch)


def _sides_of(branch: Branch) -> Iterator[str]:
    for side in branch.sides:
        yield from {ref.path for refs in side.partitions for ref in refs}
        if side.made_by is not None:
            yield from {ref.path for task in side.made_by.inputs for ref in task.refs}
            yield from _sides_of(side.made_by)

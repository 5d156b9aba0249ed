"""Who may hold how much: the shares of the memory limit, and what one process has reserved.

The limit is split once: shared memory (partitions on their way), the driver (batches of the
result), and the rest for as many tasks as may run at once. A task takes a quarter of its share
as it goes along, for what is decoded and written; the rest is reserved by operators before they
hold rows (`Budget`). What is refused is spilled, see `operators/held.py`.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import pyarrow as pa

from ..config import Settings
from ..errors import MemoryLimitExceeded

_TASK = 4
"""So many partitions a task may have in hand: read, put together, sorted or split, written."""


@dataclass(frozen=True, kw_only=True)
class Shares:
    """How a memory limit is split."""

    limit: int
    shared: int
    """Bytes of partitions in shared memory, and of what is held before scans wait."""

    tasks: int
    """Tasks that run at once: less than there are workers where these are many for the limit."""

    task: int
    """Bytes that one task may take in its process."""


def shares(limit: int, settings: Settings, workers: int) -> Shares:
    """Return how `limit` is split; `settings` are those that suit it (`config.within_limit`)."""
    shared = int(limit * settings.shared_memory_share)
    for_tasks = max(limit - shared - limit // 10, limit // 10)
    most = max(1, for_tasks // (_TASK * settings.partition_bytes))
    tasks = min(workers, most)
    return Shares(limit=limit, shared=shared, tasks=tasks, task=for_tasks // tasks)


class Labelled(Protocol):
    """What may hold rows: an operator."""

    @property
    def label(self) -> str:
        """What to call it in a profile."""


class OperatorMemory(NamedTuple):
    """What an operator has reserved and put aside."""

    label: str
    reserved: int
    """Bytes that it was granted, all together."""

    peak: int
    """The most bytes that it held at once in a process."""

    spilled: int
    """Bytes of the files that it wrote."""

    def with_more(self, other: OperatorMemory) -> OperatorMemory:
        """Return the account of this and another task."""
        return OperatorMemory(
            self.label,
            self.reserved + other.reserved,
            max(self.peak, other.peak),
            self.spilled + other.spilled,
        )


@dataclass(kw_only=True)
class Account:
    """What one operator of a task has reserved and put aside."""

    of: Labelled
    held: int = 0
    reserved: int = 0
    """All that it was granted since `Budget.begin`."""

    peak: int = 0
    """The most that it held at once since then."""

    spilled: int = 0
    """Bytes of files that it wrote since then."""

    def begin(self) -> None:
        """Begin anew with what is held."""
        self.reserved = 0
        self.peak = self.held
        self.spilled = 0

    @functools.cached_property
    def label(self) -> str:
        """What to call the operator: put together once in a process, as it takes microseconds."""
        return self.of.label


LEAST = 32
"""One operator is granted this part of a share as long as the share is not used up, however much
others have reserved: rows that are put aside one by one cost more than they would take."""


_AMPLE = 64 << 20
"""Bytes of a batch from which nobody looks how wide rows are."""

_MOST_ACCOUNTS = 256
"""So many operators are remembered that hold nothing any more."""


class Budget:
    """The bytes that operators in one process may hold, and those that they do.

    Parameters
    ----------
    share
        Bytes that the process may take in all; three quarters of them can be reserved.
    batch_bytes
        What a batch should have at most; it follows from the limit alone, as answers do from it.
    """

    def __init__(self, share: int, batch_bytes: int = 1 << 30) -> None:
        self.share = share
        self.batch_bytes = batch_bytes
        self.allowed = share * 3 // 4
        self.least = share // LEAST
        self.held = 0
        self.peak = 0
        """The most that was held since `begin`."""

        # By identity: operators are compared by all that they are made of.
        self._accounts: dict[int, Account] = {}
        self._own_before = own_bytes()

    def rows_at_once(self, most: int, *sides: pa.RecordBatch) -> int:
        """Return how many rows, `most` at most, a batch has that are made of one of each side."""
        if self.batch_bytes >= _AMPLE:
            return most
        width = sum(
            (column.indices if isinstance(column, pa.DictionaryArray) else column).nbytes
            / max(side.num_rows, 1)
            for side in sides
            for column in side.columns
        )
        return max(1, min(most, int(self.batch_bytes / max(width, 1))))

    def begin(self) -> None:
        """Begin to look for the peak of a task, and of its operators."""
        self.peak = self.held
        if len(self._accounts) > _MOST_ACCOUNTS:
            self._accounts = {key: each for key, each in self._accounts.items() if each.held}
        for account in self._accounts.values():
            account.begin()

    def operators(self) -> tuple[OperatorMemory, ...]:
        """Return what operators have reserved and put aside since `begin`, where it is not 0."""
        return tuple(
            OperatorMemory(each.label, each.reserved, each.peak, each.spilled)
            for each in self._accounts.values()
            if each.reserved or each.spilled
        )

    def account(self, of: Labelled) -> Account:
        """Return the account of an operator."""
        known = self._accounts.get(id(of))
        if known is None:
            known = self._accounts[id(of)] = Account(of=of)
        return known

    def is_least(self, size: int) -> bool:
        """Return whether an operator that holds no more than this need not be refused."""
        return size <= self.least

    def free(self, own: int) -> int:
        """Return what an operator would be granted in all that has reserved `own` bytes."""
        others = self.held - own
        return max(self.allowed - others, min(self.least, self.share - others), 0)

    def reserve(self, size: int, account: Account, own: int = 0) -> bool:
        """Count `size` bytes as held, before they are; False, and nothing counted, if too many.

        The operator has reserved `own` bytes for the same purpose before.
        """
        after = self.held + size
        if after > self.allowed and (after > self.share or own + size > self.least):
            return False
        self.count(size, account)
        return True

    def insist(self, size: int, account: Account, what: str, advice: str, beside: int = 0) -> None:
        """Count `size` bytes that cannot be had in parts: all of the share may be used for them.

        Raises
        ------
        MemoryLimitExceeded
            If they are more; `what` needs them with the bytes it has `beside`, and `advice` says
            what to try.
        """
        if self.held + size > self.share:
            raise MemoryLimitExceeded(
                f"{what} needs {size + beside:,} bytes at once or more, and a task may take"
                f" {self.share:,} of memory_limit, of which {self.held - beside:,} are taken."
                f" {advice}"
            )
        self.count(size, account)

    def count(self, size: int, account: Account) -> None:
        """Count `size` bytes that are held whatever the limit is, so that others hold less."""
        self.held += size
        self.peak = max(self.peak, self.held)
        account.held += size
        account.reserved += size
        account.peak = max(account.peak, account.held)

    def is_near(self) -> bool:
        """Return whether this process has grown to more than three quarters of its share.

        It is what a user's function takes that nobody reserves. It costs 15 microseconds.
        """
        return own_bytes() - self._own_before > self.allowed

    def release(self, size: int, account: Account) -> None:
        """Count `size` bytes as given back."""
        self.held -= size
        account.held -= size


def own_bytes() -> int:
    """Return the bytes of memory of this process that are not mapped files or shared memory."""
    with open("/proc/self/statm", "rb") as file:
        _, resident, shared, *_ = file.read().split()
    return (int(resident) - int(shared)) * _PAGE


_PAGE = os.sysconf("SC_PAGE_SIZE")


LEAST_ROWS = 1024
"""Of a batch that is halved because of what its process has, and the first where memory is short:
nobody knows before what a function makes of them."""

_SHORT = 128 << 20
"""Bytes below which a share is so little that a batch of what grows a hundredfold is too much."""

_OUTPUT = 8
"""This part of a share is what a function should make of a batch at most, where that is so."""


class Halved:
    """Batches for a function of the user: whole, and halves of them where memory gets short.

    What the function makes of a batch must not depend on where the batch begins and ends, which it
    does not promise elsewhere either.

    Parameters
    ----------
    memory
        That of the process.
    grows
        Whether the function may make much of little, and `made` is told how much.
    """

    def __init__(self, memory: Budget, *, grows: bool = False) -> None:
        self._memory = memory
        self._rows = 0
        self._fit = LEAST_ROWS if grows and memory.share < _SHORT else 0
        """Rows of which not too much is made; 0 where it does not matter."""

    def made(self, rows: int, size: int) -> None:
        """Take note that the function made `size` bytes of `rows` rows at once."""
        if self._fit:
            self._fit = max(rows * (self._memory.share // _OUTPUT) // max(size, 1), 1)

    def all(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Yield the rows of all batches."""
        for batch in batches:
            yield from self.pieces(batch)

    def pieces(self, batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
        """Yield the rows, in one piece if there is room."""
        start = 0
        while start < batch.num_rows:
            if self._memory.is_near():
                self._rows = max((self._rows or batch.num_rows) // 2, LEAST_ROWS)
            elif self._rows:
                # As before, once a piece of twice the rows is as long as a batch.
                self._rows = 0 if 2 * self._rows >= batch.num_rows else 2 * self._rows
            most = min(self._rows or batch.num_rows, self._fit or batch.num_rows)
            if not start and most >= batch.num_rows:
                yield batch
                return
            piece = batch.slice(start, most)
            start += piece.num_rows
            yield piece

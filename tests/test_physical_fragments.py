"""Into how many tasks a scan falls."""

from __future__ import annotations

from dataclasses import dataclass

from partita.engine.physical.fragments import FEW, LEAST_BYTES, PARTS, evenly_cut
from partita.engine.source import Pushdown, ScanPlan

MIB = 2**20


@dataclass(frozen=True)
class Piece:
    """A fragment of so many bytes."""

    bytes: int


@dataclass(frozen=True)
class Pieces:
    """A source of row groups of one size."""

    groups: int
    size: int

    def plan(self, pushdown: Pushdown, partition_bytes: int) -> ScanPlan:
        each = max(1, partition_bytes // self.size)
        counts = [min(each, self.groups - at) for at in range(0, self.groups, each)]
        return ScanPlan(fragments=tuple(Piece(count * self.size) for count in counts))


def tasks(total: int, partition_bytes: int) -> int:
    source = Pieces(groups=total // (MIB // 4), size=MIB // 4)
    return len(evenly_cut(source, Pushdown(), partition_bytes).fragments)


def test_much_data_is_cut_as_the_settings_say() -> None:
    assert tasks(1024 * MIB, 32 * MIB) == 32


def test_less_data_falls_into_more_tasks_than_would_fill_a_partition_each() -> None:
    assert tasks(128 * MIB, 32 * MIB) == PARTS
    assert tasks(96 * MIB, 32 * MIB) == PARTS


def test_a_task_is_never_too_small_to_be_worth_starting() -> None:
    assert tasks(40 * MIB, 32 * MIB) == 40 * MIB // LEAST_BYTES
    assert tasks(7 * MIB // 4, 32 * MIB) == 1


def test_little_data_is_shared_by_a_few_tasks() -> None:
    assert tasks(12 * MIB, 32 * MIB) == FEW
    assert tasks(3 * MIB, 32 * MIB) == 3
    assert tasks(2 * MIB, 32 * MIB) == 2


def test_what_the_user_sets_is_kept_within_limits() -> None:
    assert tasks(40 * MIB, MIB) == 40
    assert tasks(1024 * MIB, 1024 * MIB) == 8

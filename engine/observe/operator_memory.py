"""What the operators of a query have reserved and put aside, as a table under its profile."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

from ..physical.memory import OperatorMemory
from ..plan.description import clean
from .amounts import bytes_text, middle_cut
from .grid import html_grid, text_grid

_HEAD = ("", "operator", "reserved", "peak", "spilled")
_AT_RIGHT = (True, False, True, True, True)
_LONGEST = (56, 44, 32, 20)
"""Characters of an operator's name, the first that fits being taken."""


class _Stage(Protocol):
    """What is read of the profile of a stage."""

    @property
    def id(self) -> int:
        """Its number."""

    @property
    def spilled_bytes(self) -> int:
        """Bytes of files, those of partitions that it handed on among them."""

    @property
    def operators(self) -> tuple[OperatorMemory, ...]:
        """What its operators reserved and put aside."""


def memory_text(stages: Sequence[_Stage], width: int | None) -> list[str]:
    """Return a table in lines of at most `width` characters; none where nothing was reserved."""
    for longest in _LONGEST:
        cells = _cells(stages, longest)
        if not cells:
            return []
        grid = text_grid([_HEAD], cells, _AT_RIGHT)
        if width is None or len(grid.partition("\n")[0]) <= width:
            break
    return [grid]


def memory_html(stages: Sequence[_Stage]) -> str:
    """Return the table for a notebook; empty where nothing was reserved."""
    cells = _cells(stages, _LONGEST[0])
    return html_grid([_HEAD], cells, _AT_RIGHT) if cells else ""


def _cells(stages: Sequence[_Stage], longest: int) -> list[list[str]]:
    return [
        [
            str(stage.id),
            middle_cut(clean(each.label), longest),
            *(bytes_text(size) if size else "" for size in each[1:]),
        ]
        for stage in stages
        for each in _of_stage(stage)
    ]


def _of_stage(stage: _Stage) -> Iterator[OperatorMemory]:
    yield from stage.operators
    # No operator has put these aside: there was no room for them in shared memory.
    handed_on = stage.spilled_bytes - sum(each.spilled for each in stage.operators)
    if handed_on:
        yield OperatorMemory("partitions handed on", 0, 0, handed_on)

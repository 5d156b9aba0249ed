"""Which tasks join two sides that were split by the hash of their keys.

Usually neighbouring slots make one task. A key that many rows have makes one slot far larger than
the others, and it would keep one worker busy while all others are done: such a slot is split into
several tasks, each of which streams a part of its larger side and builds all of the smaller.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .pipeline import balanced
from .stage import Ref, StageOutput

HOT = 2
"""A slot with so many times the bytes that a task should have is split."""


@dataclass(frozen=True, kw_only=True)
class JoinTask:
    """What one task streams and what it builds, and the join it makes of them."""

    streamed: tuple[Ref, ...]
    built: tuple[Ref, ...]
    swap: bool
    """Whether the left side is the one that is built."""

    how: str
    """As in `HashJoin`."""


def join_tasks(
    how: str, swap: bool, left: StageOutput, right: StageOutput, target: int
) -> list[JoinTask]:
    """Return the tasks that join the slots of two sides; it depends on their sizes alone.

    Parameters
    ----------
    how
        The kind of join.
    swap
        Whether the left side is built where nothing speaks against it.
    target
        Bytes that one task should have.
    """
    pairs = list(zip(left.slots(), right.slots(), strict=True))
    runs = balanced([_bytes((*mine, *others)) for mine, others in pairs], target)
    tasks: list[JoinTask] = []
    for run in runs:
        split = _split(how, swap, *pairs[run.start], target) if len(run) == 1 else []
        if split:
            tasks += split
            continue
        mine = tuple(ref for slot in run for ref in pairs[slot][0])
        others = tuple(ref for slot in run for ref in pairs[slot][1])
        tasks.append(_task(how, swap, mine, others))
    return tasks


def _task(how: str, swap: bool, left: tuple[Ref, ...], right: tuple[Ref, ...]) -> JoinTask:
    streamed, built = (right, left) if swap else (left, right)
    return JoinTask(streamed=streamed, built=built, swap=swap, how=how)


def _split(
    how: str, swap: bool, left: tuple[Ref, ...], right: tuple[Ref, ...], target: int
) -> list[JoinTask]:
    """Return the tasks of a slot that is too large for one; none where it is not.

    The rows of a kept side that meet nothing are given by the tasks that stream that side. If it is
    the other side that streams, no task knows them: one more looks at keys alone.
    """
    swap = _bytes(left) < _bytes(right)
    if how in ("semi", "anti"):
        # What is given are rows of the left, each once: only they can be handed out to tasks.
        swap = False
    streamed, built = (right, left) if swap else (left, right)
    if _bytes(streamed) <= HOT * target:
        return []
    pieces = balanced([ref.bytes for ref in streamed], max(target, _bytes(built)))
    if len(pieces) < 2:
        return []
    kept = {"left": {"left"}, "right": {"right"}, "full": {"left", "right"}}.get(how, set())
    role = "right" if swap else "left"
    of_piece = how if how in ("semi", "anti") else role if role in kept else "inner"
    tasks = [
        JoinTask(streamed=streamed[piece.start : piece.stop], built=built, swap=swap, how=of_piece)
        for piece in pieces
    ]
    if kept - {role}:
        tasks.append(JoinTask(streamed=streamed, built=built, swap=swap, how="rest"))
    return tasks


def _bytes(refs: Sequence[Ref]) -> int:
    return sum(ref.bytes for ref in refs)

"""Which tasks join two sides that were split by the hash of their keys.

Usually neighbouring slots make one task. A key that many rows have makes one slot far larger than
the others, and it would keep one worker busy while all others are done: such a slot is split into
several tasks, each of which streams a part of its larger side and builds all of the smaller.
"""

from __future__ import annotations

from dataclasses import dataclass

from .pipeline import balanced
from .stage import Ref, StageOutput

HOT = 2
"""A slot with so many times the bytes that a task should have is split."""

_MANY = 256
"""With more slots than that a task should have the bytes of the median slot: where all are large
none is split for that, since each part builds the smaller side anew."""

_MOST_BUILT_STREAMS = 256
"""For each of these that it builds, a part of such a slot streams the bytes that a task should have
once: 64 KiB for a stream, which takes 0.1 ms to open however short it is. Of a thousand tasks that
built two thousand streams each, every one would read for 0.2 s what all of them build, and the
driver would name four million pieces in its messages."""


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
    sizes = list(zip(left.slot_bytes(), right.slot_bytes(), strict=True))
    runs = balanced([mine + others for mine, others in sizes], target)
    # Not the mean, which a slot with half of all rows takes with it.
    median = sorted(map(sum, sizes))[len(sizes) // 2] if len(sizes) > _MANY else 0
    usual = max(target, median)
    tasks: list[JoinTask] = []
    for run in runs:
        one = run.start
        split = _split(how, *pairs[one], *sizes[one], usual) if len(run) == 1 else []
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
    how: str,
    left: tuple[Ref, ...],
    right: tuple[Ref, ...],
    left_bytes: int,
    right_bytes: int,
    target: int,
) -> list[JoinTask]:
    """Return the tasks of a slot that is too large for one; none where it is not.

    The rows of a kept side that meet nothing are given by the tasks that stream that side. If it is
    the other side that streams, no task knows them: one more looks at keys alone.
    """
    swap = left_bytes < right_bytes
    if how in ("semi", "anti"):
        # What is given are rows of the left, each once: only they can be handed out to tasks.
        swap = False
    streamed, built = (right, left) if swap else (left, right)
    if (right_bytes if swap else left_bytes) <= HOT * target:
        return []
    built_bytes = left_bytes if swap else right_bytes
    least = max(target, built_bytes, target * len(built) // _MOST_BUILT_STREAMS)
    pieces = balanced([ref.bytes for ref in streamed], least)
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

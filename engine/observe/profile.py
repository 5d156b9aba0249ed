"""The profile of a query: what was read, how long each stage took, what it handed on.

`ProfileRecorder` gathers it from events; `Profile` is what remains and what users see.
"""

from __future__ import annotations

import html
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import singledispatchmethod

from ..execution.events import (
    Event,
    PieceMade,
    QueryFinished,
    QueryStarted,
    StageFinished,
    StagePlanned,
    TaskFailed,
    TaskFinished,
    WorkerDied,
)
from ..physical.memory import OperatorMemory
from ..physical.stage import Branch, Stage
from ..plan.description import clean, count_text
from ..source import Skipped
from .amounts import bytes_text, middle_cut, seconds_text
from .grid import html_grid, text_grid
from .operator_memory import memory_html, memory_text
from .terminal import terminal_width


@dataclass(frozen=True, kw_only=True)
class StageProfile:
    """What one stage did."""

    id: int
    label: str
    tasks: int
    """How many it fell into."""

    finished: int
    """How many ran to their end; fewer than `tasks` where enough rows were there before."""

    seconds: float
    """Time its tasks were at work, all together: more than the clock's when they ran at once."""

    rows_in: int
    rows_out: int
    bytes_out: int
    """Bytes in memory of what it handed on."""

    reserved_bytes: int = 0
    """The most that operators of one of its tasks had reserved at once, before they held rows."""

    spilled_bytes: int = 0
    """What its tasks put aside on disk because it did not fit into ``memory_limit``: rows of
    operators, and partitions for which there was no room in shared memory."""

    operators: tuple[OperatorMemory, ...] = ()
    """What each of its operators reserved and put aside, of those that did: bytes granted and bytes
    of files, added up over its tasks, and the most bytes held at once in a process."""

    metrics: Mapping[str, int] = field(default_factory=dict)
    """Counters of its operators, added up over its tasks."""


@dataclass(frozen=True, kw_only=True)
class Profile:
    """How a query ran."""

    seconds: float
    """By the clock, from the start to the last row."""

    executor: str
    workers: int
    tasks: int
    """Tasks that ran to their end."""

    retries: int
    """Tasks that were tried again."""

    workers_lost: int
    bytes_read: int
    """Bytes that finished tasks read from storage, by the account of the files' metadata."""

    stored_bytes: int
    """Bytes in storage of all that was planned to be read; less is read where enough rows are
    there before."""

    rows: int
    """Rows of the result; of a query that writes, which gives one row for each file, the files."""

    writes: bool
    """Whether it wrote files."""

    outcome: str
    """``finished``, ``stopped`` (enough rows were there), ``failed``, or ``running``."""

    stages: tuple[StageProfile, ...]

    skipped: tuple[Skipped, ...] = ()
    """What could not be read and was left out, as ``on_error="skip"`` asks for: file, part and
    reason of each."""

    @property
    def bytes_handed_on(self) -> int:
        """Bytes in memory of what all stages handed on, the result among them."""
        return sum(stage.bytes_out for stage in self.stages)

    @property
    def spilled_bytes(self) -> int:
        """What tasks put aside on disk because it did not fit into ``memory_limit``."""
        return sum(stage.spilled_bytes for stage in self.stages)

    @property
    def busy_seconds(self) -> float:
        """Time that tasks were at work, all together."""
        return sum(stage.seconds for stage in self.stages)

    def summary(self) -> str:
        """Return the query in one line."""
        where = self.executor
        if self.workers > 1:
            where += f", {self.workers} workers"
        noun = "file" if self.writes else "row"
        parts = [
            f"{seconds_text(self.seconds)} ({where})",
            f"{self.tasks:,} task{'' if self.tasks == 1 else 's'}",
            f"read {bytes_text(self.bytes_read)}",
            f"{self.rows:,} {noun}{'' if self.rows == 1 else 's'}",
        ]
        if self.spilled_bytes:
            parts.append(f"spilled {bytes_text(self.spilled_bytes)}")
        if self.retries:
            parts.append(f"{self.retries} tried again")
        if self.workers_lost:
            parts.append(f"{self.workers_lost} workers lost")
        if self.skipped:
            count = len(self.skipped)
            parts.append(f"{count:,} part{'' if count == 1 else 's'} not readable and left out")
        if self.outcome == "failed":
            parts.append("failed")
        return ", ".join(parts)

    def to_dict(self) -> dict[str, object]:
        """Return the profile as plain numbers, strings, lists and dicts."""
        own = ("stages", "skipped")
        plain = {name: value for name, value in vars(self).items() if name not in own}
        stages = [
            {
                **vars(stage),
                "metrics": dict(stage.metrics),
                "operators": [each._asdict() for each in stage.operators],
            }
            for stage in self.stages
        ]
        return {**plain, "stages": stages, "skipped": [dict(vars(each)) for each in self.skipped]}

    def to_text(self, width: int | None = None) -> str:
        """Return the summary and one line for each stage.

        Parameters
        ----------
        width : int, optional
            Characters that a line may have: names of stages are cut to fit it, and where that does
            not suffice the last columns are left out, the counters first.
        """
        told = "\n".join([self.summary(), *_told(self.skipped)])
        if not self.stages:
            return told
        for shown, longest in _LAYOUTS:
            columns = min(shown, self._columns)
            cells = [line[:columns] for line in self._cells(longest)]
            grid = text_grid([_HEAD[:columns]], cells, _AT_RIGHT[:columns])
            if width is None or len(grid.partition("\n")[0]) <= width:
                break
        return "\n".join([told, grid, *memory_text(self.stages, width)])

    def __str__(self) -> str:
        return self.to_text(terminal_width())

    __repr__ = __str__

    def _repr_html_(self) -> str:
        columns = self._columns
        cells = [line[:columns] for line in self._cells(_LABEL_IN_HTML)]
        grid = html_grid([_HEAD[:columns]], cells, _AT_RIGHT[:columns])
        told = "".join(
            f"<div>{html.escape(line)}</div>" for line in [self.summary(), *_told(self.skipped)]
        )
        memory = memory_html(self.stages)
        return f'<div style="overflow-x:auto">{told}{grid}{memory}</div>'

    @property
    def _columns(self) -> int:
        """How many columns the table has: that of the counters only where something is counted."""
        counted = any(stage.metrics or stage.spilled_bytes for stage in self.stages)
        return len(_HEAD) if counted else len(_HEAD) - 1

    def _cells(self, longest: int) -> list[list[str]]:
        return [
            [
                str(stage.id),
                middle_cut(clean(stage.label), longest),
                str(stage.tasks)
                if stage.finished == stage.tasks
                else f"{stage.finished} of {stage.tasks}",
                seconds_text(stage.seconds),
                count_text(stage.rows_in),
                count_text(stage.rows_out),
                bytes_text(stage.bytes_out),
                ", ".join(_counted(stage)),
            ]
            for stage in self.stages
        ]


def _counted(stage: StageProfile) -> Iterator[str]:
    if stage.spilled_bytes:
        yield f"spilled {bytes_text(stage.spilled_bytes)}"
        yield f"reserved at most {bytes_text(stage.reserved_bytes)}"
    for name, amount in stage.metrics.items():
        yield f"{name.replace('_', ' ')} {count_text(amount)}"


_MOST_TOLD = 10
"""Of what was left out, so many parts are shown; the rest is in `Profile.skipped`."""


def _told(skipped: tuple[Skipped, ...]) -> list[str]:
    """Return a line for each of the first parts that were left out."""
    lines = [f"left out: {clean(str(each))}" for each in skipped[:_MOST_TOLD]]
    more = len(skipped) - len(lines)
    return [*lines, f"and {more:,} more, see .skipped"] if more else lines


_HEAD = ("", "stage", "tasks", "busy", "rows in", "rows out", "handed on", "counted")
_LABEL_IN_HTML = 56
_LAYOUTS = ((8, 56), (8, 44), (8, 32), (7, 44), (7, 32), (7, 26), (7, 20), (5, 20))
"""Columns of the table and longest name of a stage, the first that fits being taken."""

_AT_RIGHT = (True, False, True, True, True, True, True, False)


class _StageRecord:
    """The account of a stage while it runs."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.finished = 0
        self.seconds = 0.0
        self.rows_in = 0
        self.rows_out = 0
        self.bytes_out = 0
        self.reserved_bytes = self.spilled_bytes = 0
        self.operators: dict[str, OperatorMemory] = {}
        self.metrics: Counter[str] = Counter()

    def profile(self) -> StageProfile:
        return StageProfile(
            id=self.stage.id,
            label=self.stage.label,
            tasks=self.stage.partitions,
            finished=self.finished,
            seconds=self.seconds,
            rows_in=self.rows_in,
            rows_out=self.rows_out,
            bytes_out=self.bytes_out,
            reserved_bytes=self.reserved_bytes,
            spilled_bytes=self.spilled_bytes,
            operators=tuple(self.operators.values()),
            metrics=dict(self.metrics),
        )


class ProfileRecorder:
    """An observer that keeps the account of one query."""

    def __init__(self) -> None:
        self._started = self._ended = time.perf_counter()
        self._executor = ""
        self._workers = 0
        self._outcome = "running"
        self._tasks = self._retries = self._workers_lost = 0
        self._bytes_read = self._stored_bytes = 0
        self._stages: dict[int, _StageRecord] = {}
        self._skipped: dict[tuple[int, int], tuple[Skipped, ...]] = {}
        self.skipped_before: tuple[Skipped, ...] = ()
        """What scans had left out when they were written."""

        self.rows = 0
        """Rows of the result that arrived; counted by whom they are given to."""

    def __call__(self, event: Event) -> None:
        """Take an event in."""
        self._ended = event.time
        # `self._take` would make a wrapper for each event: 4 microseconds more, three times a task.
        _TAKE(type(event))(self, event)

    def profile(self) -> Profile:
        """Return what is known so far."""
        return Profile(
            seconds=max(0.0, self._ended - self._started),
            executor=self._executor,
            workers=self._workers,
            tasks=self._tasks,
            retries=self._retries,
            workers_lost=self._workers_lost,
            bytes_read=self._bytes_read,
            stored_bytes=self._stored_bytes,
            rows=self.rows,
            writes=any(record.stage.job is not None for record in self._stages.values()),
            outcome=self._outcome,
            stages=tuple(record.profile() for record in self._stages.values()),
            skipped=self.skipped,
        )

    @property
    def skipped(self) -> tuple[Skipped, ...]:
        """What was left out so far, each part once, in the order of the partitions."""
        found = [part for key in sorted(self._skipped) for part in self._skipped[key]]
        return tuple(dict.fromkeys([*self.skipped_before, *found]))

    @singledispatchmethod
    def _take(self, event: Event) -> None:
        """Events without a method of their own say nothing that is counted."""

    @_take.register
    def _(self, event: QueryStarted) -> None:
        self._started = event.time
        self._executor, self._workers = event.executor, event.workers

    @_take.register
    def _(self, event: StagePlanned) -> None:
        stage = event.stage
        self._stages[stage.id] = _StageRecord(stage)
        self._stored_bytes += sum(
            stored_bytes(stage, partition) for partition in range(stage.partitions)
        )
        beside = sum(map(_stored_beside, stage.branches))
        self._stored_bytes += beside
        self._bytes_read += beside

    @_take.register
    def _(self, event: PieceMade) -> None:
        self._stages[event.stage].bytes_out += event.ref.bytes

    @_take.register
    def _(self, event: TaskFinished) -> None:
        record, result = self._stages[event.stage], event.result
        self._tasks += 1
        record.finished += 1
        record.seconds += result.seconds
        record.rows_in += result.rows_in
        record.rows_out += result.rows
        record.bytes_out += sum(ref.bytes for ref in result.refs)
        record.metrics.update(dict(result.metrics))
        record.reserved_bytes = max(record.reserved_bytes, result.reserved)
        record.spilled_bytes += result.spilled
        for each in result.operators:
            known = record.operators.get(each.label)
            record.operators[each.label] = each if known is None else known.with_more(each)
        self._bytes_read += stored_bytes(record.stage, event.partition)
        if result.skipped:
            self._skipped[event.stage, event.partition] = result.skipped

    @_take.register
    def _(self, event: TaskFailed) -> None:
        self._retries += event.retry

    @_take.register
    def _(self, event: WorkerDied) -> None:
        self._workers_lost += 1

    @_take.register
    def _(self, event: StageFinished) -> None:
        # The scheduler's figure leaves out what a task announced before it was tried again.
        self._stages[event.stage].bytes_out = event.bytes

    @_take.register
    def _(self, event: QueryFinished) -> None:
        self._outcome = event.outcome


_TAKE = vars(ProfileRecorder)["_take"].dispatcher.dispatch


def stored_bytes(stage: Stage, partition: int) -> int:
    """Return the bytes that the task of `partition` reads from storage."""
    _, branch, place = stage.task(partition)
    fragment = branch.inputs[place].fragment
    return 0 if fragment is None else fragment.stored_bytes


def _stored_beside(branch: Branch) -> int:
    """Return the bytes in storage of the small files that side inputs are made of."""
    made_by = [side.made_by for side in branch.sides if side.made_by is not None]
    own = [task.fragment for each in made_by for task in each.inputs if task.fragment is not None]
    return sum(fragment.stored_bytes for fragment in own) + sum(map(_stored_beside, made_by))

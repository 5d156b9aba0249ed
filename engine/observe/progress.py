"""The progress bar: one line on a terminal, one box in a notebook, gone when the query is over.

It reads events only, draws at most ten times a second, and says nothing for the first second.
"""

from __future__ import annotations

import html
import shutil
import sys
from dataclasses import dataclass
from functools import singledispatchmethod
from typing import Any, Protocol, TextIO

from ..config import Settings
from ..execution.events import Event, QueryStarted, StageFinished, StagePlanned, TaskFinished
from ..physical.stage import Stage
from ..plan.description import clean, count_text
from .amounts import seconds_text
from .terminal import cut, notebook_shell

PATIENCE = 1.0
"""Seconds of silence; most queries are over before."""

INTERVAL = 0.1
"""Seconds between two pictures."""

_BAR = 24
_LONGEST_LABEL = 40


@dataclass(frozen=True, kw_only=True)
class Picture:
    """What there is to show at one moment."""

    done: int
    """Tasks that are finished."""

    known: int
    """Tasks of the stages that are planned so far; more may follow."""

    stage: str
    """The stage that is at work, the latest one of several."""

    rows: int
    """Rows read from sources so far."""

    seconds: float

    @property
    def share(self) -> float:
        """How much of the known work is done."""
        return self.done / self.known if self.known else 0.0

    def figures(self) -> str:
        """Return the numbers in words."""
        parts = [f"{self.done:,}/{self.known:,} tasks", seconds_text(self.seconds)]
        if self.rows and self.seconds > 0:
            # Not before the first scan task is over: until then the rows are not known.
            parts.insert(1, f"{count_text(self.rows / self.seconds)} rows/s")
        return ", ".join(parts)


class Canvas(Protocol):
    """Where a picture is shown."""

    def draw(self, picture: Picture) -> None:
        """Show `picture` in place of the one before."""

    def clear(self) -> None:
        """Leave nothing behind."""


class TerminalCanvas:
    """One line of a terminal, written over again and again."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._drawn = False

    def draw(self, picture: Picture) -> None:
        """Write the line; what is too long for the terminal is cut, since it would wrap."""
        width = shutil.get_terminal_size((80, 24)).columns - 1
        text = f"{bar(picture.share)} {picture.figures()}  {_short(picture.stage)}"
        # Before the line is written: an interrupt may come right behind it.
        self._drawn = True
        # One write of a whole line, and the rest erased after it: no flicker.
        self._stream.write(f"\r{cut(text, width)}\x1b[K")
        self._stream.flush()

    def clear(self) -> None:
        """Erase the line."""
        if self._drawn:
            self._stream.write("\r\x1b[K")
            self._stream.flush()
            self._drawn = False


class NotebookCanvas:
    """A box in the output of a notebook cell, replaced in place and emptied at the end."""

    def __init__(self, display: Any) -> None:
        self._display = display
        self._handle: Any = None

    def draw(self, picture: Picture) -> None:
        """Show the box."""
        self._show(picture_html(picture), picture.figures())

    def clear(self) -> None:
        """Empty the box."""
        if self._handle is not None:
            self._show("", "")
            self._handle = None

    def _show(self, markup: str, text: str) -> None:
        data = {"text/html": markup, "text/plain": text}
        if self._handle is None:
            self._handle = self._display(data, raw=True, display_id=True)
        else:
            self._handle.update(data, raw=True)


def bar(share: float, width: int = _BAR) -> str:
    """Return a bar of `width` characters.

    >>> bar(0.5, 8)
    '████░░░░'
    """
    full = int(share * width)
    return "█" * full + "░" * (width - full)


def picture_html(picture: Picture) -> str:
    """Return the picture as HTML, escaped, in the colours of the notebook's theme."""
    percent = f"{picture.share * 100:.0f}%"
    label = html.escape(_short(picture.stage))
    figures = html.escape(picture.figures())
    return (
        '<div style="font-family:monospace;font-size:0.9em;max-width:40em">'
        '<div style="border:1px solid rgba(128,128,128,0.6);border-radius:3px;height:0.7em">'
        f'<div style="background:#4a90d9;height:100%;width:{percent}"></div></div>'
        f'<div>{figures}</div><div style="opacity:0.7">{label}</div></div>'
    )


def _short(label: str) -> str:
    return cut(clean(label), _LONGEST_LABEL)


class Progress:
    """An observer that draws; `close` leaves the screen as it was, whatever happened."""

    def __init__(self, canvas: Canvas, patience: float = PATIENCE) -> None:
        self._canvas = canvas
        self._patience = patience
        self._started: float | None = None
        self._next = 0.0
        self._done = self._known = self._rows = 0
        self._open: dict[int, str] = {}
        self._stages: dict[int, Stage] = {}
        self._label = ""

    def __call__(self, event: Event) -> None:
        """Take an event in, and draw if it is time to."""
        if self._started is None:
            self._started = event.time
            self._next = event.time + self._patience
        self._take(event)
        if event.time >= self._next and self._known:
            self._next = event.time + INTERVAL
            self._canvas.draw(
                Picture(
                    done=self._done,
                    known=self._known,
                    stage=self._label,
                    rows=self._rows,
                    seconds=event.time - self._started,
                )
            )

    def close(self) -> None:
        """Take the picture away."""
        self._canvas.clear()

    @singledispatchmethod
    def _take(self, event: Event) -> None:
        """Events without a method of their own only tell that time has passed."""

    @_take.register
    def _(self, event: QueryStarted) -> None:
        self._started = event.time
        self._next = event.time + self._patience

    @_take.register
    def _(self, event: StagePlanned) -> None:
        self._known += event.stage.partitions
        self._open[event.stage.id] = self._label = event.stage.label
        self._stages[event.stage.id] = event.stage

    @_take.register
    def _(self, event: TaskFinished) -> None:
        self._done += 1
        # A stage that probes a broadcast table reads another stage and a source as well.
        _, branch, place = self._stages[event.stage].task(event.partition)
        if not branch.inputs[place].refs:
            self._rows += event.result.rows_in
        self._label = self._open.get(event.stage, self._label)

    @_take.register
    def _(self, event: StageFinished) -> None:
        self._open.pop(event.stage, None)
        if self._open:
            self._label = next(reversed(self._open.values()))


def progress_for(settings: Settings, stream: TextIO | None = None) -> Progress | None:
    """Return the observer that `settings` and the place of output ask for; None for silence.

    Parameters
    ----------
    settings : Settings
        ``progress`` is ``auto`` (after a second), ``on`` (at once) or ``off``.
    stream : text stream, optional
        The terminal; by default standard error. Where it is none, nothing is written to it.
    """
    if settings.progress == "off":
        return None
    canvas = _notebook_canvas() or _terminal_canvas(sys.stderr if stream is None else stream)
    if canvas is None:
        return None
    return Progress(canvas, patience=0.0 if settings.progress == "on" else PATIENCE)


def _terminal_canvas(stream: TextIO | None) -> TerminalCanvas | None:
    # Programs without a console have no standard error at all.
    if stream is None or getattr(stream, "closed", False) or not stream.isatty():
        return None
    return TerminalCanvas(stream)


def _notebook_canvas() -> NotebookCanvas | None:
    """Return a canvas if this runs in a notebook's kernel."""
    if notebook_shell() is None:
        return None
    # Late: it is there already, as the kernel runs on it.
    from IPython.display import display

    return NotebookCanvas(display)

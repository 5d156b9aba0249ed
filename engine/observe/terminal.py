"""How wide the reader's terminal is, and how text is made to fit: cut, or a plan's lines folded."""

from __future__ import annotations

import re
import shutil
import sys
import textwrap
from collections.abc import Iterator
from typing import Any

from ..plan.description import text_width

_LEAD = re.compile(r"(?:│  |   |├─ |└─ )*")
_DETAIL = re.compile(r"  (?=[a-z][a-z ]*: |~|\(shared )")
_LEAST = 24
"""Characters that a line has in any case: deep trees in narrow terminals run over."""


NOTEBOOK_WIDTH = 100
"""Characters that fit beside each other in the output of a notebook's cell."""


def notebook_shell() -> Any:
    """Return IPython's shell if this runs in a notebook's kernel; it is asked, never imported."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return shell if hasattr(shell, "kernel") else None


def terminal_width() -> int | None:
    """Return the characters of a line where standard output is shown; None where it is stored."""
    if notebook_shell() is not None:
        return NOTEBOOK_WIDTH
    stream = sys.stdout
    # Programs without a console have no standard output at all.
    if stream is None or getattr(stream, "closed", False) or not stream.isatty():
        return None
    return shutil.get_terminal_size((80, 24)).columns


def cut(text: str, width: int) -> str:
    """Return `text`, its end left out where it takes more than `width` cells of a line.

    >>> cut("partition", 5), cut("日本語", 5)
    ('part…', '日本…')
    """
    # The width of a value of a megabyte is not measured.
    if len(text) <= 4 * width and text_width(text) <= width:
        return text
    text = text[: max(0, width)]
    while text and text_width(text) >= width:
        text = text[:-1]
    return text + "…" if width > 0 else ""


def folded(tree: str, width: int) -> str:
    """Return the text of a plan with its long lines folded; the lines of the tree stay whole.

    Parameters
    ----------
    tree : str
        One line for each node, as `partita.engine.plan.display.text` gives it.
    width : int
        Characters that a line may have.

    Returns
    -------
    str
        Details of a node go to a line of their own where they do not fit.

    Examples
    --------
    >>> print(folded("SORT by a\\n└─ SCAN parquet 'sales'  columns: 2 of 9 [a, b]  ~5 rows", 36))
    SORT by a
    └─ SCAN parquet 'sales'
          columns: 2 of 9 [a, b]
          ~5 rows
    """
    lines = tree.splitlines()
    leads = [_lead(line) for line in lines]
    below = [len(lead) for lead in leads[1:]] + [0]
    return "\n".join(
        line
        for whole, lead, deeper in zip(lines, leads, below, strict=True)
        for line in _folded_line(whole, lead, width, has_inputs=deeper > len(lead))
    )


def _lead(line: str) -> str:
    found = _LEAD.match(line)
    return "" if found is None else found[0]


def _folded_line(line: str, lead: str, width: int, *, has_inputs: bool) -> Iterator[str]:
    if len(line) <= width:
        yield line
        return
    drawn = lead.replace("├─ ", "│  ").replace("└─ ", "   ") + ("│  " if has_inputs else "   ")
    room = max(_LEAST, width - len(drawn) - 1)
    pieces = _packed(_DETAIL.split(line[len(lead) :]), room)
    yield lead + next(pieces)
    for piece in pieces:
        yield f"{drawn} {piece}"


def _packed(details: list[str], room: int) -> Iterator[str]:
    """Yield lines of no more than `room` characters: as many details in one as go into it."""
    current = ""
    for number, detail in enumerate(details):
        if current and len(current) + 2 + len(detail) <= room:
            current += "  " + detail
            continue
        if current:
            yield current
        # The node's own words begin its first line; what belongs to them stands farther in.
        *whole, current = textwrap.wrap(
            detail,
            room,
            initial_indent="" if number == 0 else "  ",
            subsequent_indent="    ",
            break_on_hyphens=False,
            replace_whitespace=False,
        ) or [detail]
        yield from whole
    yield current

"""Texts in rows and columns: with drawn lines for a terminal, as HTML for a notebook."""

from __future__ import annotations

import html
from collections.abc import Sequence

from ..plan.description import text_width


def text_grid(
    heads: Sequence[Sequence[str]], rows: Sequence[Sequence[str]], at_right: Sequence[bool]
) -> str:
    """Return a table with drawn lines.

    Parameters
    ----------
    heads, rows : sequence of sequence of str
        Lines of cells above and below the rule; all of one length, without line breaks.
    at_right : sequence of bool
        For each column, whether its cells stand at the right.

    Returns
    -------
    str
        Lines without a line break at the end.

    Examples
    --------
    >>> print(text_grid([["k", "v"]], [["a", "1"], ["b", "20"]], [False, True]))
    ┌───┬────┐
    │ k │  v │
    ├───┼────┤
    │ a │  1 │
    │ b │ 20 │
    └───┴────┘
    """
    columns = list(zip(*heads, *rows, strict=True))
    widths = [max(text_width(cell) for cell in column) for column in columns]

    def rule(left: str, middle: str, right: str) -> str:
        return left + middle.join("─" * (width + 2) for width in widths) + right

    def line(cells: Sequence[str]) -> str:
        padded = (
            _padded(cell, width, right)
            for cell, width, right in zip(cells, widths, at_right, strict=True)
        )
        return "│ " + " │ ".join(padded) + " │"

    return "\n".join(
        [
            rule("┌", "┬", "┐"),
            *map(line, heads),
            rule("├", "┼", "┤"),
            *map(line, rows),
            rule("└", "┴", "┘"),
        ]
    )


def _padded(text: str, width: int, at_right: bool) -> str:
    space = " " * (width - text_width(text))
    return space + text if at_right else text + space


# Neither a colour nor a background is set: both come from the notebook's theme, light or dark.
_TABLE = "border-collapse:collapse;font-family:monospace;font-size:0.9em;margin:0.3em 0"
_RULE = "border-bottom:1px solid rgba(128,128,128,0.45)"
_CELL = "padding:0.15em 0.7em;white-space:pre"


def html_grid(
    heads: Sequence[Sequence[str]], rows: Sequence[Sequence[str]], at_right: Sequence[bool]
) -> str:
    """Return an HTML table of plain texts, every one of them escaped.

    Parameters
    ----------
    heads, rows, at_right
        As for `text_grid`.

    Examples
    --------
    >>> "&lt;b&gt;" in html_grid([["name"]], [["<b>"]], [False])
    True
    """
    aligned = ["right" if right else "left" for right in at_right]

    def line(cells: Sequence[str], tag: str, more: str = "") -> str:
        written = "".join(
            f'<{tag} style="text-align:{align};{_CELL}{more}">{html.escape(cell)}</{tag}>'
            for cell, align in zip(cells, aligned, strict=True)
        )
        return f"<tr>{written}</tr>"

    head = "".join(
        line(cells, "th", f";{_RULE}" if number == len(heads) else "")
        for number, cells in enumerate(heads, start=1)
    )
    body = "".join(line(cells, "td") for cells in rows)
    return f'<table style="{_TABLE}"><thead>{head}</thead><tbody>{body}</tbody></table>'

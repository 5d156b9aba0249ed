"""Tables in Markdown that are aligned to be read as text as well."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def table(rows: Iterable[Sequence[str]]) -> list[str]:
    """Return the lines of a table; the first row is its head, the first column stands left.

    Examples
    --------
    >>> print("\\n".join(table([["query", "seconds"], ["Q1", "0.25"]])))
    | query | seconds |
    | ----- | ------: |
    | Q1    |    0.25 |
    """
    cells = list(rows)
    widths = [max(len(row[column]) for row in cells) for column in range(len(cells[0]))]
    rule = ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])]
    return [
        "| "
        + " | ".join(
            text.ljust(width) if column == 0 else text.rjust(width)
            for column, (text, width) in enumerate(zip(row, widths, strict=True))
        )
        + " |"
        for row in [cells[0], rule, *cells[1:]]
    ]


def number(value: float | None, digits: int = 2) -> str:
    """Return a figure as a table shows it: a dash where there is none."""
    return "-" if value is None else f"{value:.{digits}f}"

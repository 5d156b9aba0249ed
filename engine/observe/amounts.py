"""Amounts and names as a reader takes them in at once."""

from __future__ import annotations


def middle_cut(text: str, longest: int) -> str:
    """Return `text`, its middle left out where it is longer than `longest`.

    >>> middle_cut("scan > filter > result", 13)
    'scan … esult'
    """
    if len(text) <= longest:
        return text
    end = (longest - 3) // 2
    return f"{text[: longest - 3 - end].rstrip()} … {text[-end:].lstrip()}"


def seconds_text(seconds: float) -> str:
    """Return a time as a reader takes it in at once.

    >>> seconds_text(0.0123), seconds_text(3.21), seconds_text(75)
    ('12 ms', '3.2 s', '1 min 15 s')
    """
    if seconds < 0.9995:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s"


def bytes_text(size: float) -> str:
    """Return a size with its unit.

    >>> bytes_text(512), bytes_text(3_200_000)
    ('512 B', '3.2 MB')
    """
    for factor, unit in ((1e12, "TB"), (1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        if size >= factor:
            return f"{size / factor:.1f} {unit}"
    return f"{size:.0f} B"

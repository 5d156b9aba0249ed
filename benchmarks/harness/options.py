"""Readers of values on a command line, shared by the commands."""

from __future__ import annotations

import argparse


def listed(text: str) -> list[str]:
    """Return the parts of ``a,b``."""
    return [part.strip() for part in text.split(",") if part.strip()]


def positive(text: str) -> int:
    """Return a number above 0; ``10_000_000`` is one."""
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{value} is below 1")
    return value

"""What may be drawn, and a draw that gives each of the choices as often as the others.

Hypothesis looks for the smallest examples, and for many that are alike: of plans that it draws
choice by choice, most end in no row or one. So it draws the number that a plan follows from, and
the choices are even. To shrink a failure, it makes the choices itself (`PARTITA_TEST_SHRINK`).
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

T = TypeVar("T")

Choice = Callable[[random.Random], T]

Draw = Callable[[Choice[Any]], Any]
"""Makes one choice."""


def drawing(source: random.Random) -> Draw:
    """Return a draw whose choices follow from `source`."""
    return lambda choice: choice(source)


def sampled_from(values: Sequence[T]) -> Choice[T]:
    return lambda source: values[source.randrange(len(values))]


def integers(least: int, most: int) -> Choice[int]:
    """Choose an integer; both ends may be chosen."""
    return lambda source: source.randint(least, most)


def booleans() -> Choice[bool]:
    return sampled_from((False, True))


def several(values: Sequence[T], *, least: int = 1, most: int | None = None) -> Choice[list[T]]:
    """Choose some of the values, in any order, none of them twice."""
    highest = len(values) if most is None else min(most, len(values))
    return lambda source: source.sample(values, source.randint(least, highest))


def repeated(element: Choice[T], *, least: int, most: int) -> Choice[list[T]]:
    """Make a choice several times."""
    return lambda source: [element(source) for _ in range(source.randint(least, most))]

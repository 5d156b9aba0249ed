"""Options that do not exist, said so: with the nearest that does, or what other libraries mean."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from ..errors import InvalidExpression, did_you_mean, listed

P = ParamSpec("P")
R = TypeVar("R")

FRAMES_NEVER_CHANGE = "frames never change, so assign what the method returns"
NO_INDEX = "there is no index, so leave it out"


def options(**elsewhere: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Return a decorator: an option that the function does not have is answered with advice.

    Python's own message names neither the options that there are nor what to write instead.

    Parameters
    ----------
    **elsewhere
        Options that other libraries have under that name, and what to write here.

    Examples
    --------
    >>> @options(ascending="write descending=True for the opposite")
    ... def sort(by, *, descending=False): ...
    >>> sort("a", ascending=False)
    Traceback (most recent call last):
    partita.engine.errors.InvalidExpression: sort has no option 'ascending': write \
descending=True for the opposite. Its options: 'by', 'descending'.
    """

    def decorated(function: Callable[P, R]) -> Callable[P, R]:
        known = [
            name
            for name, parameter in inspect.signature(function).parameters.items()
            if name != "self" and parameter.kind is not parameter.VAR_POSITIONAL
        ]

        @functools.wraps(function)
        def called(*args: P.args, **kwargs: P.kwargs) -> R:
            __tracebackhide__ = True  # IPython leaves such frames out of what it shows
            for name in kwargs:
                if name not in known:
                    raise _no_option(function.__name__, name, known, elsewhere.get(name))
            return function(*args, **kwargs)

        return called

    return decorated


def _no_option(function: str, name: str, known: list[str], advice: str | None) -> InvalidExpression:
    told = f": {advice}." if advice else f".{did_you_mean(name, known)}"
    there = f"Its options: {listed(known)}." if known else "It has no options."
    return InvalidExpression(f"{function} has no option {name!r}{told} {there}")

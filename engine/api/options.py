"""Calls that do not fit, said so: with the nearest option, or what other libraries mean by it."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

import numpy as np

from ..errors import InvalidExpression, did_you_mean, listed

P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T")

FRAMES_NEVER_CHANGE = "frames never change, so assign what the method returns"
NO_INDEX = "there is no index, so leave it out"
RUNS_LATER = "leave it out, and write .compute() behind it"


def options(**elsewhere: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Return a decorator: an option that the function does not have is answered with advice.

    Python's own message names neither the options that there are nor what to write instead.

    Parameters
    ----------
    **elsewhere
        Options that other libraries have under that name, and what to write here; under
        ``_positional``, what to write in the place of arguments that are too many.

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
        signature = inspect.signature(function)
        known = [
            name
            for name, parameter in signature.parameters.items()
            if name != "self" and parameter.kind is not parameter.VAR_POSITIONAL
        ]

        plain = {
            name: parameter.annotation
            for name, parameter in signature.parameters.items()
            if parameter.annotation in _PLAIN
        }

        @functools.wraps(function)
        def called(*args: P.args, **kwargs: P.kwargs) -> R:
            __tracebackhide__ = True  # IPython leaves such frames out of what it shows
            for name in kwargs:
                if name not in known:
                    raise _no_option(function.__name__, name, known, elsewhere.get(name))
            try:
                bound = signature.bind(*args, **kwargs)
            except TypeError as error:
                raise _misfit(function.__name__, error, signature, elsewhere) from None
            for name in plain.keys() & bound.arguments.keys():
                _check_plain(function.__name__, name, bound.arguments[name], plain[name])
            return function(*args, **kwargs)

        return called

    return decorated


_PLAIN: dict[str, tuple[tuple[type, ...], str]] = {
    "bool": ((bool, np.bool_), "True or False"),
    "str": ((str,), "text"),
    "str | None": ((str, type(None)), "text or None"),
    "float | None": ((int, float, np.number, type(None)), "a number or None"),
}
"""How plain settings are annotated -> the types they may have, and what these are called."""


def _check_plain(function: str, name: str, value: Any, annotation: str) -> None:
    """Raise for a setting of another type than its annotation says; `on` names a column."""
    types, called = _PLAIN[annotation]
    if name != "on" and not isinstance(value, types):
        raise InvalidExpression(
            f"{function}({name}={value!r}): it is {called}, found {type(value).__name__}."
        )


def checked_calls(cls: type[T]) -> type[T]:
    """Check, as `options` does, the calls of all methods of a class that are not checked yet.

    Those that take names of the user's as keywords have no options that could be mistyped.

    Examples
    --------
    >>> class Rows:
    ...     def head(self, n=10): ...
    >>> checked_calls(Rows)().head(m=1)
    Traceback (most recent call last):
    partita.engine.errors.InvalidExpression: head has no option 'm'. Its options: 'n'.
    """
    for owner in cls.__mro__[:-1]:
        for name, method in list(vars(owner).items()):
            if name.startswith("_") or not inspect.isfunction(method):
                continue
            made = hasattr(method, "__wrapped__") or "__signature__" in vars(method)
            parameters = inspect.signature(method).parameters.values()
            if not made and all(each.kind is not each.VAR_KEYWORD for each in parameters):
                setattr(owner, name, options()(method))
    return cls


def _misfit(
    function: str, error: TypeError, signature: inspect.Signature, elsewhere: dict[str, str]
) -> InvalidExpression:
    """Return the error for too many arguments, too few, or one that is given twice."""
    advice = elsewhere.get("_positional", "") if "too many" in str(error) else ""
    told = f": {advice}." if advice else "."
    return InvalidExpression(
        f"{function}: {error}{told} It is called as {function}{_bare(signature)}."
    )


def _bare(signature: inspect.Signature) -> inspect.Signature:
    """Return a signature as it is called: without `self` and types."""
    empty = inspect.Parameter.empty
    shown = [
        each.replace(annotation=empty)
        for name, each in signature.parameters.items()
        if name != "self"
    ]
    return signature.replace(parameters=shown, return_annotation=empty)


def _no_option(function: str, name: str, known: list[str], advice: str | None) -> InvalidExpression:
    told = f": {advice}." if advice else f".{did_you_mean(name, known)}"
    there = f"Its options: {listed(known)}." if known else "It has no options."
    return InvalidExpression(f"{function} has no option {name!r}{told} {there}")

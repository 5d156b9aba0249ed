"""Plain settings: flags, one for all keys or one for each; whole numbers; shares."""

from __future__ import annotations

import operator
from collections.abc import Iterable, Sequence
from typing import Any

from ..errors import InvalidExpression, SchemaError


def one_each(value: bool | Sequence[bool], count: int, where: str) -> list[bool]:
    """Return a flag for each of `count` keys.

    Raises
    ------
    SchemaError
        If there are not so many, or they are no flags.

    Examples
    --------
    >>> one_each(True, 2, "sort: descending")
    [True, True]
    """
    if isinstance(value, bool):
        return [value] * count
    flags = list(value)
    if len(flags) != count or not all(isinstance(flag, bool) for flag in flags):
        raise SchemaError(
            f"{where} is True, False or one of them for each key: there are {count} keys, found"
            f" {value!r}."
        )
    return flags


def whole_number(value: Any) -> int | None:
    """Return an integer as Python's own, also one of numpy; None for all else, and for flags.

    Examples
    --------
    >>> import numpy as np
    >>> whole_number(np.int64(3)), whole_number(3.0), whole_number(True)
    (3, None, None)
    """
    if isinstance(value, bool):
        return None
    try:
        return operator.index(value)
    except TypeError:
        return None


def one_share(value: Any) -> Any:
    """Return what is one value, for the aggregate to check; raise for several.

    Raises
    ------
    InvalidExpression
        If there are several quantiles.
    """
    if isinstance(value, Iterable) and not isinstance(value, str):
        raise InvalidExpression(
            f"A quantile is a share between 0 and 1, such as 0.9; this is {value!r}. For several at"
            " once .describe(percentiles=[...]), or an aggregate for each."
        )
    return value

"""Settings that are one for all keys or one for each: ``descending=[True, False]``."""

from __future__ import annotations

from collections.abc import Sequence

from ..errors import SchemaError


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

"""Functions whose pattern is one for all rows, as Arrow's are, over columns of patterns too.

Rows with the same pattern are worked on together: the cost is that of the rows and of a call for
each different pattern.
"""

from __future__ import annotations

import functools
from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..errors import InvalidExpression
from .function import Value
from .list_layout import beside


def by_pattern(kernel: Callable[..., Value], sample: str = "a") -> Callable[..., Value]:
    """Return `kernel`, whose second argument is a text, for a column of texts as well.

    Parameters
    ----------
    kernel
        Called with values and one text for all of them.
    sample
        A text that it takes whatever the values are, to find the type of the result by.
    """

    def over_patterns(value: Value, pattern: Value, /, **settings: object) -> Value:
        if isinstance(pattern, pa.Scalar):
            if pattern.is_valid:
                return kernel(value, pattern.as_py(), **settings)
            return pa.nulls(len(value), kernel(value[:0], sample, **settings).type)
        value = beside(value, len(pattern))
        encoded = pattern.dictionary_encode()
        codes = pc.fill_null(encoded.indices, -1).to_numpy()
        order = np.argsort(codes, kind="stable")
        # Rows without a pattern come first, those of one pattern are side by side.
        bounds = np.searchsorted(codes[order], np.arange(len(encoded.dictionary) + 1))
        ordered = value.take(pa.array(order))
        dtype = kernel(value[:0], sample, **settings).type
        parts = [pa.nulls(int(bounds[0]), dtype)]
        for code, each in enumerate(encoded.dictionary.to_pylist()):
            rows = ordered[int(bounds[code]) : int(bounds[code + 1])]
            parts.append(kernel(rows, each, **settings))
        places = np.empty(len(order), np.int64)
        places[order] = np.arange(len(order))
        return pa.concat_arrays(parts).take(pa.array(places))

    return over_patterns


def of_regex(kernel: Callable[..., Value], literal: bool = False) -> Callable[..., Value]:
    """Return `kernel`, whose second argument is a regular expression, with that looked at first.

    Arrow compiles none where there is no row, which is how a plan finds the type of a result: a
    mistake would be told when the query runs.

    Parameters
    ----------
    literal
        What it is to leave out the setting ``literal``, with which the pattern is plain text.
    """

    def checked(value: Value, pattern: str, /, **settings: object) -> Value:
        if not len(value) and not settings.get("literal", literal):
            _check_regex(pattern)
        return kernel(value, pattern, **settings)

    return checked


@functools.lru_cache(maxsize=256)
def _check_regex(pattern: str) -> None:
    try:
        pc.match_substring_regex(pa.array([""]), pattern)
    except pa.ArrowInvalid as error:
        raise InvalidExpression(
            f"{pattern!r} is no regular expression: {str(error).partition(': ')[2]}. They are those"
            " of RE2, which look neither ahead nor behind and know no \\1. Where characters such as"
            " ( . * + stand for themselves, put a backslash before them, or pass literal=True."
        ) from None

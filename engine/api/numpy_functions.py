"""Functions of numpy called with an expression: ``np.log(df.a)`` is ``df.a.log()``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ..errors import InvalidExpression

ONE: dict[str, str] = {
    **{
        name: name
        for name in (
            *("abs", "sign", "sqrt", "cbrt", "exp", "log", "log10", "log1p", "floor", "ceil"),
            *("sin", "cos", "tan", "sinh", "cosh", "tanh", "arcsin", "arccos", "arctan"),
            *("degrees", "radians"),
        )
    },
    "absolute": "abs",
    "fabs": "abs",
    "isnan": "is_nan",
    "isfinite": "is_finite",
    "isinf": "is_infinite",
}
"""Functions of one argument -> the method here."""

BOTH: dict[str, str] = {
    "add": "add",
    "subtract": "subtract",
    "multiply": "multiply",
    "divide": "divide",
    "true_divide": "divide",
    "floor_divide": "floor_divide",
    "remainder": "modulo",
    "mod": "modulo",
    "power": "power",
    "equal": "eq",
    "not_equal": "ne",
    "less": "lt",
    "less_equal": "le",
    "greater": "gt",
    "greater_equal": "ge",
    "logical_and": "and",
    "logical_or": "or",
    "bitwise_and": "and",
    "bitwise_or": "or",
    "bitwise_xor": "xor",
    "maximum": "max_horizontal",
    "fmax": "max_horizontal",
    "minimum": "min_horizontal",
    "fmin": "min_horizontal",
    "negative": "negate",
    "logical_not": "not",
    "invert": "not",
}
"""Functions of arguments that all are values; operators of numpy's scalars come here, too."""


def check_ufunc(ufunc: Any, way: str, options: Mapping[str, Any]) -> None:
    """Raise `InvalidExpression` where there is nothing like a function of numpy.

    Examples
    --------
    >>> import numpy as np
    >>> check_ufunc(np.arctan2, "__call__", {})
    Traceback (most recent call last):
    partita.engine.errors.InvalidExpression: There is no np.arctan2 of an expression. A function \
of numpy is applied to whole arrays by pt.col('a').map_batches(np.arctan2, float, takes='numpy').
    """
    if ufunc.__name__ not in (ONE | BOTH) or way != "__call__" or options:
        raise InvalidExpression(
            f"There is no np.{ufunc.__name__} of an expression. A function of numpy is applied to"
            f" whole arrays by pt.col('a').map_batches(np.{ufunc.__name__}, float, takes='numpy')."
        )


def scalar_of(value: Any) -> Any:
    """Return what numpy has made an array without dimensions of as a scalar again."""
    return value[()] if isinstance(value, np.ndarray) and not value.ndim else value

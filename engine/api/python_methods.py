"""The methods of an expression that hand its values to a function of the user."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Self

from ..errors import InvalidExpression, listed
from ..expr.datatype import data_type
from ..expr.node import Expr
from ..expr.python_call import FORMS, PythonCall
from .user_function import check_callable


class PythonMethods:
    """What `Expression` has for functions of the user; for several columns see `udf`."""

    node: Expr

    def __init__(self, node: Expr) -> None:
        # What `Expression` is made with, so that the methods here can make one.
        self.node = node

    def map_batches(
        self, function: Callable[[Any], Any], return_dtype: Any = None, *, takes: str = "arrow"
    ) -> Self:
        """Apply a Python function to whole arrays of its values, in the workers.

        Parameters
        ----------
        function : callable
            Given an array of some of the rows, it returns as many values: an Arrow or numpy array,
            a pandas Series or a list. For more columns than one see `udf`.
        return_dtype : type
            The type of these values.
        takes : {"arrow", "numpy", "pandas"}
            What it is given.

        Examples
        --------
        >>> import partita as pt, numpy as np
        >>> df = pt.from_pydict({"a": [1.0, 4.0]})
        >>> df.select(pt.col("a").map_batches(np.sqrt, float, takes="numpy")).to_pydict()
        {'a': [1.0, 2.0]}
        """
        if takes == "values" or takes not in FORMS:
            raise InvalidExpression(
                f"map_batches(takes={takes!r}): it is one of {listed(FORMS[:-1])}."
            )
        return self._python_call("map_batches", function, return_dtype, takes, False)

    def map_elements(
        self, function: Callable[[Any], Any], return_dtype: Any = None, *, skip_nulls: bool = True
    ) -> Self:
        """Apply a Python function to each of its values, in the workers; slow, as Python is.

        Parameters
        ----------
        function : callable
            Given a Python value, it returns one.
        return_dtype : type
            The type of what it returns.
        skip_nulls : bool
            Whether nulls stay null without a call.

        Examples
        --------
        >>> import partita as pt
        >>> df = pt.from_pydict({"a": [1, None]})
        >>> df.select(pt.col("a").map_elements(lambda value: "*" * value, str)).to_pydict()
        {'a': ['*', None]}
        """
        return self._python_call("map_elements", function, return_dtype, "values", skip_nulls)

    def _python_call(
        self, where: str, function: Any, return_dtype: Any, takes: str, skip_nulls: bool
    ) -> Self:
        check_callable(function, where, "values")
        if return_dtype is None:
            raise InvalidExpression(
                f"{where} wants the type of what the function returns: return_dtype=float."
            )
        dtype = data_type(return_dtype)
        return type(self)(PythonCall(function, (self.node,), dtype, takes, skip_nulls))

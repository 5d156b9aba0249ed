"""`udf`: a Python function that is called with expressions, and is one."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from ..errors import InvalidExpression, listed
from ..expr.datatype import data_type
from ..expr.python_call import FORMS, PythonCall
from ..expr.user_code import name_of
from .expression import Expression, to_expr
from .options import options
from .user_function import check_callable


class UserFunction:
    """A function of columns, made by `udf`; to call it makes an expression."""

    def __init__(
        self, function: Callable[..., Any], returns: Any, *, takes: str, skip_nulls: bool
    ) -> None:
        functools.update_wrapper(self, function)
        self.function = function
        """The function itself, to be called with values."""

        self._returns = data_type(returns)
        self._takes = takes
        self._skip_nulls = skip_nulls

    def __call__(self, *args: Any, **settings: Any) -> Expression:
        """Return the function of columns: expressions, names of columns, or plain values.

        Named arguments are handed to the function as they are.
        """
        function = self.function
        if settings:
            function = functools.partial(function, **settings)
            functools.update_wrapper(function, self.function)
        return Expression(
            PythonCall(
                function=function,
                args=tuple(to_expr(arg, names=True) for arg in args),
                dtype=self._returns,
                takes=self._takes,
                skip_nulls=self._skip_nulls,
            )
        )

    def __repr__(self) -> str:
        return f"<udf {name_of(self.function)} of {self._takes}, returns {self._returns}>"


@options(
    return_dtype="write returns=",
    return_type="write returns=",
    returnType="write returns=",
    dtype="write returns=",
    vectorize="write takes='arrow' for whole arrays, takes='values' for one value at a time",
)
def udf(
    function: Callable[..., Any] | None = None,
    *,
    returns: Any = None,
    takes: str = "arrow",
    skip_nulls: bool = False,
) -> Any:
    """Make a Python function one of columns, to be used wherever an expression is.

    It runs in the workers, on every core, once for each batch of rows; how rows are cut into
    batches is not promised. Nothing is known of it: it is never moved to rows that it was not
    written for, and never computed twice.

    Parameters
    ----------
    function : callable
        Given as many arguments as it will be called with columns, it returns as many values as
        there are rows: an Arrow array, a numpy array, a pandas Series or a list. Of Arrow arrays it
        is given the first 8,192 rows of a batch; if it returns a list, then as many again, since
        Python objects are made and read much faster within the processor's cache, else the rest.
    returns : type
        The type of its values, such as ``float``, ``"int64"`` or a pyarrow type.
    takes : {"arrow", "numpy", "pandas", "values"}
        What it is given: arrays of that library, or single Python values, row by row, which is
        slow.
    skip_nulls : bool
        With ``takes="values"``: a row with a null among its arguments is null, without a call.

    Returns
    -------
    UserFunction
        Call it with expressions, names of columns or plain values; its own named arguments go to
        the function as they are. Used as a decorator, ``@pt.udf(returns=...)``.

    Raises
    ------
    UserFunctionError
        When run: if it raises; its line and the partition are named.
    SchemaError
        When run: if what it returns is not of that type, or not as many.

    Examples
    --------
    >>> import partita as pt, pyarrow.compute as pc
    >>> @pt.udf(returns=float)
    ... def distance(x, y):
    ...     return pc.sqrt(pc.add(pc.multiply(x, x), pc.multiply(y, y)))
    >>> df = pt.from_pydict({"x": [3.0, 5.0], "y": [4.0, 12.0]})
    >>> df.select(d=distance("x", pt.col("y"))).to_pydict()
    {'d': [5.0, 13.0]}
    >>> @pt.udf(returns=str, takes="values")
    ... def greeting(name, sign="!"):
    ...     return f"hello {name}{sign}"
    >>> pt.from_pydict({"n": ["Ada"]}).select(g=greeting("n", sign="?")).to_pydict()
    {'g': ['hello Ada?']}
    """
    if function is None:
        return functools.partial(udf, returns=returns, takes=takes, skip_nulls=skip_nulls)
    check_callable(function, "udf", "columns")
    check_form(takes, "udf")
    if returns is None:
        raise InvalidExpression(
            f"udf wants the type of what {name_of(function)} returns: @pt.udf(returns=float)."
        )
    return UserFunction(function, returns, takes=takes, skip_nulls=skip_nulls)


def check_form(takes: str, where: str) -> None:
    """Raise when `takes` is nothing that a function of columns can be given."""
    if takes not in FORMS:
        raise InvalidExpression(f"{where}(takes={takes!r}): it is one of {listed(FORMS)}.")

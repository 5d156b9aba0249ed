"""Python functions as tasks of the same graph: `delayed`, and several results of one run."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, NoReturn

import pyarrow as pa

from ..errors import InvalidExpression
from ..expr.user_code import name_of
from ..physical.operators.reduce import objects
from ..physical.operators.run_function import with_arguments
from ..plan.node import PlanNode, caller_site
from ..plan.together import PART, Argument, FunctionCall, RunFunction, Together
from .frame import Frame
from .result import Result
from .running import Run
from .user_function import check_callable


class Delayed:
    """What a function will return, once it is asked for; made by `delayed`.

    It may be given to other such functions, in lists, tuples and dicts as well.
    """

    __slots__ = ("_plan",)

    def __init__(self, plan: RunFunction) -> None:
        self._plan = plan

    @property
    def plan(self) -> RunFunction:
        """The call, and those that it waits for."""
        return self._plan

    def compute(self) -> Any:
        """Run the function, and those that it waits for, and return what it returns.

        Examples
        --------
        >>> import partita as pt
        >>> pt.delayed(len)("abc").compute()
        3
        """
        (result,) = compute(self)
        return result

    def __repr__(self) -> str:
        return f"<delayed {name_of(self._plan.call.function)}: .compute() runs it>"

    def __bool__(self) -> NoReturn:
        raise InvalidExpression(f"{self!r} has not been run, so it is neither true nor false.")

    def __iter__(self) -> NoReturn:
        raise InvalidExpression(f"{self!r} has not been run, so there is nothing to go through.")


def delayed(function: Callable[..., Any]) -> Callable[..., Delayed]:
    """Make a Python function one that runs later, in the workers, side by side with others.

    A call returns a `Delayed` and runs nothing. What calls return is given to other calls, and so
    they make a graph; ``.compute()``, or `compute` for several, runs what is needed of it, and each
    call once. Results go from worker to worker; only what is asked for comes here.

    Parameters
    ----------
    function : callable
        It, its arguments and what it returns have to be picklable. It may be called again where a
        worker dies.

    Returns
    -------
    callable
        Arguments may be plain values, what other calls return, and frames, which are run and given
        as one `pyarrow.Table`, gathered in the worker that runs the function; all of these also
        inside of lists, tuples, sets and dicts.

    Raises
    ------
    UserFunctionError
        When run: if a function raises; its line is named.

    Examples
    --------
    >>> import partita as pt
    >>> @pt.delayed
    ... def square(number):
    ...     return number**2
    >>> total = pt.delayed(sum)([square(number) for number in range(4)])
    >>> total.compute()
    14
    """
    check_callable(function, "delayed", "anything")

    @functools.wraps(function, updated=())
    def call(*args: Any, **named: Any) -> Delayed:
        found: Found = {}
        plain = _with_placeholders(args, found)
        plain_named = _with_placeholders(named, found)
        return Delayed(
            RunFunction(
                call=FunctionCall(function, plain, plain_named),
                arguments=tuple(plan for _, plan in found.values()),
                site=caller_site(),
            )
        )

    return call


Found = dict[int, tuple[int, PlanNode]]
"""What has to be run, by its id: its number, and itself."""


def _with_placeholders(value: Any, found: Found) -> Any:
    """Return `value` with what has to be run replaced by its place in `found`."""
    if isinstance(value, Delayed | Frame):
        number, _ = found.setdefault(id(value.plan), (len(found), value.plan))
        return Argument(number)
    if type(value) in (list, tuple, set):
        return type(value)(_with_placeholders(each, found) for each in value)
    if type(value) is dict:
        return {key: _with_placeholders(each, found) for key, each in value.items()}
    return value


def compute(*things: Any) -> tuple[Any, ...]:
    """Run frames and delayed calls in one go, and return what they give.

    What several of them are made of is made once.

    Parameters
    ----------
    *things
        Frames, which give pandas DataFrames; calls of `delayed` functions, which give what these
        return; lists, tuples, sets and dicts of them; anything else is returned as it is.

    Returns
    -------
    tuple
        One for each.

    Examples
    --------
    >>> import partita as pt
    >>> df = pt.from_pydict({"a": [1, 2]})
    >>> frame, count, one = pt.compute(df, {"rows": pt.delayed(len)(df)}, 1)
    >>> len(frame), count, one
    (2, {'rows': 2}, 1)
    """
    __tracebackhide__ = True
    found: Found = {}
    shape = _with_placeholders(things, found)
    if not found:
        return tuple(shape)
    parts = tuple(plan for _, plan in found.values())
    run = Run(Together(parts=parts, site=caller_site()), progress=True)
    batches: list[list[pa.RecordBatch]] = [[] for _ in parts]
    for batch in run.batches():
        batches[int(batch.schema.metadata[PART.encode()])].append(batch)
    return tuple(with_arguments(shape, list(map(_result, parts, batches))))


def _result(plan: PlanNode, batches: list[pa.RecordBatch]) -> Any:
    if isinstance(plan, RunFunction):
        (value,) = objects(iter(batches))
        return value
    plain = (batch.replace_schema_metadata(None) for batch in batches)
    return Result(pa.Table.from_batches(plain, schema=plan.schema)).to_pandas()

"""The verbs that hand rows to a function of the user one by one, or all of them in a tree."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Self

from ..errors import SchemaError, listed
from ..physical.operators.reduce import objects
from ..physical.row_function import RowFunction
from ..plan.node import caller_site
from ..plan.nodes import MapBatches
from ..plan.user_functions import Reduce
from .columns import fields_of
from .frame import Frame
from .options import options
from .running import Run
from .user_function import FORMS, check_callable


class FunctionVerbs(Frame):
    """Verbs with a function of the user; for whole batches see `map_batches`."""

    __slots__ = ()

    @options(
        return_dtype="write schema={'a': 'int64'}",
        meta="write schema={'a': 'int64'}",
        inference_size="write schema={'a': 'int64'}",
    )
    def map_rows(
        self, function: Callable[[Any], Any], schema: Any = None, *, named: bool = False
    ) -> Self:
        """Apply a Python function to each row, in the workers.

        It is slow, a microsecond or more for every value: what expressions or `map_batches` can
        say runs a hundred times faster.

        Parameters
        ----------
        function : callable
            Given a row, it returns one: a tuple in the order of `schema`, a dict, or the value
            itself where `schema` has one column.
        schema : pyarrow.Schema or mapping
            The columns that it returns.
        named : bool
            Whether it is given a dict, in place of a tuple.

        Returns
        -------
        DataFrame
            As many rows, in the same order.

        Raises
        ------
        UserFunctionError
            When run: if the function raises; its line and the partition are named.
        SchemaError
            When run: if it returns something else than `schema` says.

        Examples
        --------
        >>> import partita as pt
        >>> df = pt.from_pydict({"a": [1, 2], "b": ["x", "y"]})
        >>> df.map_rows(lambda row: row[1] * row[0], {"c": str}).to_pydict()
        {'c': ['x', 'yy']}
        >>> df.map_rows(lambda row: {"d": row["a"] + 1}, {"d": int}, named=True).to_pydict()
        {'d': [2, 3]}
        """
        site = caller_site()
        check_callable(function, "map_rows", "a row")
        if schema is None:
            raise SchemaError(
                "map_rows wants the columns that the function returns: schema={'a': 'int64'}."
            )
        declared = fields_of(schema, "map_rows")
        return self._from_plan(
            MapBatches(
                input=self.plan,
                function=RowFunction(function, declared, named=named),
                declared=declared,
                site=site,
            )
        )

    @options(
        chunk="give it as the first argument",
        aggregate="give it as combine=, a function of two",
        meta="leave it out: the result is an object of Python",
        split_every="objects meet in a tree, always",
    )
    def reduce(
        self,
        function: Callable[[Any], Any],
        combine: Callable[[Any, Any], Any],
        *,
        takes: str = "arrow",
    ) -> Any:
        """Run the plan now and make one Python object of all rows, in a tree over the partitions.

        Everything happens in the workers: `function` makes an object of the rows of each
        partition, `combine` makes one of two, level by level. Only the last comes here.

        Parameters
        ----------
        function : callable
            Given the rows of a partition; what it returns must be picklable. Of partitions without
            rows it is not called, but once where no partition has any.
        combine : callable
            Given two such objects, that of the earlier rows first; it must not matter which
            neighbours meet first.
        takes : {"arrow", "pandas"}
            What `function` is given: a `pyarrow.Table` or a pandas DataFrame.

        Returns
        -------
        object

        Raises
        ------
        UserFunctionError
            If one of the functions raises; its line and the partition are named.

        Examples
        --------
        >>> import partita as pt
        >>> df = pt.from_pydict({"a": [1, 2, 3, 4]}).repartition(3)
        >>> df.reduce(lambda table: set(table["a"].to_pylist()), lambda a, b: a | b)
        {1, 2, 3, 4}
        """
        __tracebackhide__ = True
        site = caller_site()
        if takes not in FORMS:
            raise SchemaError(f"reduce(takes={takes!r}): it is one of {listed(FORMS)}.")
        check_callable(function, "reduce", "a partition")
        check_callable(combine, "reduce(combine=...)", "two objects")
        plan = Reduce(input=self.plan, function=function, combine=combine, takes=takes, site=site)
        (result,) = objects(Run(plan, progress=True).batches())
        return result

"""The verbs that bring rows together or hand them to a function: group_by, map_batches."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Concatenate, ParamSpec, Self, TypeVar

from ..errors import InvalidExpression, SchemaError, listed
from ..plan.node import caller_site
from ..plan.nodes import MapBatches
from .columns import IntoExpr, fields_of, named_expressions, row_wise
from .frame import Frame
from .groupby import GroupBy
from .options import options
from .user_function import FORMS, check_callable, probed_schema

P = ParamSpec("P")
R = TypeVar("R")


class CombiningVerbs(Frame):
    """Verbs for which rows meet other rows, or a function of the user."""

    __slots__ = ()

    def group_by(
        self, *keys: IntoExpr, maintain_order: bool = False, **named: IntoExpr
    ) -> GroupBy[Self]:
        """Group the rows by keys.

        Parameters
        ----------
        *keys : str or Expression
            What the rows of a group have in common. Null keys group together.
        maintain_order : bool
            Whether groups come in the order of their first rows; without it no order is promised.
        **named
            Computed keys under these names.

        Returns
        -------
        GroupBy
            Give it ``.agg(...)``, ``.len()``, ``.sum()`` and its like.

        Examples
        --------
        >>> import partita as pt
        >>> df = pt.from_pydict({"v": [1, 2, 3]})
        >>> df.group_by(odd=pt.col("v") % 2 == 1, maintain_order=True).len().to_pydict()
        {'odd': [True, False], 'len': [2, 1]}
        """
        pairs = named_expressions(keys, named, self.schema, "group_by")
        row_wise((expr for _, expr in pairs), "group_by")
        if not pairs:
            raise InvalidExpression(
                "group_by needs a key, as in .group_by('k'). For one row in all, select"
                " aggregates: .select(pt.col('v').sum())."
            )
        return GroupBy(self, pairs, maintain_order=maintain_order)

    @options(
        meta="write schema={'a': 'int64'}, or leave it out",
        return_dtype="write schema={'a': 'int64'}, or leave it out",
        batch_format="write takes='arrow' or takes='pandas'",
        batch_size="write pt.config.set(batch_rows=...)",
        streamable="batches are streamed, always",
    )
    def map_batches(
        self,
        function: Callable[[Any], Any],
        schema: Any = None,
        *,
        takes: str = "arrow",
        whole_partition: bool = False,
    ) -> Self:
        """Apply a Python function to each batch of rows, in the workers.

        Parameters
        ----------
        function : callable
            Given a batch, it returns one: a `pyarrow.RecordBatch` or `pyarrow.Table`, a pandas
            DataFrame, or a mapping of names to arrays; or an iterator of these, such as a
            generator. How the rows are cut into batches is not
            promised, so it has to treat each row by itself.
        schema : pyarrow.Schema or mapping, optional
            What it returns. Without it the function is called here, once, on an empty batch.
        takes : {"arrow", "pandas"}
            What it is given: a `pyarrow.RecordBatch` or a pandas DataFrame.
        whole_partition : bool
            Whether it is given all rows of a partition at once.

        Returns
        -------
        DataFrame

        Raises
        ------
        SchemaError
            If `schema` is not given and cannot be found out on an empty batch.
        UserFunctionError
            When run: if the function raises; its line, the partition and its file are named.

        Examples
        --------
        >>> import partita as pt, pyarrow as pa, pyarrow.compute as pc
        >>> df = pt.from_pydict({"a": [1, 2]})
        >>> df.map_batches(
        ...     lambda batch: {"a": batch["a"], "twice": pc.multiply(batch["a"], 2)}
        ... ).to_pydict()
        {'a': [1, 2], 'twice': [2, 4]}
        """
        site = caller_site()
        if takes not in FORMS:
            raise SchemaError(f"map_batches(takes={takes!r}): it is one of {listed(FORMS)}.")
        check_callable(function, "map_batches", "a batch")
        declared = (
            probed_schema(function, self.schema, takes)
            if schema is None
            else fields_of(schema, "map_batches")
        )
        return self._from_plan(
            MapBatches(
                input=self.plan,
                function=function,
                declared=declared,
                takes=takes,
                whole_partition=whole_partition,
                site=site,
            )
        )

    def pipe(
        self, function: Callable[Concatenate[Self, P], R], *args: P.args, **named: P.kwargs
    ) -> R:
        """Return ``function(self, *args, **named)``, so that own functions fit into a chain.

        Examples
        --------
        >>> import partita as pt
        >>> def largest(df, name, k):
        ...     return df.top_k(k, by=name)
        >>> pt.from_pydict({"a": [3, 1, 2]}).pipe(largest, "a", k=1).to_pydict()
        {'a': [3]}
        """
        return function(self, *args, **named)


def check_frame(other: Any, where: str) -> None:
    """Raise when `other` is no frame; one of pandas is called the same."""
    if not isinstance(other, Frame):
        raise SchemaError(
            f"{where} wants another frame of Partita, found {kind_of(other)}. Make one of it with"
            " pt.DataFrame(...)."
        )


def kind_of(value: Any) -> str:
    """Return what `value` is, with the library it is from: ``a pandas.DataFrame``."""
    library, name = type(value).__module__.split(".")[0], type(value).__name__
    return f"a {name}" if library == "builtins" else f"a {library}.{name}"

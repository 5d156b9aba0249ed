"""Groups of rows, on the way from `group_by` to an aggregate."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

import pyarrow as pa

from ..errors import InvalidExpression, NotOffered, SchemaError, TypeMismatch, did_you_mean, listed
from ..expr.evaluate import dtype_of
from ..expr.node import Agg, Column, columns_of, has_wildcard
from ..plan.group_rows import GroupRows
from ..plan.node import PlanNode, Site, caller_site
from ..plan.nodes import Named, Project
from ..plan.user_functions import MapGroups
from ..schema import has_column
from .absent import GROUPS
from .aggregate_calls import (
    BY_NAME,
    apart_from,
    called_aggregate,
    check_named,
    check_no_column,
    checked_name,
)
from .aggregates import aggregate
from .columns import IntoExpr, fields_of, flatten, named_expressions, names
from .expression import Expression, is_method
from .flags import one_share, whole_number
from .group_aggregates import OF_PANDAS, GroupAggregates
from .meta import schema_of_meta
from .options import checked_calls, options
from .user_function import FORMS, check_callable, probed_schema
from .within_groups import FrameT


@checked_calls
class GroupBy(GroupAggregates[FrameT]):
    """Rows that are grouped by keys; an aggregate makes a frame of them again.

    Made by `DataFrame.group_by`. Null keys group together, as do NaN keys; 0.0 and -0.0 are equal.

    Examples
    --------
    >>> import partita as pt
    >>> pt.from_pydict({"shop": ["Ulm", "Bonn"], "v": [1, 2]}).group_by("shop")
    GroupBy('shop'): use .agg(...), .len(), .sum() and its like
    """

    __slots__ = ("_maintain_order",)

    def __init__(
        self,
        frame: FrameT,
        keys: tuple[Named, ...],
        *,
        maintain_order: bool = False,
        columns: tuple[str, ...] | None = None,
    ) -> None:
        super().__init__(frame, keys, columns=columns)
        self._maintain_order = maintain_order

    def agg(self, *exprs: Any, **named: Any) -> FrameT:
        """Compute one row for each group: its keys, then these aggregates.

        Parameters
        ----------
        *exprs : Expression, str or mapping
            Aggregates such as ``pt.col("v").sum()`` and what is computed of them; or, as in
            pandas, the name of an aggregate for all columns (``"sum"``), or columns to names of
            aggregates (``{"v": "sum"}``, ``{"v": ["min", "max"]}`` giving ``v_min``, ``v_max``,
            as do ``["min", "max"]`` for all columns). ``pt.all()`` and patterns stand for columns
            that are no keys.
        **named
            Aggregates under these names; also ``total=("v", "sum")``.

        Returns
        -------
        DataFrame
            No order of the groups is promised without ``maintain_order=True``.

        Raises
        ------
        InvalidExpression
            If a column is read outside of an aggregate and is not a key.

        Examples
        --------
        >>> import partita as pt
        >>> df = pt.from_pydict({"k": ["a", "b", "a"], "v": [1, 2, 3], "w": [1, 1, 2]})
        >>> groups = df.group_by("k", maintain_order=True)
        >>> groups.agg(pt.col("v").sum(), n=pt.len()).to_pydict()
        {'k': ['a', 'b'], 'v': [4, 2], 'n': [2, 1]}
        >>> groups.agg(ratio=pt.col("v").sum() / pt.col("w").sum()).to_dicts()
        [{'k': 'a', 'ratio': 1.3333333333333333}, {'k': 'b', 'ratio': 2.0}]
        """
        site = caller_site()
        pairs: list[Named] = []
        items = [*flatten(exprs)]
        called = [item for item in items if isinstance(item, str)]
        for item in items:
            if isinstance(item, Mapping):
                pairs += self._from_mapping(item)
            elif isinstance(item, str):
                if item is called[0]:
                    pairs += self._by_names(called)
            elif callable(item) and not isinstance(item, Expression) and not is_method(item):
                pairs += self._all_columns(checked_name(item))
            else:
                pairs += named_expressions([self._apart(item)], {}, self._frame.schema, "agg")
        for name, value in named.items():
            if isinstance(value, tuple) and len(value) == 2:
                pairs += [(name, self._one(*value))]
            else:
                check_named(name, value, self._frame.schema)
                pairs += named_expressions([], {name: value}, self._frame.schema, "agg")
        return self._aggregated(pairs, site)

    def _aggregated(self, pairs: list[Named], site: Site | None) -> FrameT:
        plan = aggregate(
            self._frame.plan, self._keys, pairs, maintain_order=self._maintain_order, site=site
        )
        return self._frame._from_plan(plan)

    def len(self, name: str = "len") -> FrameT:
        """Count the rows of each group, in a column `name`.

        Examples
        --------
        >>> import partita as pt
        >>> df = pt.from_pydict({"k": ["a", "b", "a"]})
        >>> df.group_by("k").len().sort("k").to_pydict()
        {'k': ['a', 'b'], 'len': [2, 1]}
        """
        return self._aggregated([(name, Agg("len", None))], caller_site())

    @options(**OF_PANDAS)
    def size(self) -> FrameT:
        """Count the rows of each group: `len` as pandas calls it, in a column ``size``.

        Examples
        --------
        >>> import partita as pt
        >>> df = pt.from_pydict({"k": ["a", "b", "a"]})
        >>> df.group_by("k", maintain_order=True).size().to_pydict()
        {'k': ['a', 'b'], 'size': [2, 1]}
        """
        return self.len("size")

    @options(**OF_PANDAS)
    def quantile(self, quantile: float, interpolation: str = "nearest") -> FrameT:
        """Take a quantile of every column that is not a key: see `Expression.quantile`.

        Examples
        --------
        >>> import partita as pt
        >>> df = pt.from_pydict({"k": ["a", "a", "a"], "v": [1, 2, 5]})
        >>> df.group_by("k").quantile(0.5).to_pydict()
        {'k': ['a'], 'v': [2.0]}
        """
        settings = (("interpolation", interpolation), ("quantile", one_share(quantile)))
        pairs = self._all_columns("quantile", settings)
        return self._aggregated(pairs, caller_site())

    def head(self, n: int = 5) -> FrameT:
        """Give the first `n` rows of each group, with all columns, the keys first.

        Examples
        --------
        >>> import partita as pt
        >>> df = pt.from_pydict({"k": ["a", "b", "a", "a"], "v": [1, 2, 3, 4]})
        >>> df.group_by("k", maintain_order=True).head(2).to_pydict()
        {'k': ['a', 'a', 'b'], 'v': [1, 3, 2]}
        """
        return self._rows(n, last=False)

    def tail(self, n: int = 5) -> FrameT:
        """Give the last `n` rows of each group, with all columns, the keys first.

        Examples
        --------
        >>> import partita as pt
        >>> df = pt.from_pydict({"k": ["a", "b", "a", "a"], "v": [1, 2, 3, 4]})
        >>> df.group_by("k", maintain_order=True).tail(2).to_pydict()
        {'k': ['a', 'a', 'b'], 'v': [3, 4, 2]}
        """
        return self._rows(n, last=True)

    def _rows(self, count: int, *, last: bool) -> FrameT:
        site = caller_site()
        found = whole_number(count)
        if found is None or found < 0:
            where = "tail" if last else "head"
            raise SchemaError(f"{where} wants a number of rows, 0 or more; found {count!r}.")
        keys = [name for name, _ in self._keys]
        columns = self._frame.schema.names if self._columns is None else self._columns
        rest = tuple((name, Column(name)) for name in columns if name not in keys)
        rows = Project(input=self._frame.plan, exprs=(*self._keys, *rest), site=site)
        return self._frame._from_plan(
            GroupRows(
                input=rows,
                keys=tuple(keys),
                count=found,
                last=last,
                maintain_order=self._maintain_order,
                site=site,
            )
        )

    @options(
        return_dtype="write schema={'a': 'int64'}, or leave it out",
        meta="write schema={'a': 'int64'}, or leave it out",
        include_groups="all columns are given, the keys among them",
    )
    def map_groups(
        self, function: Callable[[Any], Any], schema: Any = None, *, takes: str = "arrow"
    ) -> FrameT:
        """Apply a Python function to each group as a whole, in the workers.

        Rows of a group are brought together in one partition, as for a join; how many groups there
        are in all does not matter, but one group has to fit into memory.

        Parameters
        ----------
        function : callable
            Given all columns of a group's rows, its keys among them, it returns any number of rows:
            a `pyarrow.Table` or `pyarrow.RecordBatch`, a pandas DataFrame, or a mapping of names to
            arrays.
        schema : pyarrow.Schema or mapping, optional
            What it returns. Without it the function is called here, once, without rows.
        takes : {"arrow", "pandas"}
            What it is given: a `pyarrow.Table` or a pandas DataFrame.

        Returns
        -------
        DataFrame
            What the function returned for all groups: in the order of their first rows after
            ``group_by(..., maintain_order=True)``, which gathers all rows in one partition; else
            in an order that is not promised, but is always the same.

        Raises
        ------
        UserFunctionError
            When run: if the function raises; its line and the partition are named.
        SchemaError
            If `schema` is not given and cannot be found out; when run: if something else is
            returned.

        Examples
        --------
        >>> import partita as pt, pyarrow.compute as pc
        >>> df = pt.from_pydict({"k": ["a", "b", "a"], "v": [1, 2, 5]})
        >>> def spread(group):
        ...     low, high = pc.min_max(group["v"]).values()
        ...     return {"k": [group["k"][0]], "spread": [high.as_py() - low.as_py()]}
        >>> df.group_by("k").map_groups(spread, {"k": str, "spread": int}).sort("k").to_pydict()
        {'k': ['a', 'b'], 'spread': [4, 0]}
        """
        return self._map_groups(function, schema, takes, "map_groups")

    @options(
        return_dtype="write schema={'a': 'int64'}, or leave it out",
        include_groups="all columns are given, the keys among them",
    )
    def apply(
        self, function: Callable[[Any], Any], schema: Any = None, *, meta: Any = None
    ) -> FrameT:
        """Apply a function to each group as a pandas DataFrame: `map_groups`, as pandas calls it.

        The function is given all columns, the keys among them, and returns a DataFrame; `schema`,
        or `meta` as in Dask (a mapping to types or a DataFrame without rows), says which.

        Examples
        --------
        >>> import partita as pt
        >>> df = pt.from_pydict({"k": ["a", "b", "a"], "v": [1, 2, 5]})
        >>> df.groupby("k").apply(lambda group: group.nlargest(1, "v")).sort("k").to_pydict()
        {'k': ['a', 'b'], 'v': [5, 2]}
        """
        wanted = schema if meta is None else schema_of_meta(meta, "apply")
        return self._map_groups(function, wanted, "pandas", "apply")

    def _map_groups(
        self, function: Callable[[Any], Any], schema: Any, takes: str, where: str
    ) -> FrameT:
        site = caller_site()
        check_callable(function, where, "the rows of a group")
        if takes not in FORMS:
            raise SchemaError(f"{where}(takes={takes!r}): it is one of {listed(FORMS)}.")
        known = None if schema is None else fields_of(schema, where)
        plan = MapGroups(
            input=self._chosen(),
            keys=self._keys,
            function=function,
            declared=pa.schema([]) if known is None else known,
            takes=takes,
            maintain_order=self._maintain_order,
            site=site,
        )
        if known is None:
            plan = replace(plan, declared=probed_schema(function, plan.given, takes, where))
        return self._frame._from_plan(plan)

    def __getitem__(self, columns: str | Iterable[str]) -> GroupBy[FrameT]:
        """Choose the columns that ``.sum()`` and its like are for: ``groupby("k")["v"].sum()``.

        Examples
        --------
        >>> import partita as pt
        >>> df = pt.from_pydict({"k": ["a", "b", "a"], "v": [1, 2, 3], "w": [0, 0, 0]})
        >>> df.group_by("k", maintain_order=True)["v"].sum().to_pydict()
        {'k': ['a', 'b'], 'v': [4, 2]}
        """
        chosen = names([columns], self._frame.schema, "group_by")
        groups = self._choosing(chosen)
        groups._single = isinstance(columns, str)
        return groups

    def _choosing(self, columns: tuple[str, ...]) -> GroupBy[FrameT]:
        """Return the same groups with these columns chosen."""
        kept = self._maintain_order
        return GroupBy(self._frame, self._keys, maintain_order=kept, columns=columns)

    def __getattr__(self, name: str) -> GroupBy[FrameT]:
        # Only for what is no attribute: groupby("k").v, as in pandas.
        if not name.startswith("_") and has_column(self._frame.schema, name):
            return self[name]
        if name in GROUPS:
            raise NotOffered(f"A group_by has no {name!r}. {GROUPS[name]}")
        if name in BY_NAME:
            raise NotOffered(f"A group_by has no {name!r}. Use .agg({name!r}).")
        raise AttributeError(
            f"A group_by has no {name!r}. It has .agg(...), .len() and .sum() and its like."
            f"{did_you_mean(name, [*BY_NAME, *self._frame.schema.names])}"
        )

    def __iter__(self) -> Any:
        raise InvalidExpression(
            "A group_by cannot be iterated over: its groups are not gathered one by one. Use"
            " .agg(...) with expressions, or .map_groups(function)."
        )

    def __repr__(self) -> str:
        keys = ", ".join(repr(name) for name, _ in self._keys)
        return f"GroupBy({keys}): use .agg(...), .len(), .sum() and its like"

    def _chosen(self) -> PlanNode:
        """Return the plan of the rows, with the keys and the columns that were chosen."""
        plan = self._frame.plan
        if self._columns is None:
            return plan
        wanted = set(self._columns).union(*(columns_of(expr) for _, expr in self._keys))
        kept = tuple((name, Column(name)) for name in plan.schema.names if name in wanted)
        return Project(input=plan, exprs=kept)

    def _all_columns(self, called: str, settings: tuple[tuple[str, Any], ...] = ()) -> list[Named]:
        pairs: list[Named] = [
            (name, called_aggregate(called, Column(name), settings))
            for name in self._chosen_columns()
        ]
        for _, expr in pairs:
            try:
                dtype_of(expr, self._frame.schema)
            except TypeMismatch as error:
                raise TypeMismatch(
                    f"{error} Choose the columns, as in .group_by(...)[['v']].{called}()."
                ) from None
        return pairs

    def _by_names(self, called: list[str]) -> list[Named]:
        """Return the aggregates of these names for all columns, column by column."""
        made = []
        for name in called:
            check_no_column(name, self._frame.schema)
            pairs = self._all_columns(checked_name(name))
            several = len(called) > 1
            made.append([(f"{of}_{name}", expr) for of, expr in pairs] if several else pairs)
        return [pair for each in zip(*made, strict=True) for pair in each]

    def _apart(self, item: Any) -> Any:
        """Return an expression whose wildcards do not stand for the keys, as in Polars."""
        if not isinstance(item, Expression) or not has_wildcard(item.node):
            return item
        others = set(self._frame.schema.names) - set(self._chosen_columns())
        return apart_from(item.node, others)

    def _from_mapping(self, mapping: Mapping[str, Any]) -> list[Named]:
        pairs: list[Named] = []
        for name, wanted in mapping.items():
            if isinstance(wanted, str) or not isinstance(wanted, Iterable):
                pairs.append((name, self._one(name, wanted)))
            else:
                pairs += [(f"{name}_{each}", self._one(name, each)) for each in wanted]
        return pairs

    def _one(self, column: IntoExpr, wanted: str) -> Agg:
        if wanted in ("size", "len"):
            return Agg("len", None)
        ((_, expr),) = named_expressions([], {"agg": column}, self._frame.schema, "agg")
        return called_aggregate(checked_name(wanted), expr)

"""Groups of rows, on the way from `group_by` to an aggregate."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Generic, TypeVar

from ..errors import InvalidExpression, NotOffered, TypeMismatch, did_you_mean, listed
from ..expr.aggregates import AGGREGATES
from ..expr.evaluate import dtype_of
from ..expr.node import Agg, Column, output_name
from ..plan.node import caller_site
from ..plan.nodes import Named
from .absent import GROUPS
from .aggregates import aggregate
from .columns import IntoExpr, flatten, named_expressions, names
from .frame import Frame
from .options import options

_EVERYWHERE = {
    "numeric_only": "choose the columns, as in .group_by('k')[['v', 'w']].sum()",
    "min_count": "write .agg(...) with pt.when(pt.col('v').count() >= n)",
    "skipna": "nulls are left out, always",
    "dropna": "nulls are left out, always",
    "ddof": "write .agg(pt.col('v').std(ddof=...))",
    "engine": "leave it out",
    "name": "write .len('name')",
}
"""Options of pandas' aggregates, and what to write here."""

FrameT = TypeVar("FrameT", bound=Frame)

_BY_NAME: Mapping[str, str] = {
    **{name: name for name in AGGREGATES if name != "len"},
    # What pandas calls them.
    "nunique": "n_unique",
}
"""What a string names in ``agg("sum")`` and ``agg({"v": "sum"})`` -> the aggregate."""


class GroupBy(Generic[FrameT]):
    """Rows that are grouped by keys; an aggregate makes a frame of them again.

    Made by `DataFrame.group_by`. Null keys group together, as do NaN keys; 0.0 and -0.0 are equal.
    """

    __slots__ = ("_columns", "_frame", "_keys", "_maintain_order")

    def __init__(
        self,
        frame: FrameT,
        keys: tuple[Named, ...],
        *,
        maintain_order: bool = False,
        columns: tuple[str, ...] | None = None,
    ) -> None:
        self._frame = frame
        self._keys = keys
        self._maintain_order = maintain_order
        self._columns = columns

    def agg(self, *exprs: Any, **named: Any) -> FrameT:
        """Compute one row for each group: its keys, then these aggregates.

        Parameters
        ----------
        *exprs : Expression, str or mapping
            Aggregates such as ``pt.col("v").sum()`` and what is computed of them; or, as in
            pandas, the name of an aggregate for all columns (``"sum"``), or columns to names of
            aggregates (``{"v": "sum"}``, ``{"v": ["min", "max"]}`` giving ``v_min``, ``v_max``).
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
        for item in flatten(exprs):
            if isinstance(item, Mapping):
                pairs += self._from_mapping(item)
            elif isinstance(item, str):
                pairs += self._all_columns(aggregate_named(item))
            else:
                pairs += named_expressions([item], {}, self._frame.schema, "agg")
        for name, value in named.items():
            if isinstance(value, tuple) and len(value) == 2:
                pairs += [(name, self._one(*value))]
            else:
                pairs += named_expressions([], {name: value}, self._frame.schema, "agg")
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
        plan = aggregate(
            self._frame.plan,
            self._keys,
            [(name, Agg("len", None))],
            maintain_order=self._maintain_order,
            site=caller_site(),
        )
        return self._frame._from_plan(plan)

    @options(**_EVERYWHERE)
    def size(self) -> FrameT:
        """Count the rows of each group: `len` as pandas calls it, in a column ``size``."""
        return self.len("size")

    @options(**_EVERYWHERE)
    def sum(self) -> FrameT:
        """Add up every column that is not a key; choose columns with ``["v"]`` or `agg`.

        Examples
        --------
        >>> import partita as pt
        >>> df = pt.from_pydict({"k": ["a", "b", "a"], "v": [1, 2, 3]})
        >>> df.group_by("k").sum().sort("k").to_pydict()
        {'k': ['a', 'b'], 'v': [4, 2]}
        """
        return self.agg("sum")

    @options(**_EVERYWHERE)
    def mean(self) -> FrameT:
        """Take the mean of every column that is not a key."""
        return self.agg("mean")

    @options(**_EVERYWHERE)
    def min(self) -> FrameT:
        """Take the least value of every column that is not a key."""
        return self.agg("min")

    @options(**_EVERYWHERE)
    def max(self) -> FrameT:
        """Take the greatest value of every column that is not a key."""
        return self.agg("max")

    @options(**_EVERYWHERE)
    def count(self) -> FrameT:
        """Count the values that are not null of every column that is not a key."""
        return self.agg("count")

    @options(**_EVERYWHERE)
    def first(self) -> FrameT:
        """Take the first value of every column that is not a key."""
        return self.agg("first")

    @options(**_EVERYWHERE)
    def last(self) -> FrameT:
        """Take the last value of every column that is not a key."""
        return self.agg("last")

    @options(**_EVERYWHERE)
    def n_unique(self) -> FrameT:
        """Count the distinct values of every column that is not a key."""
        return self.agg("n_unique")

    @options(**_EVERYWHERE)
    def nunique(self) -> FrameT:
        """Count the distinct values of every column that is not a key: `n_unique`."""
        return self.agg("n_unique")

    @options(**_EVERYWHERE)
    def std(self) -> FrameT:
        """Take the standard deviation of every column that is not a key."""
        return self.agg("std")

    @options(**_EVERYWHERE)
    def var(self) -> FrameT:
        """Take the variance of every column that is not a key."""
        return self.agg("var")

    @options(**_EVERYWHERE)
    def any(self) -> FrameT:
        """Whether any value is true, for every column that is not a key."""
        return self.agg("any")

    @options(**_EVERYWHERE)
    def all(self) -> FrameT:
        """Whether all values are true, for every column that is not a key."""
        return self.agg("all")

    def __getitem__(self, columns: str | Iterable[str]) -> GroupBy[FrameT]:
        """Choose the columns that ``.sum()`` and its like are for: ``groupby("k")["v"].sum()``."""
        chosen = names([columns], self._frame.schema, "group_by")
        return GroupBy(self._frame, self._keys, maintain_order=self._maintain_order, columns=chosen)

    def __getattr__(self, name: str) -> GroupBy[FrameT]:
        # Only for what is no attribute: groupby("k").v, as in pandas.
        if not name.startswith("_") and name in self._frame.schema.names:
            return self[name]
        if name in GROUPS:
            raise NotOffered(f"A group_by has no {name!r}. {GROUPS[name]}")
        raise AttributeError(
            f"A group_by has no {name!r}. It has .agg(...), .len() and .sum() and its like."
            f"{did_you_mean(name, [*_BY_NAME, *self._frame.schema.names])}"
        )

    def __iter__(self) -> Any:
        raise InvalidExpression(
            "A group_by cannot be iterated over: its groups are not gathered one by one. Use"
            " .agg(...) with expressions."
        )

    def __repr__(self) -> str:
        keys = ", ".join(repr(name) for name, _ in self._keys)
        return f"GroupBy({keys}): use .agg(...), .len(), .sum() and its like"

    def _all_columns(self, aggregate_name: str) -> list[Named]:
        keys = {output_name(expr) for _, expr in self._keys} | {name for name, _ in self._keys}
        columns = self._columns
        if columns is None:
            columns = tuple(name for name in self._frame.schema.names if name not in keys)
        pairs: list[Named] = [(name, Agg(aggregate_name, Column(name))) for name in columns]
        for _, expr in pairs:
            try:
                dtype_of(expr, self._frame.schema)
            except TypeMismatch as error:
                raise TypeMismatch(
                    f"{error} Choose the columns, as in .group_by(...)[['v']].{aggregate_name}()."
                ) from None
        return pairs

    def _from_mapping(self, mapping: Mapping[str, Any]) -> list[Named]:
        pairs: list[Named] = []
        for name, wanted in mapping.items():
            if isinstance(wanted, str) or callable(wanted):
                pairs.append((name, self._one(name, wanted)))
            else:
                pairs += [(f"{name}_{each}", self._one(name, each)) for each in wanted]
        return pairs

    def _one(self, column: IntoExpr, wanted: str) -> Agg:
        if wanted in ("size", "len"):
            return Agg("len", None)
        ((_, expr),) = named_expressions([], {"agg": column}, self._frame.schema, "agg")
        return Agg(aggregate_named(wanted), expr)


def aggregate_named(name: Any) -> str:
    """Return the aggregate that a user calls `name`.

    Raises
    ------
    InvalidExpression
        If there is none.
    """
    if isinstance(name, str) and name in _BY_NAME:
        return _BY_NAME[name]
    if callable(name):
        called = getattr(name, "__name__", "")
        meant = f" Write {called!r}." if called in _BY_NAME else ""
        raise InvalidExpression(
            f"agg: a function of Python cannot aggregate, found {called or name!r}.{meant} A string"
            f" names one of {listed(_BY_NAME)}; else give an expression such as"
            " pt.col('v').max() - pt.col('v').min()."
        )
    raise InvalidExpression(
        f"agg: there is no aggregate {name!r}.{did_you_mean(str(name), _BY_NAME)} A string names"
        f" one of {listed(_BY_NAME)}; else give an expression such as pt.col('v').sum()."
    )

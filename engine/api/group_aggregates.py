"""The aggregates of all columns of groups, by their names: ``group_by("k").sum()``."""

from __future__ import annotations

from typing import Any

from .options import options
from .within_groups import FrameT, WithinGroups

OF_PANDAS = {
    "numeric_only": "choose the columns, as in .group_by('k')[['v', 'w']].sum()",
    "min_count": "write .agg(...) with pt.when(pt.col('v').count() >= n)",
    "skipna": "nulls are left out, always",
    "dropna": "nulls are left out, always",
    "ddof": "write .agg(pt.col('v').std(ddof=...))",
    "engine": "leave it out",
    "name": "write .len('name')",
    "_positional": "choose the columns, as in .group_by('k')[['v', 'w']].sum()",
}
"""Options of pandas' aggregates, and what to write here."""


class GroupAggregates(WithinGroups[FrameT]):
    """One aggregate of every column that is not a key, or of those chosen with ``["v"]``."""

    __slots__ = ()

    def agg(self, *exprs: Any, **named: Any) -> FrameT:
        """Compute one row for each group."""
        raise TypeError(f"{type(self).__name__} does not say how groups are aggregated")

    @options(**OF_PANDAS)
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

    @options(**OF_PANDAS)
    def mean(self) -> FrameT:
        """Take the mean of every column that is not a key.

        Examples
        --------
        >>> import partita as pt
        >>> df = pt.from_pydict({"k": ["a", "b", "a"], "v": [1, 2, 3]})
        >>> df.group_by("k", maintain_order=True).mean().to_pydict()
        {'k': ['a', 'b'], 'v': [2.0, 2.0]}
        """
        return self.agg("mean")

    @options(**OF_PANDAS)
    def min(self) -> FrameT:
        """Take the least value of every column that is not a key.

        Examples
        --------
        >>> import partita as pt
        >>> df = pt.from_pydict({"k": ["a", "b", "a"], "v": [1, 2, 3]})
        >>> df.group_by("k", maintain_order=True).min().to_pydict()
        {'k': ['a', 'b'], 'v': [1, 2]}
        """
        return self.agg("min")

    @options(**OF_PANDAS)
    def max(self) -> FrameT:
        """Take the greatest value of every column that is not a key.

        Examples
        --------
        >>> import partita as pt
        >>> df = pt.from_pydict({"k": ["a", "b", "a"], "v": [1, 2, 3]})
        >>> df.group_by("k", maintain_order=True).max().to_pydict()
        {'k': ['a', 'b'], 'v': [3, 2]}
        """
        return self.agg("max")

    @options(**OF_PANDAS)
    def count(self) -> FrameT:
        """Count the values that are not null of every column that is not a key.

        Examples
        --------
        >>> import partita as pt
        >>> df = pt.from_pydict({"k": ["a", "b", "a"], "v": [1, 2, 3]})
        >>> df.group_by("k", maintain_order=True).count().to_pydict()
        {'k': ['a', 'b'], 'v': [2, 1]}
        """
        return self.agg("count")

    @options(**OF_PANDAS)
    def first(self) -> FrameT:
        """Take the first value of every column that is not a key.

        Examples
        --------
        >>> import partita as pt
        >>> df = pt.from_pydict({"k": ["a", "b", "a"], "v": [1, 2, 3]})
        >>> df.group_by("k", maintain_order=True).first().to_pydict()
        {'k': ['a', 'b'], 'v': [1, 2]}
        """
        return self.agg("first")

    @options(**OF_PANDAS)
    def last(self) -> FrameT:
        """Take the last value of every column that is not a key.

        Examples
        --------
        >>> import partita as pt
        >>> df = pt.from_pydict({"k": ["a", "b", "a"], "v": [1, 2, 3]})
        >>> df.group_by("k", maintain_order=True).last().to_pydict()
        {'k': ['a', 'b'], 'v': [3, 2]}
        """
        return self.agg("last")

    @options(**OF_PANDAS)
    def n_unique(self) -> FrameT:
        """Count the distinct values of every column that is not a key.

        Examples
        --------
        >>> import partita as pt
        >>> df = pt.from_pydict({"k": ["a", "b", "a"], "v": [1, 2, 3]})
        >>> df.group_by("k", maintain_order=True).n_unique().to_pydict()
        {'k': ['a', 'b'], 'v': [2, 1]}
        """
        return self.agg("n_unique")

    @options(**OF_PANDAS)
    def nunique(self) -> FrameT:
        """Count the distinct values that are not null of every column that is not a key.

        Examples
        --------
        >>> import partita as pt
        >>> df = pt.from_pydict({"k": ["a", "b", "a"], "v": [1, None, 3]})
        >>> df.group_by("k", maintain_order=True).nunique().to_pydict()
        {'k': ['a', 'b'], 'v': [2, 0]}
        """
        return self.agg("nunique")

    @options(**OF_PANDAS)
    def std(self) -> FrameT:
        """Take the standard deviation of every column that is not a key.

        Examples
        --------
        >>> import partita as pt
        >>> df = pt.from_pydict({"k": ["a", "a", "a"], "v": [1, 2, 3]})
        >>> df.group_by("k", maintain_order=True).std().to_pydict()
        {'k': ['a'], 'v': [1.0]}
        """
        return self.agg("std")

    @options(**OF_PANDAS)
    def var(self) -> FrameT:
        """Take the variance of every column that is not a key.

        Examples
        --------
        >>> import partita as pt
        >>> df = pt.from_pydict({"k": ["a", "a", "a"], "v": [1, 3, 5]})
        >>> df.group_by("k", maintain_order=True).var().to_pydict()
        {'k': ['a'], 'v': [4.0]}
        """
        return self.agg("var")

    @options(**OF_PANDAS)
    def median(self) -> FrameT:
        """Take the median of every column that is not a key.

        Examples
        --------
        >>> import partita as pt
        >>> df = pt.from_pydict({"k": ["a", "b", "a"], "v": [1, 2, 3]})
        >>> df.group_by("k", maintain_order=True).median().to_pydict()
        {'k': ['a', 'b'], 'v': [2.0, 2.0]}
        """
        return self.agg("median")

    @options(**OF_PANDAS)
    def product(self) -> FrameT:
        """Multiply the values of every column that is not a key.

        Examples
        --------
        >>> import partita as pt
        >>> df = pt.from_pydict({"k": ["a", "b", "a"], "v": [1, 2, 3]})
        >>> df.group_by("k", maintain_order=True).product().to_pydict()
        {'k': ['a', 'b'], 'v': [3, 2]}
        """
        return self.agg("product")

    @options(**OF_PANDAS)
    def any(self) -> FrameT:
        """Whether any value is true, for every column that is not a key.

        Examples
        --------
        >>> import partita as pt
        >>> df = pt.from_pydict({"k": ["a", "b", "a"], "v": [True, True, False]})
        >>> df.group_by("k", maintain_order=True).any().to_pydict()
        {'k': ['a', 'b'], 'v': [True, True]}
        """
        return self.agg("any")

    @options(**OF_PANDAS)
    def all(self) -> FrameT:
        """Whether all values are true, for every column that is not a key.

        Examples
        --------
        >>> import partita as pt
        >>> df = pt.from_pydict({"k": ["a", "b", "a"], "v": [True, True, False]})
        >>> df.group_by("k", maintain_order=True).all().to_pydict()
        {'k': ['a', 'b'], 'v': [False, True]}
        """
        return self.agg("all")

"""What pandas has on groups that gives a value for each row: ``transform``, ``cumsum``, ``shift``.

Of one column, ``df.groupby("k")["v"].cumsum()``, it is an expression of the frame's rows, where
pandas gives a series of them: to be added with ``.assign(...)`` or filtered by. Of several columns
it is a frame of these, in the order of the rows.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, TypeVar

from ..errors import InvalidExpression, did_you_mean, listed
from ..expr.aggregates import AGGREGATES
from ..plan.nodes import Named
from .constructors import col, row_index
from .expression import Expression
from .frame import Frame
from .options import options

FrameT = TypeVar("FrameT", bound=Frame)

_ALWAYS = {
    "axis": "it goes over rows, always",
    "skipna": "nulls are passed over, always",
    "engine": "leave it out",
    "numeric_only": "choose the columns, as in .groupby('k')[['v', 'w']]",
}
_AS_IN_PANDAS = {
    "size": "len",
    "nunique": "n_unique",
    "cumsum": "cum_sum",
    "cumprod": "cum_prod",
    "cummin": "cum_min",
    "cummax": "cum_max",
    "ffill": "forward_fill",
    "bfill": "backward_fill",
}
_BY_ROW = ("rank", "shift", "diff", "pct_change", "forward_fill", "backward_fill")


class WithinGroups(Generic[FrameT]):
    """Functions of groups with a value for each row; `GroupBy` adds those with one for each."""

    __slots__ = ("_columns", "_frame", "_keys", "_single")

    def __init__(
        self,
        frame: FrameT,
        keys: tuple[Named, ...],
        *,
        columns: tuple[str, ...] | None = None,
    ) -> None:
        self._frame = frame
        self._keys = keys
        self._columns = columns
        self._single = False
        """Whether one column was chosen by its name alone, which is then an expression."""

    def _chosen_columns(self) -> tuple[str, ...]:
        """Return the columns that were chosen, by default all that are not keys."""
        if self._columns is not None:
            return self._columns
        keys = self._keyed_names()
        return tuple(name for name in self._frame.schema.names if name not in keys)

    def _keyed_names(self) -> set[str]:
        """Return the columns that tell the groups, which are not aggregated."""
        return {name for name, _ in self._keys}

    @options(engine="leave it out", engine_kwargs="leave it out")
    def transform(self, function: str) -> Any:
        """Give every row the aggregate of its group, or another function within the group.

        Parameters
        ----------
        function : str
            The name of an aggregate such as ``"sum"``, or of ``"rank"``, ``"shift"``, ``"diff"``,
            ``"cumsum"`` and its like.

        Returns
        -------
        Expression or DataFrame
            An expression where one column was chosen by its name; else a frame of the columns.

        Examples
        --------
        >>> import partita as pt
        >>> df = pt.from_pydict({"k": ["a", "b", "a"], "v": [1, 2, 3]})
        >>> df.assign(total=df.groupby("k")["v"].transform("sum")).to_pydict()
        {'k': ['a', 'b', 'a'], 'v': [1, 2, 3], 'total': [4, 2, 4]}
        """
        known = [*AGGREGATES, *_AS_IN_PANDAS, *_BY_ROW]
        if not isinstance(function, str) or function not in known:
            raise InvalidExpression(
                f"transform wants the name of a function, found {function!r}."
                f"{did_you_mean(str(function), known)} There are {listed(known)}; else write the"
                " expression, as in (pt.col('v') - pt.col('v').mean()).over('k')."
            )
        name = _AS_IN_PANDAS.get(function, function)
        return self._of_rows(lambda column: getattr(column, name)())

    @options(**_ALWAYS)
    def cumsum(self) -> Any:
        """Add up from the first row of each group to each row.

        Examples
        --------
        >>> import partita as pt
        >>> df = pt.from_pydict({"k": ["a", "b", "a"], "v": [1, 2, 3]})
        >>> df.groupby("k")[["v"]].cumsum().to_pydict()
        {'v': [1, 2, 4]}
        """
        return self._of_rows(lambda column: column.cum_sum())

    @options(**_ALWAYS)
    def cumprod(self) -> Any:
        """Multiply from the first row of each group to each row.

        Examples
        --------
        >>> import partita as pt
        >>> df = pt.from_pydict({"k": ["a", "b", "a"], "v": [1, 2, 3]})
        >>> df.groupby("k")[["v"]].cumprod().to_pydict()
        {'v': [1, 2, 3]}
        """
        return self._of_rows(lambda column: column.cum_prod())

    @options(**_ALWAYS)
    def cummin(self) -> Any:
        """Give the least value from the first row of each group to each row.

        Examples
        --------
        >>> import partita as pt
        >>> df = pt.from_pydict({"k": ["a", "b", "a"], "v": [1, 2, 3]})
        >>> df.groupby("k")[["v"]].cummin().to_pydict()
        {'v': [1, 2, 1]}
        """
        return self._of_rows(lambda column: column.cum_min())

    @options(**_ALWAYS)
    def cummax(self) -> Any:
        """Give the greatest value from the first row of each group to each row.

        Examples
        --------
        >>> import partita as pt
        >>> df = pt.from_pydict({"k": ["a", "b", "a"], "v": [1, 2, 3]})
        >>> df.groupby("k")[["v"]].cummax().to_pydict()
        {'v': [1, 2, 3]}
        """
        return self._of_rows(lambda column: column.cum_max())

    @options(ascending="write pt.len().over('k') - 1 - pt.row_index().over('k')")
    def cumcount(self) -> Expression:
        """Number the rows of each group from 0, as an expression.

        Examples
        --------
        >>> import partita as pt
        >>> df = pt.from_pydict({"k": ["a", "b", "a"]})
        >>> df.assign(n=df.groupby("k").cumcount()).to_pydict()
        {'k': ['a', 'b', 'a'], 'n': [0, 0, 1]}
        """
        return self._over(row_index("cumcount"))

    @options(freq="there is no index to move; n is a number of rows", **_ALWAYS)
    def shift(self, periods: int = 1, fill_value: Any = None) -> Any:
        """Give each row the value `periods` rows before it in its group.

        Examples
        --------
        >>> import partita as pt
        >>> df = pt.from_pydict({"k": ["a", "b", "a"], "v": [1, 2, 3]})
        >>> df.groupby("k")[["v"]].shift().to_pydict()
        {'v': [None, None, 1]}
        """
        return self._of_rows(lambda column: column.shift(periods, fill_value=fill_value))

    @options(**_ALWAYS)
    def diff(self, periods: int = 1) -> Any:
        """Give by how much each row is more than `periods` rows before it in its group.

        Examples
        --------
        >>> import partita as pt
        >>> df = pt.from_pydict({"k": ["a", "b", "a"], "v": [1, 2, 3]})
        >>> df.groupby("k")[["v"]].diff().to_pydict()
        {'v': [None, None, 2]}
        """
        return self._of_rows(lambda column: column.diff(periods))

    @options(
        fill_method="nulls are not filled first, as in pandas 3",
        freq="there is no index to move",
        **_ALWAYS,
    )
    def pct_change(self, periods: int = 1) -> Any:
        """Give the change since `periods` rows before in the group, as a share.

        Examples
        --------
        >>> import partita as pt
        >>> df = pt.from_pydict({"k": ["a", "b", "a"], "v": [1, 2, 3]})
        >>> df.groupby("k")[["v"]].pct_change().to_pydict()
        {'v': [None, None, 2.0]}
        """
        return self._of_rows(lambda column: column.pct_change(periods))

    @options(
        na_option="null has no rank",
        pct="divide by pt.col('v').count().over('k')",
        **_ALWAYS,
    )
    def rank(self, method: str = "average", ascending: bool = True) -> Any:
        """Give the place of each value in the order of its group, from 1.

        ``method="first"`` of pandas is ``"ordinal"`` here, and understood.

        Examples
        --------
        >>> import partita as pt
        >>> df = pt.from_pydict({"k": ["a", "b", "a"], "v": [1, 2, 3]})
        >>> df.groupby("k")[["v"]].rank().to_pydict()
        {'v': [1.0, 1.0, 2.0]}
        """
        named = "ordinal" if method == "first" else method
        return self._of_rows(lambda column: column.rank(named, descending=not ascending))

    def ffill(self, limit: int | None = None) -> Any:
        """Put the nearest value before them in the group where nulls are.

        Examples
        --------
        >>> import partita as pt
        >>> df = pt.from_pydict({"k": ["a", "b", "a"], "v": [1, 2, None]})
        >>> df.groupby("k")[["v"]].ffill().to_pydict()
        {'v': [1, 2, 1]}
        """
        return self._of_rows(lambda column: column.forward_fill(limit))

    def bfill(self, limit: int | None = None) -> Any:
        """Put the nearest value after them in the group where nulls are.

        Examples
        --------
        >>> import partita as pt
        >>> df = pt.from_pydict({"k": ["a", "b", "a"], "v": [None, 2, 3]})
        >>> df.groupby("k")[["v"]].bfill().to_pydict()
        {'v': [3, 2, 3]}
        """
        return self._of_rows(lambda column: column.backward_fill(limit))

    def _of_rows(self, function: Callable[[Any], Expression]) -> Any:
        names = self._chosen_columns()
        made = [self._over(function(col(name))) for name in names]
        if self._single:
            return made[0]
        # Only the verb of a frame knows how its windows become a plan.
        return self._frame.select(**dict(zip(names, made, strict=True)))  # type: ignore[attr-defined]

    def _over(self, expression: Expression) -> Expression:
        return expression.over(*(expr for _, expr in self._keys))

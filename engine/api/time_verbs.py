"""The verbs that group rows by stretches of time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

from .columns import IntoExpr, named_expressions, row_wise
from .frame import Frame
from .options import options
from .time_groups import Every, RollingGroups, rolling_groups


class TimeVerbs(Frame):
    """Verbs that lay windows along a column of times or integers."""

    __slots__ = ()

    @options(
        window="write rolling(on, period): a stretch of time or of an integer column; for a number"
        " of rows use pt.col('v').rolling_mean(window_size)",
        min_periods="count with pt.col('v').count() in .agg(...)",
        center="write offset=",
        index_column="write rolling(on, period)",
        by="write group_by=",
    )
    def rolling(
        self,
        on: str,
        period: Every,
        *,
        offset: Every | None = None,
        closed: str = "right",
        group_by: IntoExpr | Sequence[IntoExpr] | None = None,
    ) -> RollingGroups[Self]:
        """Aggregate for each row the rows near it in time.

        The window of a row at ``t`` goes from ``t + offset`` to ``t + offset + period``: by default
        the stretch of length `period` that ends with the row itself.

        Parameters
        ----------
        on : str
            A column of dates, timestamps or integers without nulls. The rows need no order.
        period : str, timedelta or int
            The length of a window: ``"2d"``, ``"1mo"``, ``"90m"``; along integers a number.
        offset : str, timedelta or int, optional
            Where a window begins, seen from its row; by default ``-period``.
        closed : {"right", "left", "both", "none"}
            Which ends belong to the window.
        group_by : str, Expression or sequence, optional
            Windows hold only rows with the same keys.

        Returns
        -------
        RollingGroups
            Give it ``.agg(...)``, ``.len()``, ``.sum()`` and its like: one row for each row, with
            the keys, `on` and the aggregates, in the order of `on`. With `group_by` the rows of a
            group are in that order, and the order of groups is open.

        Raises
        ------
        TypeMismatch
            If `on` is neither time nor an integer.
        ComputeError
            When run, if `on` has nulls.

        Examples
        --------
        >>> import partita as pt, datetime
        >>> days = [datetime.date(2024, 1, day) for day in (1, 2, 5)]
        >>> df = pt.from_pydict({"day": days, "v": [1, 2, 3]})
        >>> df.rolling("day", period="2d").agg(pt.col("v").sum(), n=pt.len()).to_dicts()[1]
        {'day': datetime.date(2024, 1, 2), 'v': 3, 'n': 2}
        """
        given = () if group_by is None else (group_by,)
        keys = named_expressions(given, {}, self.schema, "rolling")
        row_wise((expr for _, expr in keys), "rolling")
        return rolling_groups(self, on, keys, period, offset, closed)

"""The verbs that group rows by stretches of time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

from .columns import IntoExpr, named_expressions, row_wise
from .dynamic_groups import DynamicGroups, dynamic_groups, period_of_rule
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

    @options(
        index_column="write on=",
        by="write group_by=",
        truncate="write label='left' or 'datapoint'",
        start_by="windows begin at multiples of `every`; move them with offset=",
        check_sorted="the rows need no order",
    )
    def group_by_dynamic(
        self,
        on: str,
        *,
        every: Every,
        period: Every | None = None,
        offset: Every | None = None,
        include_boundaries: bool = False,
        closed: str = "left",
        label: str = "left",
        group_by: IntoExpr | Sequence[IntoExpr] | None = None,
    ) -> DynamicGroups[Self]:
        """Group rows by windows of time: every day, every quarter of an hour, every month.

        Windows begin at multiples of `every` (days at midnight of the column's time zone, weeks on
        Monday, months on the first) moved by `offset`, and are `period` long. Where they overlap, a
        row is in several of them; windows without rows are not given.

        Parameters
        ----------
        on : str
            A column of dates, timestamps or integers. The rows need no order; nulls are in no
            window.
        every : str, timedelta or int
            The distance of windows: ``"1d"``, ``"15m"``, ``"1mo"``; along integers a number.
        period : str, timedelta or int, optional
            The length of a window; by default `every`.
        offset : str, timedelta or int, optional
            By how much all windows are moved.
        include_boundaries : bool
            Whether the ends of each window are given as ``_lower_boundary`` and
            ``_upper_boundary``.
        closed : {"left", "right", "both", "none"}
            Which ends belong to a window.
        label : {"left", "right", "datapoint"}
            What stands for a window in the column `on`: its beginning, its end, its first row.
        group_by : str, Expression or sequence, optional
            Further keys.

        Returns
        -------
        DynamicGroups
            Give it ``.agg(...)``, ``.len()``, ``.sum()`` and its like: one row for each window with
            rows, ordered by the keys and then by time.

        Raises
        ------
        TypeMismatch
            If `on` is neither time nor an integer.
        InvalidExpression
            If a period is none, or a row would be in more than 1,000 windows.

        Examples
        --------
        >>> import partita as pt, datetime
        >>> days = [datetime.date(2024, 1, 30), datetime.date(2024, 2, 1)]
        >>> df = pt.from_pydict({"day": days, "v": [1, 2]})
        >>> df.group_by_dynamic("day", every="1mo").agg(pt.col("v").sum(), n=pt.len()).to_dicts()[1]
        {'day': datetime.date(2024, 2, 1), 'v': 2, 'n': 1}
        """
        given = () if group_by is None else (group_by,)
        keys = named_expressions(given, {}, self.schema, "group_by_dynamic")
        row_wise((expr for _, expr in keys), "group_by_dynamic")
        return dynamic_groups(
            self,
            on,
            keys,
            every=every,
            period=period,
            offset=offset,
            closed=closed,
            label=label,
            boundaries=include_boundaries,
        )

    @options(
        level="there is no index; write on=",
        origin="windows begin at multiples of the rule; move them with offset=",
        kind="leave it out",
        convention="leave it out",
        group_keys="write .group_by_dynamic(on, every=..., group_by=...)",
    )
    def resample(
        self,
        rule: Every,
        on: str,
        *,
        closed: str = "left",
        label: str = "left",
        offset: Every | None = None,
    ) -> DynamicGroups[Self]:
        """Group rows by windows of time: `group_by_dynamic`, with the rules of pandas.

        Other than in pandas, windows without rows are not given.

        Parameters
        ----------
        rule : str or timedelta
            ``"D"``, ``"15min"``, ``"h"``, ``"MS"`` (months by their beginning) and their like, or a
            period as in `group_by_dynamic`.
        on : str
            The column of times; there is no index that could be it.
        closed, label : {"left", "right"}
            Which end belongs to a window, and which stands for it.
        offset : str or timedelta, optional
            By how much all windows are moved.

        Examples
        --------
        >>> import partita as pt, datetime
        >>> hours = [datetime.datetime(2024, 1, 1, hour) for hour in (0, 5, 23)]
        >>> df = pt.from_pydict({"at": hours, "v": [1, 2, 3]})
        >>> df.resample("6h", on="at")["v"].sum().to_pydict()["v"]
        [3, 3]
        """
        return self.group_by_dynamic(
            on, every=period_of_rule(rule), offset=offset, closed=closed, label=label
        )

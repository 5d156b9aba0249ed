"""The joins that pandas has as functions of its module."""

from __future__ import annotations

from typing import Any

from .combining_verbs import check_frame
from .dataframe import DataFrame


def merge_asof(left: DataFrame, right: DataFrame, on: Any = None, **options: Any) -> DataFrame:
    """Put beside each row of one frame the nearest of another: ``left.merge_asof(right, ...)``.

    Parameters
    ----------
    left, right : DataFrame
        The frames; neither has to be sorted.
    on : str, optional
        The order, a number or a time.
    **options
        Those of `DataFrame.merge_asof`: ``left_on``, ``right_on``, ``by``, ``left_by``,
        ``right_by``, ``suffixes``, ``tolerance``, ``allow_exact_matches``, ``direction``.

    Examples
    --------
    >>> import partita as pt
    >>> trades = pt.from_pydict({"t": [3, 6], "qty": [2, 3]})
    >>> quotes = pt.from_pydict({"t": [2, 5], "price": [20, 50]})
    >>> pt.merge_asof(trades, quotes, on="t", direction="forward").to_pydict()
    {'t': [3, 6], 'qty': [2, 3], 'price': [50, None]}
    """
    check_frame(left, "merge_asof")
    return left.merge_asof(right, on, **options)

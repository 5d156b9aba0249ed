"""The demo's question, asked of Partita and, on the same files, of pandas.

Since 15 March 2023, what did each zone earn in each year, per hour on the road and per trip, from
trips of a kilometre or more that were paid by card, in cash or by app?
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from ..api import DataFrame, col
from ..api import len as row_count
from .trips import TIME_ZONE

if TYPE_CHECKING:
    import pandas as pd

SINCE = datetime(2023, 3, 15, tzinfo=ZoneInfo(TIME_ZONE))
PAYMENTS = ("card", "cash", "app")
KEYS = ["borough", "zone", "year"]
RELATIVE_ERROR = 1e-9
"""Two sums of the same doubles in another order may differ in their last digits."""


def ask_partita(trips: DataFrame, zones: DataFrame) -> DataFrame:
    """Put the question as a plan; nothing is run.

    Parameters
    ----------
    trips, zones : DataFrame
        Scans of the trips and of the lookup table.

    Returns
    -------
    DataFrame
        One row per borough, zone and year, the highest revenue first.
    """
    hour = col("pickup_at").dt.hour()
    seconds = (col("dropoff_at") - col("pickup_at")).dt.total_seconds()
    return (
        trips.filter(
            col("pickup_at") >= SINCE,
            col("distance_km") >= 1.0,
            col("fare").is_not_null(),
            col("payment").is_in(PAYMENTS),
        )
        .join(zones, left_on="pickup_zone", right_on="zone_id")
        .with_columns(hours=seconds / 3600, night=(hour >= 22) | (hour < 6))
        .group_by(*KEYS)
        .agg(
            trips=row_count(),
            revenue=col("fare").sum(),
            per_hour=col("fare").sum() / col("hours").sum(),
            mean_fare=col("fare").mean(),
            mean_tip=col("tip").mean(),
            longest_km=col("distance_km").max(),
            night_trips=col("night").sum(),
        )
        .sort("revenue", descending=True)
    )


def ask_pandas(trips: Iterable[Path], zones: Path) -> pd.DataFrame:
    """Answer the question with pandas alone.

    One file is in memory at a time; what is kept of it are the sums of its groups.

    Parameters
    ----------
    trips : iterable of pathlib.Path
        The Parquet files of the trips.
    zones : pathlib.Path
        The Parquet file of the lookup table.

    Returns
    -------
    pandas.DataFrame
        One row per borough, zone and year, in that order.
    """
    # Late: pandas takes about a second to import, and only the check needs it.
    import pandas as pd

    lookup = pd.read_parquet(zones)
    parts = [_file_sums(pd.read_parquet(path, columns=_COLUMNS), lookup) for path in trips]
    sums = (
        pd.concat(parts)
        .groupby(KEYS, as_index=False)
        .agg({name: "max" if name == "longest_km" else "sum" for name in _SUMS})
    )
    return pd.DataFrame(
        {
            "borough": sums["borough"],
            "zone": sums["zone"],
            "year": sums["year"],
            "trips": sums["trips"],
            "revenue": sums["revenue"],
            "per_hour": sums["revenue"] / sums["hours"],
            "mean_fare": sums["revenue"] / sums["trips"],
            "mean_tip": sums["tips"] / sums["known_tips"].where(sums["known_tips"] > 0),
            "longest_km": sums["longest_km"],
            "night_trips": sums["night_trips"],
        }
    )


_COLUMNS = [
    "pickup_at",
    "dropoff_at",
    "pickup_zone",
    "payment",
    "distance_km",
    "fare",
    "tip",
]
_SUMS = [
    "trips",
    "revenue",
    "hours",
    "tips",
    "known_tips",
    "longest_km",
    "night_trips",
]


def _file_sums(trips: pd.DataFrame, lookup: pd.DataFrame) -> pd.DataFrame:
    """Reduce one file to what its groups add up to."""
    trips = trips[
        (trips["pickup_at"] >= SINCE)
        & (trips["distance_km"] >= 1.0)
        & trips["fare"].notna()
        & trips["payment"].isin(PAYMENTS)
    ]
    trips = trips.merge(lookup, left_on="pickup_zone", right_on="zone_id")
    hour = trips["pickup_at"].dt.hour
    trips = trips.assign(
        year=trips["pickup_at"].dt.year,
        hours=(trips["dropoff_at"] - trips["pickup_at"]).dt.total_seconds() / 3600,
        night=(hour >= 22) | (hour < 6),
    )
    return trips.groupby(KEYS, as_index=False).agg(
        trips=("fare", "size"),
        revenue=("fare", "sum"),
        hours=("hours", "sum"),
        tips=("tip", "sum"),
        known_tips=("tip", "count"),
        longest_km=("distance_km", "max"),
        night_trips=("night", "sum"),
    )


def first_difference(expected: pd.DataFrame, found: pd.DataFrame) -> str | None:
    """Compare two answers row by row, whatever their order of rows and columns.

    Parameters
    ----------
    expected, found : pandas.DataFrame
        Answers with the columns of `ask_pandas`.

    Returns
    -------
    str or None
        The first difference in words; None where the answers are equal. Strings, integers and
        nulls must be the same; doubles may differ by a share of `RELATIVE_ERROR`.
    """
    import numpy as np

    if sorted(expected.columns) != sorted(found.columns):
        return f"columns: pandas has {sorted(expected.columns)}, Partita {sorted(found.columns)}"
    if len(expected) != len(found):
        return f"rows: pandas has {len(expected):,}, Partita {len(found):,}"
    expected, found = (
        frame.astype({"borough": str, "zone": str}).sort_values(KEYS, ignore_index=True)
        for frame in (expected, found)
    )
    for name in expected.columns:
        left, right = expected[name], found[name]
        if left.dtype.kind == "f":
            same = np.isclose(left, right, rtol=RELATIVE_ERROR, atol=0.0, equal_nan=True)
        else:
            same = (left == right).to_numpy()
        if not same.all():
            row = int(np.argmin(same))
            where = ", ".join(f"{key} {expected[key][row]!r}" for key in KEYS)
            return f"{name} of {where}: pandas has {left[row]!r}, Partita {right[row]!r}"
    return None

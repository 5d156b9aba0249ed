"""The dataset of the demo: taxi-like trips, made up, the same for the same seed.

One Parquet file holds at most `ROWS_PER_FILE` rows of one month, under
`year=2023/month=1/part-0.parquet`. The shape is that of real data where it hurts an engine: few
zones get most of the trips, hours of the day are uneven, payment, passengers, zone and tip have
nulls, some zones are in no lookup table, and times are instants with a time zone whose clocks
change twice a year. Each file is drawn from a generator of its own (seed, month, part), so files
can be made side by side and come out alike in any order.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

TIME_ZONE = "America/New_York"
FIRST_YEAR = 2023
MONTHS = 24
ROWS_PER_FILE = 1_000_000
ROWS_PER_GROUP = 65_536
FORMAT = 1
"""Raised when the same parameters give other files, so that no older dataset is taken for them."""

_BOROUGHS = ("Manhattan", "Brooklyn", "Queens", "Bronx", "Staten Island")
_SIDES = ("North", "South", "East", "West")
_PLACES = (
    "Harbour",
    "Market",
    "Park",
    "Station",
    "Museum",
    "Garden",
    "Bridge",
    "Hill",
    "College",
    "Court",
    "Theatre",
    "Ferry",
    "Airport",
)
_ZONES = len(_BOROUGHS) * len(_SIDES) * len(_PLACES)
_UNLISTED_ZONES = 4
_VENDORS = ("Bluebird Cabs", "City Wheels", "Hudson Cars", "Owl Night Service")
_VENDOR_SHARES = (0.46, 0.31, 0.2, 0.03)
_PAYMENTS = ("card", "cash", "app", "voucher", "dispute")
_PAYMENT_SHARES = (0.61, 0.22, 0.13, 0.03, 0.01)
_HOUR_WEIGHTS = np.array(
    [3, 2, 1, 1, 1, 1, 2, 4, 5, 5, 4, 4, 5, 5, 5, 5, 5, 6, 7, 7, 6, 5, 5, 4], dtype=np.float64
)

SCHEMA = pa.schema(
    [
        pa.field("trip_id", pa.int64(), nullable=False),
        pa.field("pickup_at", pa.timestamp("us", TIME_ZONE), nullable=False),
        pa.field("dropoff_at", pa.timestamp("us", TIME_ZONE), nullable=False),
        pa.field("pickup_zone", pa.int32()),
        pa.field("dropoff_zone", pa.int32()),
        pa.field("vendor", pa.string()),
        pa.field("payment", pa.dictionary(pa.int8(), pa.string())),
        pa.field("passengers", pa.int8()),
        pa.field("distance_km", pa.float64()),
        pa.field("fare", pa.float64()),
        pa.field("tip", pa.float64()),
    ]
)


@dataclass(frozen=True, kw_only=True)
class TripsFile:
    """One file of the dataset: where it lies and which rows it holds."""

    path: Path
    """The file, below the directory of the dataset."""
    year: int
    month: int
    """Calendar month in `TIME_ZONE`, counted from 1."""
    part: int
    """Number of the file within its month, from 0."""
    first_trip: int
    """`trip_id` of its first row; the others follow."""
    rows: int
    """Number of rows."""


def zones() -> pa.Table:
    """Give the lookup table of zones: `zone_id`, `borough`, `zone`.

    Returns
    -------
    pyarrow.Table
        One row per listed zone. The trips name a few zones that are not in it.

    Examples
    --------
    >>> zones().num_rows
    260
    >>> zones().slice(0, 1).to_pylist()
    [{'zone_id': 1, 'borough': 'Manhattan', 'zone': 'Harbour North'}]
    """
    names = [f"{place} {side}" for place in _PLACES for side in _SIDES]
    return pa.table(
        {
            "zone_id": pa.array(range(1, _ZONES + 1), pa.int32()),
            "borough": [_BOROUGHS[i % len(_BOROUGHS)] for i in range(_ZONES)],
            "zone": [names[i // len(_BOROUGHS)] for i in range(_ZONES)],
        }
    )


def trips_files(directory: Path, rows: int) -> list[TripsFile]:
    """Say which files a dataset of `rows` trips consists of, without making any.

    Parameters
    ----------
    directory : pathlib.Path
        Where the dataset lies or will lie.
    rows : int
        Rows over all files.

    Returns
    -------
    list of TripsFile
        In order of time; at least one file per month, some without rows where `rows` is small.

    Examples
    --------
    >>> files = trips_files(Path("trips"), 5_000_000)
    >>> len(files), sum(file.rows for file in files)
    (24, 5000000)
    >>> files[0].path.as_posix()
    'trips/year=2023/month=1/part-0.parquet'
    """
    files = []
    first_trip = 0
    for index in range(MONTHS):
        year, month = FIRST_YEAR + index // 12, index % 12 + 1
        month_rows = rows * (index + 1) // MONTHS - rows * index // MONTHS
        for part in range(max(1, -(-month_rows // ROWS_PER_FILE))):
            part_rows = min(ROWS_PER_FILE, month_rows - part * ROWS_PER_FILE)
            files.append(
                TripsFile(
                    path=directory / f"year={year}" / f"month={month}" / f"part-{part}.parquet",
                    year=year,
                    month=month,
                    part=part,
                    first_trip=first_trip,
                    rows=part_rows,
                )
            )
            first_trip += part_rows
    return files


def write_trips(
    directory: str | Path, *, rows: int = 5_000_000, seed: int = 7, threads: int = 2
) -> Iterator[TripsFile]:
    """Write the dataset file by file, and give each file as it is done.

    Parameters
    ----------
    directory : str or pathlib.Path
        Where to write; made if missing.
    rows : int, default 5_000_000
        Rows over all files.
    seed : int, default 7
        The same seed and rows give the same files.
    threads : int, default 2
        Files made at the same time: numpy's generators and Arrow's writer let go of the
        interpreter lock.

    Yields
    ------
    TripsFile
        A file that has been written, in order of time.

    Raises
    ------
    OSError
        If the directory cannot be written to.
    """
    files = trips_files(Path(directory), rows)
    with ThreadPoolExecutor(max_workers=max(1, threads)) as pool:
        yield from pool.map(lambda file: _write_file(file, seed), files)


def _write_file(file: TripsFile, seed: int) -> TripsFile:
    file.path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(_draw(file, seed), file.path, row_group_size=ROWS_PER_GROUP, compression="zstd")
    return file


def _draw(file: TripsFile, seed: int) -> pa.Table:
    """Draw the rows of one file."""
    random = np.random.default_rng([seed, file.year, file.month, file.part])
    rows = file.rows
    pickup = _pickup_seconds(random, file)
    distance = np.round(0.3 + random.gamma(1.6, 2.4, rows), 2)
    speed = random.normal(21.0, 5.0, rows).clip(6.0, 70.0)
    duration = (60 + distance / speed * 3600).astype(np.int64)
    fare = np.round(3.0 + 1.75 * distance + 0.35 * duration / 60, 2)
    payment = _choose(random, _PAYMENT_SHARES, rows)
    tip = np.round(fare * random.uniform(0.05, 0.3, rows), 2)
    return pa.table(
        [
            pa.array(np.arange(file.first_trip, file.first_trip + rows)),
            _timestamps(pickup),
            _timestamps(pickup + duration),
            _zone_ids(random, rows),
            _zone_ids(random, rows),
            pa.DictionaryArray.from_arrays(
                _choose(random, _VENDOR_SHARES, rows), list(_VENDORS)
            ).dictionary_decode(),
            pa.DictionaryArray.from_arrays(
                pa.array(payment, mask=random.random(rows) < 0.02), list(_PAYMENTS)
            ),
            pa.array(
                random.geometric(0.62, rows).clip(1, 6).astype(np.int8),
                mask=random.random(rows) < 0.05,
            ),
            pa.array(distance),
            pa.array(fare, mask=random.random(rows) < 0.003),
            # A tip in cash is not known to the meter: null, not zero.
            pa.array(tip, mask=payment == _PAYMENTS.index("cash")),
        ],
        schema=SCHEMA,
    )


def _pickup_seconds(random: np.random.Generator, file: TripsFile) -> np.ndarray:
    """Draw sorted pickup times of the file's month, in seconds since 1970 (UTC).

    A trip lies in the month its file is named after, by the clock of `TIME_ZONE`. Parts of a
    month follow each other in time, as files of a log would.
    """
    zone = ZoneInfo(TIME_ZONE)
    start = int(datetime(file.year, file.month, 1, tzinfo=zone).timestamp())
    following = (file.year + 1, 1) if file.month == 12 else (file.year, file.month + 1)
    end = int(datetime(*following, 1, tzinfo=zone).timestamp())
    days = -(-(end - start) // 86_400)
    hour = _choose(random, tuple(_HOUR_WEIGHTS / _HOUR_WEIGHTS.sum()), file.rows)
    seconds = random.integers(0, days, file.rows) * 86_400 + hour.astype(np.int64) * 3600
    seconds += random.integers(0, 3600, file.rows)
    return start + np.sort(seconds % (end - start))


def _timestamps(seconds: np.ndarray) -> pa.Array:
    microseconds = pa.array(seconds * 1_000_000)
    return microseconds.cast(pa.timestamp("us", TIME_ZONE))


def _zone_ids(random: np.random.Generator, rows: int) -> pa.Array:
    """Draw zones with a long tail: a tenth of the zones get more than half of the trips."""
    ranked = 1 + (_ZONES + _UNLISTED_ZONES) * random.random(rows) ** 4
    # A fixed stride spreads the busy zones over the numbers (it shares no factor with 264).
    zone = (ranked.astype(np.int64) * 97 % (_ZONES + _UNLISTED_ZONES)) + 1
    return pa.array(zone.astype(np.int32), mask=random.random(rows) < 0.01)


def _choose(random: np.random.Generator, shares: tuple[float, ...], rows: int) -> np.ndarray:
    """Draw positions in `shares`, each as often as its share says."""
    edges = np.cumsum(shares)[:-1]
    return np.searchsorted(edges, random.random(rows), side="right").astype(np.int8)

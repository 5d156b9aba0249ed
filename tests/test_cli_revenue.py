"""The demo's check: pandas answers rightly from files one by one, and a difference is found."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from partita.engine.cli.dataset import Dataset, prepare_dataset
from partita.engine.cli.revenue import RELATIVE_ERROR, ask_pandas, first_difference
from partita.engine.cli.trips import SCHEMA, TIME_ZONE


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return prepare_dataset(tmp_path_factory.mktemp("demo"), rows=40_000)


@pytest.fixture(scope="module")
def answer(made: Dataset) -> pd.DataFrame:
    return ask_pandas(made.files, made.zones)


def test_pandas_answers_by_hand_checked_rows(tmp_path: Path) -> None:
    zone = ZoneInfo(TIME_ZONE)
    pickup = [
        datetime(2023, 3, 14, 23, 59, tzinfo=zone),  # a minute too early
        datetime(2023, 3, 15, 0, 0, tzinfo=zone),  # night
        datetime(2023, 12, 31, 22, 30, tzinfo=zone),  # night, and already 2024 in UTC
        datetime(2023, 6, 1, 12, 0, tzinfo=zone),
        datetime(2023, 6, 1, 12, 0, tzinfo=zone),  # paid by voucher
        datetime(2023, 6, 1, 12, 0, tzinfo=zone),  # under a kilometre
        datetime(2023, 6, 1, 12, 0, tzinfo=zone),  # no fare
        datetime(2023, 6, 1, 12, 0, tzinfo=zone),  # no zone
        datetime(2023, 6, 1, 12, 0, tzinfo=zone),  # a zone that is not listed
    ]
    rows = len(pickup)
    columns = {
        "trip_id": range(rows),
        "pickup_at": pickup,
        "dropoff_at": [moment + timedelta(minutes=30) for moment in pickup],
        "pickup_zone": [1, 1, 1, 1, 1, 1, 1, None, 264],
        "dropoff_zone": [1] * rows,
        "vendor": ["Hudson Cars"] * rows,
        "payment": ["card", "card", "cash", "app", "voucher", "card", "card", "card", "card"],
        "passengers": [1] * rows,
        "distance_km": [2.0, 2.0, 4.0, 1.0, 2.0, 0.5, 2.0, 2.0, 2.0],
        "fare": [10.0, 10.0, 20.0, 6.0, 10.0, 10.0, None, 10.0, 10.0],
        "tip": [1.0, 2.0, None, 4.0, 1.0, 1.0, 1.0, 1.0, 1.0],
    }
    arrays = [pa.array(columns[field.name], field.type) for field in SCHEMA]
    pq.write_table(pa.table(arrays, schema=SCHEMA), tmp_path / "trips.parquet")
    lookup = pa.table({"zone_id": pa.array([1], pa.int32()), "borough": ["B"], "zone": ["Z"]})
    pq.write_table(lookup, tmp_path / "zones.parquet")

    (found,) = ask_pandas([tmp_path / "trips.parquet"], tmp_path / "zones.parquet").to_dict(
        "records"
    )

    assert found == {
        "borough": "B",
        "zone": "Z",
        "year": 2023,
        "trips": 3,
        "revenue": 36.0,
        "per_hour": 24.0,
        "mean_fare": 12.0,
        "mean_tip": 3.0,
        "longest_km": 4.0,
        "night_trips": 2,
    }


def test_files_one_by_one_give_what_all_at_once_give(
    made: Dataset, answer: pd.DataFrame, tmp_path: Path
) -> None:
    whole = tmp_path / "whole.parquet"
    pq.write_table(pa.concat_tables(pq.ParquetFile(path).read() for path in made.files), whole)
    assert first_difference(ask_pandas([whole], made.zones), answer) is None
    assert len(answer) > 200


def test_order_of_rows_and_columns_is_no_difference(answer: pd.DataFrame) -> None:
    shuffled = answer.sample(frac=1, random_state=1)[answer.columns[::-1]]
    assert first_difference(answer, shuffled) is None


@pytest.mark.parametrize("kind", ["integer", "double", "null", "key", "row", "column"])
def test_a_difference_is_found_and_named(answer: pd.DataFrame, kind: str) -> None:
    found = answer.copy()
    row = found.index[len(found) // 2]
    if kind == "integer":
        found.loc[row, "trips"] += 1
        expected = "trips of borough"
    elif kind == "double":
        found.loc[row, "revenue"] *= 1 + 3 * RELATIVE_ERROR
        expected = "revenue of borough"
    elif kind == "null":
        found.loc[row, "per_hour"] = np.nan
        expected = "per_hour of borough"
    elif kind == "key":
        found.loc[row, "zone"] = "Nowhere"
        expected = "zone of borough"
    elif kind == "row":
        found = found.drop(index=row)
        expected = "rows: pandas has"
    else:
        found = found.drop(columns="trips")
        expected = "columns: pandas has"
    difference = first_difference(answer, found)
    assert difference is not None
    assert difference.startswith(expected)


def test_the_last_digits_of_a_sum_are_no_difference(answer: pd.DataFrame) -> None:
    found = answer.assign(revenue=answer["revenue"] * (1 + RELATIVE_ERROR / 10))
    assert first_difference(answer, found) is None

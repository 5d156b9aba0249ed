"""Parts of dates that are looked up by day are those that Arrow computes row by row."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from partita.engine.expr.evaluate import evaluate
from partita.engine.expr.node import Call, Column

RANDOM = np.random.default_rng(23)
PARTS: dict[str, Callable[[pa.Array], pa.Array]] = {
    "dt.year": pc.year,
    "dt.quarter": pc.quarter,
    "dt.month": pc.month,
    "dt.week": pc.iso_week,
    "dt.day": pc.day,
    "dt.ordinal_day": pc.day_of_year,
    "dt.weekday": lambda value: pc.day_of_week(value, count_from_zero=False, week_start=1),
}


def dates(first: int, last: int, rows: int, nulls: float) -> pa.Array:
    days = RANDOM.integers(first, last + 1, rows).astype(np.int32)
    return pa.array(days, pa.int32(), mask=RANDOM.random(rows) < nulls).cast(pa.date32())


@pytest.mark.parametrize("name", PARTS)
def test_parts_of_dates(name: str) -> None:
    given = [dates(-800, 900, 9000, nulls) for nulls in (0.0, 0.3, 1.0)]
    given += [dates(-(2**31), 2**31 - 1, 50, 0.1), dates(5, 5, 100, 0.1), dates(0, 0, 1, 0.0)]
    hidden = given[0].buffers()[1]
    bitmap = pa.array(RANDOM.random(9000) < 0.5).buffers()[1]
    given.append(pa.Array.from_buffers(pa.date32(), 9000, [bitmap, hidden]))
    for array in given:
        for part in (array, array.slice(3), array.slice(1, 7000), array.slice(0, 0)):
            batch = pa.record_batch([part], names=["d"])
            made = evaluate(Call(name, (Column("d"),)), batch)
            made.validate(full=True)
            assert made.equals(PARTS[name](part))

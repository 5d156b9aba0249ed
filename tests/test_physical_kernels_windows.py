"""The kernels of window functions against plain loops: many segments, large values, overflow."""

from __future__ import annotations

import decimal
import math
import statistics
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from partita.engine.errors import ComputeError
from partita.engine.expr.windows import WINDOWS, window_type
from partita.engine.physical.kernels.running import accumulated
from partita.engine.physical.kernels.segments import Segments, arranged, one_segment
from partita.engine.physical.kernels.windows import KERNELS
from partita.engine.physical.operators.window_piece import _COUNTS


def segments_of(lengths: Sequence[int]) -> Segments:
    return Segments(np.array([0, *np.cumsum(lengths)], np.int64))


def run(name: str, values: Any, lengths: Sequence[int], **options: Any) -> list[Any]:
    array = values if isinstance(values, pa.Array) else pa.array(values)
    given = {each.name: each.default for each in WINDOWS[name].parameters} | options
    dtype = window_type(name, [array.type], given)
    return KERNELS[name](segments_of(lengths), [array], given, dtype).to_pylist()


LENGTHS = {
    "one": [3000],
    "tiny": [1, 2, 3] * 500,
    "long and short": [700, 1, 128, 129, 127, 900, 2, 2],
}


@pytest.mark.parametrize("lengths", LENGTHS.values(), ids=LENGTHS)
@pytest.mark.parametrize("operation", [np.add, np.multiply, np.fmin, np.fmax])
def test_accumulated_is_what_a_loop_gives_to_the_bit(
    operation: np.ufunc, lengths: Sequence[int]
) -> None:
    values = np.random.default_rng(3).normal(size=sum(lengths))
    segments = segments_of(lengths)
    found = accumulated(operation, values, segments)
    for start, stop in zip(segments.starts[:-1], segments.starts[1:], strict=True):
        so_far = values[start]
        for row in range(start, stop):
            so_far = operation(so_far, values[row]) if row > start else so_far
            assert found[row] == so_far


ROLLING: dict[str, Callable[[list[float]], float]] = {
    "rolling_sum": math.fsum,
    "rolling_mean": lambda window: math.fsum(window) / len(window),
    "rolling_min": min,
    "rolling_max": max,
    "rolling_median": statistics.median,
    "rolling_var": lambda window: statistics.variance(window) if len(window) > 1 else None,
    "rolling_std": lambda window: statistics.stdev(window) if len(window) > 1 else None,
}


@pytest.mark.parametrize("size", [1, 2, 7, 64, 1000])
@pytest.mark.parametrize("name", ROLLING)
def test_windows_are_what_a_loop_gives(name: str, size: int) -> None:
    lengths = [300, 1, 17, 2]
    random = np.random.default_rng(size)
    plain = [None if random.random() < 0.2 else float(v) for v in random.normal(size=320)]
    found = run(name, plain, lengths, window_size=size, min_samples=1)
    for start, length in zip(np.cumsum([0, *lengths[:-1]]), lengths, strict=True):
        for row in range(start, start + length):
            window = [v for v in plain[max(start, row - size + 1) : row + 1] if v is not None]
            expected = ROLLING[name](window) if window else None
            assert (found[row] is None) == (expected is None)
            if expected is not None:
                assert math.isclose(found[row], expected, rel_tol=1e-12, abs_tol=1e-12)


def test_a_large_value_leaves_no_trace_behind_it() -> None:
    values = [0.1, 1e16, 0.2, 0.3, 0.4, 0.5]
    assert run("rolling_sum", values, [6], window_size=2)[3:] == [0.5, 0.7, 0.9]
    assert run("rolling_mean", values, [6], window_size=2)[3:] == [0.25, 0.35, 0.45]
    assert run("rolling_var", values, [6], window_size=2)[3:] == pytest.approx([0.005] * 3)
    assert run("cum_sum", [1e300, 0.1, 0.2, 0.3], [1, 3]) == [
        1e300,
        0.1,
        0.1 + 0.2,
        0.1 + 0.2 + 0.3,
    ]


def test_infinity_and_nan_stay_in_their_windows_and_segments() -> None:
    values = [math.inf, 1.0, 2.0, math.nan, 3.0, 4.0]
    assert run("rolling_sum", values, [6], window_size=2)[2] == 3.0
    assert run("rolling_sum", values, [6], window_size=2)[5] == 7.0
    assert run("rolling_median", values, [6], window_size=2)[5] == 3.5
    assert math.isnan(run("rolling_median", values, [6], window_size=2)[4])
    assert run("cum_sum", values, [1, 2, 1, 2]) == pytest.approx(
        [math.inf, 1, 3, math.nan, 3, 7], nan_ok=True
    )
    assert run("ewm_mean", values, [1, 2, 1, 2], alpha=0.5)[4:] == pytest.approx([3, 11 / 3])
    # As the aggregates do: NaN only where there is nothing else.
    assert run("cum_max", values[1:], [5]) == [1.0, 2.0, 2.0, 3.0, 4.0]
    assert run("rolling_min", values[1:], [5], window_size=2) == [None, 1.0, 2.0, 3.0, 3.0]


OVERFLOWS = {
    "sum": ("cum_sum", [2**62, 2**62], {}),
    "sum below": ("cum_sum", [-(2**62), -(2**62), -1], {}),
    "sum reversed": ("cum_sum", [1, 2**63 - 1], {"reverse": True}),
    "product": ("cum_prod", [2**40, 2**40], {}),
    "unsigned": ("cum_sum", pa.array([2**63, 2**63], pa.uint64()), {}),
    "window": ("rolling_sum", [2**62, 2**62], {"window_size": 2}),
    "digits": (
        "cum_sum",
        pa.array([decimal.Decimal(9 * 10**37), decimal.Decimal(9 * 10**37)], pa.decimal128(38, 0)),
        {},
    ),
}


@pytest.mark.parametrize("case", OVERFLOWS.values(), ids=OVERFLOWS)
def test_overflow_raises(case: tuple[str, Any, dict[str, Any]]) -> None:
    name, values, options = case
    with pytest.raises(ComputeError):
        run(name, values, [2] if len(values) == 2 else [3], **options)
    # The same values apart from each other are no trouble.
    assert len(run(name, values, [1] * len(values), **options)) == len(values)


def test_integers_and_decimals_are_exact() -> None:
    large = [2**62, -(2**62), 2**60 + 1, 1]
    assert run("cum_sum", large, [4]) == [2**62, 0, 2**60 + 1, 2**60 + 2]
    assert (
        run("rolling_sum", large, [4], window_size=3, min_samples=1)[3] == large[1] + large[2] + 1
    )
    unsigned = pa.array([2**63, 2**62, 5], pa.uint64())
    assert run("cum_sum", unsigned, [3]) == [2**63, 2**63 + 2**62, 2**63 + 2**62 + 5]
    assert run("rolling_mean", [2**62, 2**62, 2**62], [3], window_size=3)[2] == float(2**62)
    wide = [decimal.Decimal("12345678901234567890.12"), None, decimal.Decimal("-0.13")]
    found = run("cum_sum", pa.array(wide, pa.decimal128(30, 2)), [3])
    assert found == [wide[0], None, decimal.Decimal("12345678901234567889.99")]
    found = run("cum_min", pa.array(wide, pa.decimal128(30, 2)), [3])
    assert found == wide
    assert run("cum_prod", [3, None, 2**61 // 3], [3]) == [3, None, 3 * (2**61 // 3)]


def test_segments_hold_the_rows_of_a_key_in_order() -> None:
    rows = arranged([pa.array(["b", "a", None, "b", None])], [], (), 5)
    assert rows.segments.starts.tolist() == [0, 2, 3, 5]
    values = pa.array([1, 2, 3, 4, 5])
    assert rows.gathered(values).to_pylist() == [1, 4, 2, 3, 5]
    assert rows.scattered(rows.gathered(values)).to_pylist() == [1, 2, 3, 4, 5]
    assert one_segment(0).count == 0


def test_every_function_has_a_kernel_and_what_it_counts() -> None:
    assert set(KERNELS) == set(WINDOWS)
    defaults = {
        name: {each.name: each.default for each in entry.parameters}
        for name, entry in WINDOWS.items()
    }
    counting = {
        name
        for name, entry in WINDOWS.items()
        if not name.startswith("rolling") and entry.reach(defaults[name]).counts
    }
    assert counting == set(_COUNTS)

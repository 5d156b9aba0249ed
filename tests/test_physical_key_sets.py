"""Sets of keys, against the sets of Python: exact where they say so, and never a key missed."""

from __future__ import annotations

import math
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from partita.engine.physical.kernels import jit
from partita.engine.physical.kernels.key_set import key_set

pytestmark = pytest.mark.timeout(600)  # on a new machine all kernels are compiled first

KINDS: dict[str, tuple[list[Any], pa.DataType]] = {
    "int": (list(range(-5, 30)), pa.int64()),
    "int32": (list(range(100, 130)), pa.int32()),
    "small": (list(range(-5, 5)), pa.int8()),
    "unsigned": ([0, 1, 2**63, 2**64 - 1], pa.uint64()),
    "sparse": ([-(2**63), 2**63 - 1, 0, 17, 10**15], pa.int64()),
    "double": ([0.0, -0.0, math.nan, 1.5, -2.0, math.inf], pa.float64()),
    "text": (["", "a", "ab", "abcdefghijk", "ü"], pa.string()),
    "wide": ([Decimal(10**30), Decimal(-(10**30)), Decimal(2)], pa.decimal128(38, 0)),
    "bool": ([True, False], pa.bool_()),
    "date": ([0, 1, 400], pa.date32()),
    "nothing": ([None], pa.null()),
}


@pytest.fixture(params=["compiled", "not compiled"], autouse=True)
def compiled(request: pytest.FixtureRequest) -> Iterator[None]:
    before = jit.ready()
    if request.param == "compiled":
        assert jit.load()
    else:
        jit.unload()
    yield
    if before:
        jit.load()
    else:
        jit.unload()


def _column(random: np.random.Generator, name: str, rows: int, share: float) -> pa.Array:
    values, dtype = KINDS[name]
    values = values[: max(1, int(len(values) * share))]
    chosen = random.integers(0, len(values) + 1, rows + 3)
    array = pa.array([None if c == len(values) else values[c] for c in chosen], dtype)
    if random.random() < 0.3 and dtype != pa.null():
        array = array.dictionary_encode()
    # Cut out of a longer one: offsets are not zero.
    return array.slice(2, rows)


def _rows(columns: list[pa.Array]) -> list[tuple[Any, ...] | None]:
    values = [
        ["NaN" if isinstance(v, float) and math.isnan(v) else v for v in column.to_pylist()]
        for column in columns
    ]
    return [None if None in row else row for row in zip(*values, strict=True)]


@pytest.mark.parametrize("names", [*((k,) for k in KINDS), ("int", "int32"), ("double", "text")])
def test_a_set_holds_its_keys_and_if_exact_no_other(names: tuple[str, ...]) -> None:
    random = np.random.default_rng(3)
    for rows in (0, 1, 3, 60):
        built = [_column(random, name, rows, 0.6) for name in names]
        asked = [_column(random, name, 200, 1.0) for name in names]
        keys = key_set(built)
        there = set(_rows(built)) - {None}
        expected = np.array([row in there for row in _rows(asked)])
        found = keys.contains(asked)
        assert found.dtype == np.bool_
        assert not (expected & ~found).any()
        assert not found[[row is None for row in _rows(asked)]].any()
        if keys.exact:
            assert (found == expected).all()


def test_dense_integers_are_exact_and_tell_their_range() -> None:
    keys = key_set([pa.array([7, None, 9], pa.int32())])
    assert keys.exact
    assert keys.ranges == ((7, 9),)
    assert key_set([pa.array([], pa.int64())]).ranges == ((1, 0),)


def test_few_other_keys_pass_a_bloom_filter() -> None:
    random = np.random.default_rng(4)
    values = random.integers(0, 2**62, 20_000)
    keys = key_set([pa.array(values)])
    assert not keys.exact
    assert keys.contains([pa.array(values)]).all()
    others = np.setdiff1d(random.integers(0, 2**62, 20_000), values)
    assert keys.contains([pa.array(others)]).mean() < 0.02

"""Grouping, accumulating and hashing against plain Python over the same values."""

from __future__ import annotations

import decimal
import math
import subprocess
import sys
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pytest

from partita.engine.errors import ComputeError, TypeMismatch
from partita.engine.expr.aggregates import AGGREGATES
from partita.engine.physical.kernels import accumulate, jit
from partita.engine.physical.kernels.group import group_ids, key_values, rows_by_group
from partita.engine.physical.kernels.hash import hash_rows, hash_values
from partita.engine.physical.kernels.partition import partition
from partita.engine.physical.kernels.states import STATES
from partita.engine.schema import decoded

pytestmark = pytest.mark.timeout(600)  # on a new machine all kernels are compiled first

RNG = np.random.default_rng(7)
ROWS = 400


@pytest.fixture(autouse=True, params=["compiled", "not compiled"])
def kernels(request: pytest.FixtureRequest) -> Iterator[None]:
    """Run each test with compiled loops and with what stands for them."""
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


def with_nulls(values: list[Any], dtype: pa.DataType, rows: int = ROWS) -> pa.Array:
    """Return a random choice of `values` and nulls."""
    chosen = RNG.integers(0, len(values) + 1, rows)
    return pa.array([None if c == len(values) else values[c] for c in chosen], dtype)


def columns() -> dict[str, pa.Array]:
    """Return columns of every flat kind, with few distinct values."""
    text = with_nulls(["", "a", "ab", "longer than eight bytes", "ünï", "b" * 40], pa.string())
    made = {
        "int8": with_nulls([-3, 0, 5, 127, -128], pa.int8()),
        "sparse": with_nulls([-(2**63), 0, 2**63 - 1, 10**12], pa.int64()),
        "uint64": with_nulls([0, 1, 2**64 - 1, 2**63], pa.uint64()),
        "double": with_nulls([0.0, -0.0, math.nan, -math.nan, 1.5, -2.5, math.inf], pa.float64()),
        "float": with_nulls([0.0, -0.0, math.nan, 1.5], pa.float32()),
        "bool": with_nulls([True, False], pa.bool_()),
        "decimal": with_nulls([Decimal("1.10"), Decimal("-7.00")], pa.decimal128(12, 2)),
        "wide": with_nulls([Decimal(10**30), Decimal(-(10**30)), Decimal(1)], pa.decimal128(38, 0)),
        "date": with_nulls([0, 1, -5], pa.int32()).view(pa.date32()),
        "time": with_nulls([0, 1, -5], pa.int64()).view(pa.timestamp("ns", "UTC")),
        "text": text,
        "large": text.cast(pa.large_string()),
        "view": text.cast(pa.string_view()),
        "binary": text.cast(pa.binary()),
        "coded": text.dictionary_encode(),
        "nothing": pa.nulls(ROWS),
    }
    made["repeated"] = pa.DictionaryArray.from_arrays(
        with_nulls([0, 1, 2, 3], pa.int8()), pa.array(["x", None, "x", "y"])
    )
    made["numbers coded"] = with_nulls([3, 1, 2**40], pa.int64()).dictionary_encode()
    return made


def plain(array: pa.Array) -> list[Any]:
    """Return values that Python compares as keys are compared."""
    array = decoded(array)
    if pa.types.is_timestamp(array.type):
        array = array.view(pa.int64())
    return [
        "NaN" if isinstance(value, float) and math.isnan(value) else value
        for value in array.to_pylist()
    ]


def expected_ids(columns: list[pa.Array]) -> list[int]:
    known: dict[Any, int] = {}
    rows = zip(*(plain(column) for column in columns), strict=True)
    return [known.setdefault(row, len(known)) for row in rows]


@pytest.mark.parametrize("name", columns())
def test_a_column_of_any_kind_is_grouped_by_value(name: str) -> None:
    column = columns()[name]
    for array in (column, column.slice(17, 100), column.slice(3, 1), column.slice(0, 0)):
        groups = group_ids([array], len(array))
        expected = expected_ids([array])
        assert groups.ids.tolist() == expected
        assert groups.count == len(set(expected))
        assert groups.first_rows.tolist() == [expected.index(n) for n in range(groups.count)]


def test_any_two_columns_are_grouped_together() -> None:
    made = columns()
    for left in made.values():
        for right in made.values():
            assert group_ids([left, right], ROWS).ids.tolist() == expected_ids([left, right])


def test_many_columns_are_grouped_where_their_product_overflows() -> None:
    made = [*columns().values()] * 2
    assert group_ids(made, ROWS).ids.tolist() == expected_ids(made)


@pytest.mark.parametrize("name", ["text", "large", "binary", "double", "float", "large codes"])
def test_a_column_that_others_determine_is_told_from_one_that_they_do_not(name: str) -> None:
    made = columns()
    values = [None, "", "x"] + [f"{n} of five thousand" for n in range(5000)]
    made["large codes"] = pa.DictionaryArray.from_arrays(
        pa.array(RNG.integers(0, 5003, ROWS), pa.int32()), pa.array(values)
    )
    column = made[name].slice(7, 300)
    of = pa.array(RNG.integers(0, len(column), ROWS))
    determined = column.take(of)
    assert group_ids([of, determined], ROWS).ids.tolist() == expected_ids([of])
    for row in (0, 1, ROWS // 2, ROWS - 1):
        # One row is another than the others of its group, if it has a group.
        changed = pa.concat_arrays(
            [
                determined[:row],
                column.take(pa.array([(of[row].as_py() + 1) % 300])),
                determined[row + 1 :],
            ]
        )
        for arrays in ([of, changed], [changed, of, determined]):
            assert group_ids(arrays, ROWS).ids.tolist() == expected_ids(arrays)


def test_few_rows_of_a_large_dictionary_are_grouped_by_their_own_values() -> None:
    values = pa.array([str(n % 5000) for n in range(10_000)])
    array = pa.DictionaryArray.from_arrays(pa.array([7, 5007, None, 8, 7], pa.int32()), values)
    assert group_ids([array], 5).ids.tolist() == [0, 0, 1, 2, 0]


def test_only_where_it_need_not_be_exact_a_repeated_value_makes_two_groups() -> None:
    array = pa.DictionaryArray.from_arrays(
        pa.array([2, 0, None, 1, 2, 0], pa.int32()), pa.array(["a", "b", "a"])
    )
    assert group_ids([array], 6).ids.tolist() == [0, 0, 1, 2, 0, 0]
    assert group_ids([array], 6, exact=False).ids.tolist() == [0, 1, 2, 3, 0, 1]


def test_keys_of_groups_are_zero_without_sign_and_keep_only_their_own_dictionary() -> None:
    doubles = key_values(pa.array([-0.0, 1.0]), np.array([0, 1]))
    assert [math.copysign(1, value) for value in doubles.to_pylist()] == [1, 1]
    coded = pa.array(["a", None, "c", "d", "e"]).dictionary_encode()
    kept = key_values(coded, np.array([1, 3]))
    assert kept.to_pylist() == [None, "d"]
    assert len(kept.dictionary) == 1


@pytest.mark.parametrize("spread", [1, 3, 10**6, 10**12, 2**41])
def test_many_groups_are_numbered_by_appearance(spread: int) -> None:
    values = RNG.integers(-100_000, 100_000, 150_000) * spread
    groups = group_ids([pa.array(values)], len(values))
    _, first, ids = np.unique(values, return_index=True, return_inverse=True)
    order = np.argsort(first)
    assert groups.first_rows.tolist() == first[order].tolist()
    assert groups.ids.tolist() == np.argsort(order)[ids].tolist()


@pytest.mark.parametrize("count", [1, 2, 70, 20_000])
@pytest.mark.parametrize("different", [3, 30_000])
def test_distinct_values_of_small_and_large_groups(count: int, different: int) -> None:
    ids = np.concatenate([np.arange(count), RNG.integers(0, count, 30_000)])
    values = pa.array(RNG.integers(0, different, len(ids)), mask=RNG.random(len(ids)) < 0.1)
    expected: list[dict[Any, None]] = [{} for _ in range(count)]
    for group, value in zip(ids.tolist(), values.to_pylist(), strict=True):
        expected[group][value] = None
    found = accumulate.distinct_lists(ids, count, values)
    assert found.to_pylist() == [list(own) for own in expected]


def test_nested_keys_are_refused() -> None:
    with pytest.raises(TypeMismatch, match="list"):
        group_ids([pa.array([[1], [2]])], 2)
    with pytest.raises(TypeMismatch, match="struct"):
        hash_values(pa.array([{"a": 1}]))


def test_rows_by_group_keeps_the_order_within_a_group() -> None:
    groups = group_ids([pa.array([5, 3, 5, 5, 3])], 5)
    rows, starts = rows_by_group(groups)
    assert rows.tolist() == [0, 2, 3, 1, 4]
    assert starts.tolist() == [0, 3, 5]


# Sums


@pytest.mark.parametrize("top", [5, 2**40, 2**62, 2**63 - 1])
def test_integers_are_summed_exactly(top: int) -> None:
    values = RNG.integers(-top, top, 5000)
    ids = RNG.integers(0, 7, 5000)
    total = accumulate.sum_exact(ids, 8, pa.array(values))
    expected = [sum(int(v) for v in values[ids == group]) for group in range(8)]
    assert [int(v) for v in total.to_pylist()] == expected
    doubles = accumulate.exact_to_doubles(total)
    assert np.allclose(doubles, [float(v) for v in expected], rtol=1e-15, atol=0)


@pytest.mark.parametrize("digits", [9, 18, 25, 36])
def test_decimals_are_summed_exactly(digits: int) -> None:
    values = [
        None if number % 11 == 0 else Decimal(f"{int(sign) * (10**digits - 1 - number)}E-2")
        for number, sign in enumerate(RNG.choice([-1, 1], 500))
    ]
    ids = RNG.integers(0, 7, 500)
    total = accumulate.sum_exact(ids, 7, pa.array(values, pa.decimal128(digits, 2)))
    with decimal.localcontext(prec=60):
        expected = [
            sum(
                (v for v, i in zip(values, ids, strict=True) if v is not None and i == g),
                Decimal(0),
            )
            for g in range(7)
        ]
        assert total.to_pylist() == expected
    assert total.type == pa.decimal128(38, 2)


def test_a_sum_of_more_than_38_digits_is_an_error() -> None:
    nines = 10**38 - 1
    ids = np.zeros(3, np.int64)
    for sign in (1, -1):
        limit = pa.array([Decimal(nines * sign)] * 3, pa.decimal128(38, 0))
        with pytest.raises(ComputeError, match="38 digits"):
            accumulate.sum_exact(ids, 1, limit)
        one = accumulate.sum_exact(ids[:1], 1, limit[:1])
        assert one.to_pylist() == [Decimal(nines * sign)]
        more = pa.array([Decimal(nines * sign), Decimal(sign)], pa.decimal128(38, 0))
        with pytest.raises(ComputeError, match="38 digits"):
            accumulate.sum_exact(ids[:2], 1, more)
    back = pa.array([Decimal(n) for n in (nines, nines, -nines)], pa.decimal128(38, 0))
    assert accumulate.sum_exact(ids, 1, back).to_pylist() == [Decimal(nines)]


def test_a_sum_that_overflows_int64_is_an_error() -> None:
    total = accumulate.sum_exact(np.zeros(2, np.int64), 1, pa.array([2**63 - 1, 1]))
    with pytest.raises(ComputeError, match="9223372036854775808 does not fit into int64"):
        accumulate.exact_to_integers(total, pa.int64())
    assert accumulate.exact_to_integers(total, pa.uint64()).to_pylist() == [2**63]
    negative = accumulate.sum_exact(np.zeros(1, np.int64), 1, pa.array([-1]))
    with pytest.raises(ComputeError, match="uint64"):
        accumulate.exact_to_integers(negative, pa.uint64())


def test_floats_are_added_in_row_order() -> None:
    values = RNG.random(10_000) * 10.0 ** RNG.integers(-10, 10, 10_000)
    ids = RNG.integers(0, 2, 10_000)
    totals = [0.0, 0.0]
    for group, value in zip(ids.tolist(), values.tolist(), strict=True):
        totals[group] += value
    assert accumulate.sum_floats(ids, 2, values).tolist() == totals
    one = accumulate.sum_floats(np.zeros(10_000, np.int64), 1, values)
    assert one[0] == pytest.approx(math.fsum(values), rel=1e-15)


@pytest.mark.parametrize(
    "values",
    [[], [-0.0, -0.0], [math.inf, -math.inf], [math.inf, 1.0], [math.nan, 1.0], [1e308, 1e308]],
)
def test_one_group_is_added_like_one_of_two(values: list[float]) -> None:
    array = np.array(values, np.float64)
    ids = np.zeros(len(values), np.int64)
    one, two = (accumulate.sum_floats(ids, count, array) for count in (1, 2))
    # The sign of zero counts as well.
    assert [repr(one[0])] == [repr(two[0])]


@pytest.mark.parametrize("groups", [1, 2, 5])
def test_columns_are_added_together_as_each_by_itself(groups: int) -> None:
    ids = RNG.integers(0, groups, 1000)
    for number in range(10):
        columns = [RNG.normal(size=1000) * 10.0**n for n in range(number)]
        sums = accumulate.sum_columns(ids, groups, columns)
        each = [accumulate.sum_floats(ids, groups, column) for column in columns]
        assert [total.tobytes() for total in sums] == [total.tobytes() for total in each]


@pytest.mark.parametrize("top", [5, 2**40, 2**62, 2**63 - 1])
def test_integers_of_one_group_are_summed_exactly(top: int) -> None:
    limits = [-top - 1, -top - 1, -1, top]
    for values in (RNG.integers(-top, top, 5000), np.array(limits), np.array(limits[:2])):
        total = accumulate.sum_exact(np.zeros(len(values), np.int64), 1, pa.array(values))
        assert [int(v) for v in total.to_pylist()] == [sum(values.tolist())]
        for every in (2, 1):
            mask = np.arange(len(values)) % every == 0
            some = pa.array(values, mask=mask).slice(1)
            total = accumulate.sum_exact(np.zeros(len(some), np.int64), 1, some)
            assert [int(v) for v in total.to_pylist()] == [sum(values[1:][~mask[1:]].tolist())]
        narrow = values // (1 if top < 10**17 else 100)
        decimals = pa.array([Decimal(v) for v in narrow.tolist()], pa.decimal128(18, 0))
        total = accumulate.sum_exact(np.zeros(len(values), np.int64), 1, decimals)
        assert [int(v) for v in total.to_pylist()] == [sum(narrow.tolist())]


@pytest.mark.parametrize("name", sorted(columns()))
@pytest.mark.parametrize("largest", [False, True])
def test_extremes_of_one_group_are_those_of_one_of_two(name: str, largest: bool) -> None:
    whole = columns()[name]
    for column in (whole, whole.slice(3, 40), whole.slice(0, 1), whole.slice(0, 0)):
        ids = np.zeros(len(column), np.int64)
        one, two = (accumulate.extremes(ids, n, column, largest=largest) for n in (1, 2))
        assert plain(one) == plain(two)[:1]


@pytest.mark.parametrize("largest", [False, True])
def test_the_extreme_of_one_group_is_one_kind_of_nan_or_zero(largest: bool) -> None:
    for values in ([math.nan, -math.nan], [-math.nan], [math.nan, -0.0, 0.0], [-0.0]):
        ids = np.zeros(len(values), np.int64)
        one = accumulate.extremes(ids, 1, pa.array(values), largest=largest).to_numpy()
        expected = math.nan if all(math.isnan(value) for value in values) else 0.0
        assert one.tobytes() == np.array([expected]).tobytes()


def test_spreads_of_parts_merge_to_the_spread_of_all() -> None:
    values = RNG.normal(1e6, 1.0, 3000)
    ids = RNG.integers(0, 4, 3000)
    parts = [
        accumulate.spread(ids[start : start + 500], 4, pa.array(values[start : start + 500]))
        for start in range(0, 3000, 500)
    ]
    merged = accumulate.merge_spreads(
        np.tile(np.arange(4), 6), 4, *(np.concatenate(part) for part in zip(*parts, strict=True))
    )
    for group in range(4):
        own = values[ids == group]
        assert merged[0][group] == len(own)
        assert merged[1][group] == pytest.approx(own.mean(), rel=1e-12)
        assert merged[2][group] == pytest.approx(((own - own.mean()) ** 2).sum(), rel=1e-9)


@pytest.mark.filterwarnings("error")
def test_infinite_values_have_no_spread_and_give_no_warning() -> None:
    values = pa.array([1.0, math.inf, -math.inf, 1e300, -1e300])
    ids = np.array([0, 0, 1, 2, 2])
    parts = accumulate.spread(ids, 3, values)
    merged = accumulate.merge_spreads(np.arange(3), 3, *parts)
    assert np.isnan(merged[2]).tolist() == [True, True, False]


def test_distinct_lists_merge() -> None:
    made = accumulate.distinct_lists(
        np.array([1, 0, 1, 1, 0]), 3, pa.array([1.0, -0.0, math.nan, math.nan, 0.0])
    )
    assert [plain(each.values) for each in made] == [[0.0], [1.0, "NaN"], []]
    merged = accumulate.merge_lists(np.array([0, 0, 1]), 2, made)
    assert [plain(each.values) for each in merged] == [[0.0, 1.0, "NaN"], []]


def test_there_is_a_state_for_each_aggregate() -> None:
    assert set(STATES) == set(AGGREGATES)


# Hashes and partitions


def test_a_hash_depends_on_the_value_and_not_on_how_it_is_carried() -> None:
    texts = ["", "a", "abcdefgh", "abcdefghi", "x" * 100, None]
    text = pa.array(texts)
    wanted = hash_values(text).tolist()
    assert len(set(wanted)) == len(texts)
    sliced = pa.array(["z", *texts])[1:]
    for other in (text.dictionary_encode(), text.cast(pa.large_string()), sliced):
        assert hash_values(other).tolist() == wanted
    numbers = [0, 1, -7, 100, None]
    wanted = hash_values(pa.array(numbers, pa.int64())).tolist()
    for dtype in (pa.int8(), pa.int32(), pa.float32(), pa.float64()):
        assert hash_values(pa.array(numbers, dtype)).tolist() == wanted
    assert hash_values(pa.array([0, 1, 100], pa.uint16())).tolist() == [
        wanted[index] for index in (0, 1, 3)
    ]
    zero, minus, nan, other_nan = hash_values(pa.array([0.0, -0.0, math.nan, -math.nan])).tolist()
    assert zero == minus
    assert nan == other_nan
    narrow = pa.array([Decimal("1.50"), Decimal("-2.00")], pa.decimal128(10, 2))
    assert hash_values(narrow).tolist() == hash_values(narrow.cast(pa.decimal128(38, 2))).tolist()


def test_hashes_are_the_same_in_another_process() -> None:
    code = (
        "import pyarrow as pa\n"
        "from partita.engine.physical.kernels.hash import hash_rows\n"
        "print(hash_rows([pa.array(['a', None, 'bcd']), pa.array([1, 2, None])]).tolist())\n"
    )
    shown = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout
    here = hash_rows([pa.array(["a", None, "bcd"]), pa.array([1, 2, None])]).tolist()
    assert shown.strip() == str(here)


def test_a_hash_spreads_numbers_in_sequence_evenly() -> None:
    batch = pa.RecordBatch.from_pydict({"k": np.arange(10_000)})
    sizes = [part.num_rows for part in partition(batch, ["k"], 10)]
    assert sum(sizes) == 10_000
    assert max(sizes) - min(sizes) < 200


def test_partition_keeps_rows_order_and_brings_equal_keys_together() -> None:
    made = columns()
    frame = {"k": made["coded"], "n": made["double"], "row": pa.array(range(ROWS))}
    batch = pa.RecordBatch.from_pydict(frame)
    parts = partition(batch, ["k", "n"], 5)
    assert len(parts) == 5
    rows = [part.column("row").to_pylist() for part in parts]
    assert all(own == sorted(own) for own in rows)
    assert sorted(row for own in rows for row in own) == list(range(ROWS))
    ids = expected_ids([made["coded"], made["double"]])
    places = [{ids[row] for row in own} for own in rows]
    assert sum(len(place) for place in places) == len(set(ids))
    assert [part.num_rows for part in partition(batch.slice(0, 0), ["k"], 3)] == [0, 0, 0]


def test_states_give_what_polars_gives() -> None:
    """One test per entry of STATES, over its own kind of values."""
    ids = np.concatenate([np.arange(4), RNG.integers(0, 4, ROWS - 4)])
    of = {
        "any": "bool",
        "all": "bool",
        "n_unique": "coded",
        "min": "text",
        "max": "date",
        "first": "text",
        "last": "text",
        "bitwise_and": "bool",
    }
    # What takes several columns, settings, or gives what has its own order there.
    apart = {"min_by", "max_by", "cov", "corr", "quantile", "approx_quantile", "mode", "unique"}
    apart |= {"top_k", "bottom_k"}
    made = columns()
    groups = group_ids([pa.array(ids)], ROWS)
    for name, state in STATES.items():
        if name in apart:
            continue
        array = made[of.get(name, "int8")]
        parts = state.start(groups, array)
        assert [part.type for part in parts] == list(state.types(decoded(array).type))
        merged = state.merge(group_ids([pa.array(np.arange(4))], 4), parts)
        dtype = AGGREGATES[name].dtype(decoded(array).type)
        result = decoded(state.finish(merged, dtype, {}))
        assert result.type == dtype
        # Polars starts grouped any and all of an empty selection as we do.
        frame = pl.DataFrame({"k": ids, "v": pl.from_arrow(decoded(array))})
        expr = pl.len() if name == "len" else getattr(pl.col("v"), name)()
        expected = frame.group_by("k", maintain_order=True).agg(expr.alias("v"))["v"].to_list()
        exact = pa.types.is_nested(dtype)
        assert result.to_pylist() == (expected if exact else pytest.approx(expected)), name

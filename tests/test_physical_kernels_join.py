"""Finding matching rows, against a nested loop over the same values."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from partita.engine.physical.kernels import jit, texts
from partita.engine.physical.kernels.concat import concat, concat_arrays, take, take_or_null
from partita.engine.physical.kernels.join import build_index, find_keys, match_counts, matches
from partita.engine.physical.kernels.key_columns import NO_NULLS, KeyColumn
from partita.engine.physical.kernels.lookup import Lookup, find, make_lookup
from partita.engine.physical.kernels.packed_texts import packed_texts
from partita.engine.schema import decoded

pytestmark = pytest.mark.timeout(600)  # on a new machine all kernels are compiled first


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


RNG = np.random.default_rng(5)
KINDS: dict[str, tuple[list[Any], pa.DataType]] = {
    "int": (list(range(-5, 30)), pa.int64()),
    "sparse": ([-(2**63), 2**63 - 1, 0, 17, 10**15], pa.int64()),
    "double": ([0.0, -0.0, math.nan, 1.5, -2.0, math.inf], pa.float64()),
    "text": (["", "a", "ab", "abcdefghijk", "ü"], pa.string()),
    # Of one length are those that are built, and not all that are looked up.
    "name": (["m001", "m102", "m010", "n211", "m002", "m113", "m0", "m0012", "q001"], pa.string()),
    "wide": ([Decimal(10**30), Decimal(-(10**30)), Decimal(2)], pa.decimal128(38, 0)),
    "bool": ([True, False], pa.bool_()),
    "date": ([0, 1, 400], pa.date32()),
}


def random_keys(names: tuple[str, ...], rows: int, share: float) -> list[pa.Array]:
    """Return columns of the kinds named; a `share` of each one's values is drawn from."""
    made = []
    for name in names:
        values, dtype = KINDS[name.removeprefix("coded ")]
        values = values[: max(1, int(len(values) * share))]
        chosen = RNG.integers(0, len(values) + 1, rows)
        array = pa.array([None if c == len(values) else values[c] for c in chosen], dtype)
        made.append(array.dictionary_encode() if name.startswith("coded") else array)
    return made


def plain_rows(columns: list[pa.Array]) -> list[tuple[Any, ...] | None]:
    """Return the keys of rows, None where one is null."""
    values = [
        ["NaN" if isinstance(v, float) and math.isnan(v) else v for v in decoded(c).to_pylist()]
        for c in columns
    ]
    return [None if None in row else row for row in zip(*values, strict=True)]


NAMES = [*KINDS, "coded text", "coded name"]
CODED = {name: f"coded {name}" for name in ("text", "name")}
OTHERS = CODED | {coded: name for name, coded in CODED.items()}


@pytest.mark.parametrize(
    "names", [(name,) for name in NAMES] + list(itertools.combinations(NAMES, 2))
)
def test_matches_are_those_of_a_nested_loop(names: tuple[str, ...]) -> None:
    other = tuple(OTHERS.get(name, name) for name in names)
    for build_rows in (0, 3, 60):
        build = random_keys(names, build_rows, 0.7)
        probe = random_keys(other, 80, 1.0)
        index = build_index(build)
        groups = find_keys(index, probe)
        left, right = plain_rows(probe), plain_rows(build)
        for keep in (False, True):
            expected = []
            for row, key in enumerate(left):
                found = [] if key is None else [r for r, k in enumerate(right) if k == key]
                expected += [(row, r) for r in found] or ([(row, -1)] if keep else [])
            for most in (7, 10_000):
                given = []
                for part in matches(index, groups, keep_unmatched=keep, most=most):
                    probes = np.arange(80) if part.probe is None else part.probe
                    assert 0 < len(part.build) <= most
                    given += list(zip(probes.tolist(), part.build.tolist(), strict=True))
                assert given == expected
        counts = [sum(k == key for k in right) if key is not None else 0 for key in left]
        assert match_counts(index, groups).tolist() == counts


def test_many_keys_whose_product_overflows() -> None:
    names = ("sparse", "double", "sparse", "wide", "text", "int")
    build, probe = random_keys(names, 50, 1.0), random_keys(names, 50, 1.0)
    probe = [concat_arrays([p, b]) for p, b in zip(probe, build, strict=True)]
    groups = find_keys(build_index(build), probe)
    right = plain_rows(build)
    expected = [key is not None and key in right for key in plain_rows(probe)]
    assert (groups.keys >= 0).tolist() == expected
    assert any(expected)


def found_in(lookup: Lookup, keys: np.ndarray) -> list[int]:
    found, count = find(lookup, KeyColumn(values=keys, valid=NO_NULLS))
    assert count == (found >= 0).sum()
    return list(found.tolist())


@pytest.mark.parametrize("spread", [1, 100, 2**50])
def test_every_key_of_a_lookup_is_found_and_no_other(spread: int) -> None:
    keys = np.unique(RNG.integers(-5000, 5000, 3000)) * spread
    lookup = make_lookup(KeyColumn(values=keys, valid=NO_NULLS))
    assert lookup.kind == {1: "direct", 100: "ranked", 2**50: "hashed"}[spread]
    assert lookup.repeats == 0
    assert found_in(lookup, keys) == list(range(len(keys)))
    others = np.setdiff1d(RNG.integers(-(2**62), 2**62, 3000), keys)
    assert set(found_in(lookup, others)) == {-1}
    empty = make_lookup(KeyColumn(values=keys[:0], valid=NO_NULLS))
    assert set(found_in(empty, others)) == {-1}


@pytest.mark.parametrize("spread", [1, 10_000, 2**50])
def test_a_lookup_finds_the_first_row_of_a_key_and_no_null(spread: int) -> None:
    keys = RNG.integers(-50, 50, 3000) * spread
    valid = RNG.integers(0, 2, 3000).astype(np.uint8)
    lookup = make_lookup(KeyColumn(values=keys, valid=valid))
    first: dict[int, int] = {}
    for row in np.flatnonzero(valid).tolist():
        first.setdefault(int(keys[row]), row)
    assert found_in(lookup, keys) == [first.get(key, -1) for key in keys.tolist()]
    assert lookup.repeats == valid.sum() - len(first)
    found, count = find(lookup, KeyColumn(values=keys, valid=valid))
    assert (found[valid == 0] == -1).all()
    assert count == valid.sum()


def test_keys_that_lie_apart_by_powers_of_two_do_not_crowd() -> None:
    keys = np.arange(50_000) << 40
    lookup = make_lookup(KeyColumn(values=keys, valid=NO_NULLS))
    assert found_in(lookup, keys) == list(range(50_000))


def test_texts_whose_hashes_are_equal_are_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    honest = texts.hash_text

    def poor(array: pa.Array, seed: int = 0) -> np.ndarray:
        # Until the third seed many texts share a hash.
        return honest(array, seed) if seed == 2 else honest(array, seed) & np.uint64(3)

    monkeypatch.setattr(texts, "hash_text", poor)
    table, places = texts.numbered_texts(pa.array(["a", "b", None, "a", "c", "d", "e", "f"]))
    assert table.seed == 2
    assert places.tolist() == [0, 1, -1, 0, 4, 5, 6, 7]


def test_a_text_with_the_hash_of_another_is_not_it(monkeypatch: pytest.MonkeyPatch) -> None:
    table, _ = texts.numbered_texts(pa.array(["same", "length", "other"]))
    hashes = texts.hash_text(table.values)
    monkeypatch.setattr(texts, "hash_text", lambda array, seed=0: hashes[: len(array)])
    asked = pa.array(["sama", "length", "others"])
    assert texts.find_texts(table, asked).tolist() == [-1, 1, -1]


@pytest.mark.parametrize("length", [1, 9, 32])
@pytest.mark.parametrize("dtype", [pa.string(), pa.large_binary()])
def test_texts_of_one_length_are_numbers(length: int, dtype: pa.DataType) -> None:
    free = RNG.choice(length, min(length, 6), replace=False)

    def drawn(rows: int) -> pa.Array:
        letters = np.full((rows, length), ord("x"), np.uint8)
        letters[:, free] = RNG.integers(ord("0"), ord("9") + 1, (rows, len(free)))
        names = [bytes(row).decode() if RNG.integers(0, 9) else None for row in letters]
        return pa.array([None, *names], pa.string())[1:].cast(dtype)

    built = drawn(300)
    asked = pa.concat_arrays([drawn(300), built, pa.array(["", "y" * length, "x" * 40], dtype)])
    packing = packed_texts(built)
    assert packing is not None
    known = dict(zip(reversed(built.to_pylist()), range(299, -1, -1), strict=True))
    expected = [-1 if text is None else known.get(text, -1) for text in asked.to_pylist()]
    for key in (built, built.dictionary_encode()):
        index = build_index([key])
        for probe in (asked, asked.dictionary_encode()):
            found = find_keys(index, [probe.slice(2)])
            assert found.keys.tolist() == expected[2:]
            assert found.count == sum(row >= 0 for row in expected[2:])


@pytest.mark.parametrize("dtype", [pa.string_view(), pa.binary_view()])
@pytest.mark.parametrize("values", [["ab", None, "cd"], ["a", None, "bcd"], [None]])
def test_texts_of_views_may_be_null(dtype: pa.DataType, values: list[str | None]) -> None:
    index = build_index([pa.array(values, pa.string()).cast(dtype)])
    found = find_keys(index, [pa.array(["cd", None, "ab", "x"], dtype)])
    known = {text: row for row, text in enumerate(values) if text is not None}
    assert found.keys.tolist() == [known.get(text, -1) for text in ["cd", None, "ab", "x"]]


def test_other_texts_are_no_numbers() -> None:
    digits = [f"{number:020d}" for number in RNG.integers(0, 2**63 - 1, 200)]
    for values in (["a", "bc"], ["", ""], [], [None], ["x" * 33] * 2, digits, ["ab", "", "abcd"]):
        assert packed_texts(pa.array(values, pa.string())) is None
    assert packed_texts(pa.array([digit[-9:] for digit in digits])) is not None


def test_dictionaries_that_differ_are_put_together_by_value() -> None:
    one = pa.DictionaryArray.from_arrays(pa.array([0, 1, None], pa.int8()), pa.array(["a", "b"]))
    two = pa.DictionaryArray.from_arrays(
        pa.array([2, 1, 0], pa.int32()), pa.array(["b", None, "c"])
    )
    joined = concat_arrays([one, two, one])
    assert joined.to_pylist() == ["a", "b", None, "c", None, "b", "a", "b", None]
    assert joined.dictionary.to_pylist() == ["a", "b", "c"]
    mixed = concat_arrays([one, pa.array(["x"])])
    assert mixed.type == pa.string()
    assert mixed.to_pylist() == ["a", "b", None, "x"]


def test_batches_without_columns_keep_their_rows() -> None:
    batch = pa.RecordBatch.from_pydict({"x": [1, 2]}).select([])
    assert concat([batch, batch]).num_rows == 4
    assert take(concat([batch, batch]), np.array([0, 1, 2]), batch.schema).num_rows == 3


def test_a_row_taken_by_no_position_is_null_also_out_of_nothing() -> None:
    batch = pa.RecordBatch.from_pydict(
        {"x": pa.array([], pa.int64()), "t": pa.array([], pa.string()).dictionary_encode()}
    )
    taken = take(batch, pa.array([None, None], pa.int64()), batch.schema)
    assert taken.to_pydict() == {"x": [None, None], "t": [None, None]}


TYPES: dict[str, pa.Array] = {
    "int": pa.array([5, 6, 7]),
    "int with null": pa.array([5, None, 7], pa.int16()),
    "bool": pa.array([True, False, True]),
    "double": pa.array([-0.0, math.nan, 1.0]),
    "date": pa.array([1, 2, 3], pa.int32()).view(pa.date32()),
    "decimal": pa.array([Decimal(1), Decimal(2), Decimal(3)], pa.decimal128(20, 2)),
    "narrow decimal": pa.array([Decimal(1), Decimal(2), Decimal(3)], pa.decimal64(9, 2)),
    "text": pa.array(["a", None, "ccc"]),
    "coded": pa.array(["a", None, "a"]).dictionary_encode(),
    "coded null": pa.DictionaryArray.from_arrays(pa.array([0, 1, 0]), pa.array(["a", None])),
    "list": pa.array([[1], None, [2, 3]]),
    "fixed": pa.array([b"ab", b"cd", b"ef"], pa.binary(2)),
    "null": pa.nulls(3),
    "struct": pa.array([{"a": 1}, None, {"a": 3}]),
}


@pytest.mark.parametrize("name", TYPES)
def test_no_row_is_taken_as_null_and_others_as_they_are(name: str) -> None:
    for column in (TYPES[name], TYPES[name].slice(1), TYPES[name].slice(3)):
        batch = pa.RecordBatch.from_arrays([column], names=["c"])
        for rows in ([], [-1, -1], [*range(len(column)), -1, 0 if len(column) else -1]):
            numbers = np.array(rows, np.int32)
            taken = take_or_null(batch, numbers, batch.schema)
            taken.validate(full=True)
            places = pa.array(numbers, mask=numbers < 0)
            expected = take(batch, places, batch.schema)
            assert taken.schema.equals(expected.schema)
            assert str(taken.to_pydict()) == str(expected.to_pydict())
            assert taken.num_rows == len(rows)

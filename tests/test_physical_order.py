"""Order by rounds of machine words, against plain Python comparison; compiled and not."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pytest

from partita.engine.expr.node import Column, SortKey
from partita.engine.physical.kernels import jit, order
from partita.engine.physical.kernels.order import Numbers
from partita.engine.physical.kernels.sort import keys_at, order_key, sort_positions

pytestmark = pytest.mark.timeout(600)  # on a new machine all kernels are compiled first

RNG = np.random.default_rng(31)


@pytest.fixture(params=["compiled", "numpy"], autouse=True)
def kernels(request: pytest.FixtureRequest) -> Iterator[None]:
    before = jit.ready()
    if request.param == "compiled":
        assert jit.load()
    else:
        jit.unload()
    yield
    (jit.load if before else jit.unload)()


def words(count: int, letters: str, longest: int, head: str = "") -> list[str | None]:
    """Return texts of which many are equal or begin alike, and some nulls."""
    made: list[str | None] = []
    for _ in range(count):
        length = int(RNG.integers(0, longest + 1))
        made.append(head + "".join(RNG.choice(list(letters), length)))
    chosen = RNG.integers(0, count + count // 10, 4 * count)
    return [None if place >= count else made[place] for place in chosen.tolist()]


TEXTS = {
    "short": words(40, "ab", 3),
    "digits": words(120, "0123456789", 9, "customer#000"),
    "long": words(60, "a\x00b", 60, "a beginning that is longer than one word has places for "),
    "very long": words(30, "ab", 3, "b" * 5000) + words(30, "ab", 400, "a" * 900) + ["a" * 900] * 3,
    "any": words(120, "aZ09 ü𝄞\x00\x7f", 30),
    "same": ["the same everywhere, and longer than a word"] * 50,
    "empty": ["", "", None, ""],
    "nulls": [None] * 5,
}


@pytest.mark.parametrize("name", TEXTS)
@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("nulls_last", [False, True])
def test_text_of_any_length(name: str, descending: bool, nulls_last: bool) -> None:
    by = [SortKey(Column("x"), descending, nulls_last)]
    rows = len(TEXTS[name])
    for start, length in ((0, rows), (1, rows - 2)):
        values = TEXTS[name][start : start + length]
        # UTF-8 bytes and code points have the same order.
        expected = sorted(range(length), key=lambda row: order_key((values[row],), by))
        for dtype in (pa.string(), pa.large_string(), pa.string_view()):
            # A slice, whose offsets do not begin at 0.
            given = pa.array(TEXTS[name], dtype).slice(start, length)
            assert sort_positions([given], by).tolist() == expected
            assert sort_positions([given], by, limit=1).tolist() == expected[:1]
            if dtype != pa.string_view():
                assert sort_positions([given.dictionary_encode()], by).tolist() == expected


@pytest.mark.parametrize("sizes", [(3, 2), (2**63, 5), (7, 2**64), (2**40, 2**40, 2**40), (1, 1)])
@pytest.mark.parametrize("distinct", [2, 50, 5000])
def test_digits_that_need_several_rounds(sizes: tuple[int, ...], distinct: int) -> None:
    rows = 5000
    columns = []
    for size in sizes:
        # Few high bits, or few low ones: so that equal beginnings are many.
        values = RNG.integers(0, size, distinct, dtype=np.uint64, endpoint=False)
        if distinct == 50:
            values = np.uint64(size - 1) - values % np.uint64(min(size, 13))
        columns.append(RNG.choice(values, rows))
    keys = [Numbers(values=column, size=size) for column, size in zip(columns, sizes, strict=True)]
    expected = np.lexsort(columns[::-1])
    assert order.positions(keys, rows).tolist() == expected.tolist()
    for limit in (1, 100, 2499, 4000):
        found = order.positions(keys, rows, limit)
        assert found[:limit].tolist() == expected[:limit].tolist()


def test_text_behind_numbers_and_before() -> None:
    rows = 3000
    texts = [f"name {value:04d} and what follows it" for value in RNG.integers(0, 300, rows)]
    batch = pa.RecordBatch.from_pydict(
        {"n": RNG.integers(0, 9, rows), "s": texts, "d": RNG.standard_normal(rows).round(1)}
    )
    for names in (["n", "s", "d"], ["s", "d"], ["d", "s", "n"]):
        by = [SortKey(Column(name), number % 2 == 1) for number, name in enumerate(names)]
        keys = keys_at(batch, by, range(rows))
        expected = sorted(range(rows), key=lambda row: order_key(keys[row], by))
        assert sort_positions([batch[name] for name in names], by).tolist() == expected

"""Text looked for in all rows at once is found where Arrow finds it row by row."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from partita.engine.expr.searching import LEAST_ROWS, matches, required_texts, rows_with

RANDOM = np.random.default_rng(11)
WORDS = [
    "special",
    "requests",
    "spec",
    "ial",
    "sp",
    "ecial",
    "aaaa",
    "äöü",
    "日本語",
    "\n",
    "",
    " ",
    "s",
]


def texts(rows: int, dtype: pa.DataType, nulls: float = 0.1) -> pa.Array:
    """Return rows made of few words, so that matches begin in one row and end in the next."""
    made = ["".join(RANDOM.choice(WORDS, RANDOM.integers(0, 6))) for _ in range(rows)]
    array = pa.array(made, dtype)
    gone = RANDOM.random(rows) < nulls
    if not gone.any():
        return array
    # Null rows keep their bytes, which must not be found.
    bitmap = pa.array(~gone).buffers()[1]
    return pa.Array.from_buffers(dtype, rows, [bitmap, *array.buffers()[1:]])


def arrays() -> list[pa.Array]:
    whole = texts(3000, pa.string())
    return [
        *(whole, whole.slice(1), whole.slice(2, 1500), whole.slice(1003, 301), whole.slice(0, 300)),
        texts(1000, pa.large_string()).slice(7),
        texts(1000, pa.string(), nulls=0),
        pa.array([""] * 400),
        pa.array(["special"] * 400),
        pa.nulls(400, pa.string()),
        pa.array(["special", None]),
        pa.array([], pa.string()),
    ]


ARRAYS = arrays()
NEEDLES = (
    "special",
    "requests",
    "aaa",
    "aa",
    "s",
    "",
    "äöü",
    "ö",
    "語spec",
    "specialspecial",
    "ial",
    "x",
)


@pytest.mark.parametrize("text", NEEDLES)
def test_plain_text(text: str) -> None:
    for array in ARRAYS:
        expected = pc.match_substring(array, text)
        assert matches(array, text, literal=True).equals(expected)
        found = rows_with(array, text)
        if found is not None:
            assert found.tolist() == [bool(each) for each in expected.to_pylist()]
    assert (rows_with(ARRAYS[0], text) is None) == (len(text.encode()) < 3)


@pytest.mark.parametrize(
    "pattern",
    [
        *("special.*requests", "^special.*ial$", "special", "sp.cial", "special.+requests.*aaaa"),
        *(
            "aaaa.*?special",
            "äöü.*日本語",
            ".*",
            "",
            "spec|ial",
            "sp+",
            "(special)",
            "special[a-z]",
        ),
        *("x.*special", "(?i)SPECIAL", r"special\s", "special$", "^spec", "a.{3}"),
    ],
)
def test_regular_expressions(pattern: str) -> None:
    for array in ARRAYS:
        expected = pc.match_substring_regex(array, pattern)
        assert matches(array, pattern, literal=False).equals(expected)


def test_every_place_in_a_buffer() -> None:
    for needle in ("abc", "abcdefg", "abcdefghijk"):
        for before in range(9):
            rows = ["-" * before, needle, "+" * before, needle[1:], needle[:-1], f"x{needle}"]
            array = pa.array(rows * LEAST_ROWS)
            for part in (array, array.slice(before), array.slice(0, len(array) - before)):
                assert matches(part, needle, literal=True).equals(pc.match_substring(part, needle))


def test_a_pattern_that_is_not_understood_requires_nothing() -> None:
    for pattern in ("a|b", "ab?", "ab*", "[ab]", r"a\d", "a{2}", "(ab)", "a^b", "a$b", "?i"):
        assert required_texts(pattern) == ()
    assert required_texts("Customer.*Complaints") == ("Complaints", "Customer")
    assert required_texts("^a b.+?c,d.e$") == ("a b", "c,d", "e")

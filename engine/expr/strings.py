"""The functions under ``.str``: on text, by characters (code points) unless the name says bytes."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, time
from decimal import Decimal

import pyarrow as pa
import pyarrow.compute as pc

from ..errors import InvalidExpression
from .casting import cast
from .function import ANY, Example, Function, Parameter, Value, text_function
from .parsing import to_date, to_datetime, to_decimal, to_integer, to_time

_STRICT = Parameter(name="strict", default=True, types=(bool,), keyword_only=True)


def _slice(value: Value, offset: int, length: int | None) -> Value:
    if length is None:
        return pc.utf8_slice_codeunits(value, offset, None)
    if length < 0:
        raise InvalidExpression(f"A slice has a length of at least 0, but this is {length}.")
    if offset >= 0:
        return pc.utf8_slice_codeunits(value, offset, offset + length)
    # From the end: -3 with a length of 2 stops one before the end, which has no number of its own.
    stop = offset + length
    tail = pc.utf8_slice_codeunits(value, offset, None if stop >= 0 else stop)
    if stop < 0:
        return tail
    return pc.utf8_slice_codeunits(tail, 0, length)


def _head(value: Value, n: int) -> Value:
    return pc.utf8_slice_codeunits(value, 0, n)


def _tail(value: Value, n: int) -> Value:
    if n == 0:
        return pc.utf8_slice_codeunits(value, 0, 0)
    return pc.utf8_slice_codeunits(value, -n, None)


def _zfill(value: Value, length: int) -> Value:
    signed = pc.match_substring_regex(value, "^[+-]")
    sign = pc.if_else(signed, pc.utf8_slice_codeunits(value, 0, 1), pa.scalar("", value.type))
    digits = pc.if_else(signed, pc.utf8_slice_codeunits(value, 1, None), value)
    filled = pc.if_else(
        signed,
        pc.utf8_lpad(digits, max(length - 1, 0), "0"),
        pc.utf8_lpad(digits, length, "0"),
    )
    return pc.binary_join_element_wise(sign, filled, pa.scalar("", value.type))


def _pad(kernel: Callable[..., Value]) -> Callable[..., Value]:
    def padded(value: Value, length: int, fill_char: str) -> Value:
        if len(fill_char) != 1:
            raise InvalidExpression(f"fill_char is one character, but this is {fill_char!r}.")
        return kernel(value, length, fill_char)

    return padded


def _stripped(blank: Callable[..., Value], listed: Callable[..., Value]) -> Callable[..., Value]:
    def stripped(value: Value, characters: str | None) -> Value:
        return blank(value) if characters is None else listed(value, characters)

    return stripped


def concat_str(*values: Value, separator: str, ignore_nulls: bool) -> Value:
    """Return values as text, one after the other."""
    large = any(pa.types.is_large_string(value.type) for value in values)
    dtype = pa.large_string() if large else pa.string()
    texts = [cast(value, dtype) for value in values]
    joint = pa.scalar(separator, dtype)
    if not ignore_nulls:
        return pc.binary_join_element_wise(*texts, joint)
    # Arrow leaves out rows in which everything is skipped: begin with an empty text, and take
    # away the separator behind it.
    empty = pa.scalar("", dtype)
    joined = pc.binary_join_element_wise(empty, *texts, joint, null_handling="skip")
    return pc.utf8_slice_codeunits(joined, len(separator), None) if separator else joined


_CHARACTERS = Parameter(name="characters", default=None, types=(str,))
_LENGTH = Parameter(name="length", types=(int,))
_FILL = Parameter(name="fill_char", default=" ", types=(str,))

STRINGS = (
    text_function(
        "len_chars",
        lambda value: pc.utf8_length(value).cast(pa.int64()),
        "Return the number of characters.",
        ["aé", "", None],
        "",
        [2, 0, None],
        also=("len",),
    ),
    text_function(
        "len_bytes",
        lambda value: pc.binary_length(value).cast(pa.int64()),
        "Return the number of bytes in UTF-8.",
        ["aé", "", None],
        "",
        [3, 0, None],
    ),
    text_function(
        "to_lowercase",
        pc.utf8_lower,
        "Return the text in lower case.",
        ["Ab", None],
        "",
        ["ab", None],
        also=("lower",),
    ),
    text_function(
        "to_uppercase",
        pc.utf8_upper,
        "Return the text in upper case.",
        ["Ab", None],
        "",
        ["AB", None],
        also=("upper",),
    ),
    text_function(
        "to_titlecase",
        pc.utf8_title,
        "Return the text with each word capitalised.",
        ["new york", None],
        "",
        ["New York", None],
        also=("title",),
    ),
    text_function(
        "reverse",
        pc.utf8_reverse,
        "Return the characters in reverse.",
        ["abc", None],
        "",
        ["cba", None],
    ),
    text_function(
        "strip_chars",
        _stripped(pc.utf8_trim_whitespace, pc.utf8_trim),
        "Return the text without white space, or any of `characters`, at both ends.",
        [" a ", None],
        "",
        ["a", None],
        _CHARACTERS,
        also=("strip",),
    ),
    text_function(
        "strip_chars_start",
        _stripped(pc.utf8_ltrim_whitespace, pc.utf8_ltrim),
        "Return the text without white space, or any of `characters`, at its start.",
        ["xxax", None],
        "'x'",
        ["ax", None],
        _CHARACTERS,
        also=("lstrip",),
    ),
    text_function(
        "strip_chars_end",
        _stripped(pc.utf8_rtrim_whitespace, pc.utf8_rtrim),
        "Return the text without white space, or any of `characters`, at its end.",
        ["xaxx", None],
        "'x'",
        ["xa", None],
        _CHARACTERS,
        also=("rstrip",),
    ),
    text_function(
        "slice",
        _slice,
        "Return `length` characters (None: all) from `offset` on; a negative one is from the end.",
        ["abcdef", "a", None],
        "1, 2",
        ["bc", "", None],
        Parameter(name="offset", types=(int,)),
        Parameter(name="length", default=None, types=(int,)),
    ),
    text_function(
        "head",
        _head,
        "Return the first `n` characters; a negative `n` leaves that many off at the end.",
        ["abcdef", "a", None],
        "2",
        ["ab", "a", None],
        Parameter(name="n", types=(int,)),
    ),
    text_function(
        "tail",
        _tail,
        "Return the last `n` characters; a negative `n` leaves that many off at the start.",
        ["abcdef", "a", None],
        "2",
        ["ef", "a", None],
        Parameter(name="n", types=(int,)),
    ),
    text_function(
        "zfill",
        _zfill,
        "Return the text filled up to `length` with zeros, behind a sign if there is one.",
        ["7", "-7", None],
        "3",
        ["007", "-07", None],
        _LENGTH,
    ),
    text_function(
        "pad_start",
        _pad(pc.utf8_lpad),
        "Return the text filled up to `length` at its start.",
        ["ab", None],
        "4, '.'",
        ["..ab", None],
        _LENGTH,
        _FILL,
        also=("rjust",),
    ),
    text_function(
        "pad_end",
        _pad(pc.utf8_rpad),
        "Return the text filled up to `length` at its end.",
        ["ab", None],
        "4, '.'",
        ["ab..", None],
        _LENGTH,
        _FILL,
        also=("ljust",),
    ),
    text_function(
        "to_integer",
        to_integer,
        "Return the number that the text says, as ``int64``; without `strict`, else null.",
        ["12", "x", None],
        "strict=False",
        [12, None, None],
        Parameter(name="base", default=10, types=(int,), keyword_only=True),
        _STRICT,
    ),
    text_function(
        "to_date",
        to_date,
        """Return the date that the text says, read as ISO 8601 or by a ``strptime`` `format`.

        What is no date raises, or is null without `strict`.""",
        ["31.01.2024", None],
        "'%d.%m.%Y'",
        [date(2024, 1, 31), None],
        Parameter(name="format", default=None, types=(str,)),
        _STRICT,
    ),
    text_function(
        "to_datetime",
        to_datetime,
        """Return the timestamp that the text says, read as ISO 8601 or by a ``strptime`` `format`.

        It has the unit `time_unit`, and is taken as the time on the wall in `time_zone` if one is
        given. What is no timestamp raises, or is null without `strict`.""",
        ["2024-01-31 12:00", None],
        "",
        [datetime(2024, 1, 31, 12), None],
        Parameter(name="format", default=None, types=(str,)),
        Parameter(
            name="time_unit",
            default="us",
            types=(str,),
            choices=("s", "ms", "us", "ns"),
            keyword_only=True,
        ),
        Parameter(name="time_zone", default=None, types=(str,), keyword_only=True),
        _STRICT,
    ),
    text_function(
        "to_time",
        to_time,
        """Return the time of day that the text says, as ISO 8601 or by a ``strptime`` `format`.

        What is none raises, or is null without `strict`.""",
        ["12:30:15", None],
        "",
        [time(12, 30, 15), None],
        Parameter(name="format", default=None, types=(str,)),
        _STRICT,
    ),
    text_function(
        "to_decimal",
        to_decimal,
        """Return the number that the text says, as ``decimal128(38, scale)``.

        More places are rounded. What is no number raises, or is null without `strict`.""",
        ["1.255", "2", None],
        "scale=2",
        [Decimal("1.26"), Decimal("2.00"), None],
        Parameter(name="scale", types=(int,), keyword_only=True),
        _STRICT,
    ),
    text_function(
        "normalize",
        lambda value, form: pc.utf8_normalize(value, form),
        "Return the text in a normal form of Unicode, in which equal texts have equal characters.",
        ["ﬁ", None],
        "'NFKC'",
        ["fi", None],
        Parameter(name="form", default="NFC", types=(str,), choices=("NFC", "NFKC", "NFD", "NFKD")),
    ),
    Function(
        name="concat_str",
        kernel=concat_str,
        accepts=(ANY,),
        method=False,
        parameters=(
            Parameter(name="exprs", expr=True, names=True, variadic=True),
            Parameter(name="separator", default="", types=(str,), keyword_only=True),
            Parameter(name="ignore_nulls", default=False, types=(bool,), keyword_only=True),
        ),
        doc="Return several values as one text; null if one is, unless `ignore_nulls`.",
        example=Example(
            code="pt.concat_str('a', 'b', separator='-')",
            data={"a": ["x", None], "b": [1, 2]},
            gives=["x-1", None],
        ),
    ),
)
"""The functions of text."""

"""Text to dates, timestamps and integers."""

from __future__ import annotations

import re

import pyarrow as pa
import pyarrow.compute as pc

from ..errors import ComputeError, InvalidExpression
from .casting import cast
from .function import Value
from .zones import known_zone

_FRACTION = re.compile(r"%(\.\d?)?f")


def to_integer(value: Value, base: int, strict: bool) -> Value:
    """Return text as ``int64``."""
    if not 2 <= base <= 36:
        raise InvalidExpression(f"str.to_integer knows bases of 2 to 36, but this is {base}.")
    if base == 10:
        return cast(value, pa.int64(), strict=strict)
    return _from_hexadecimal(value, strict) if base == 16 else _from_digits(value, base, strict)


def _from_digits(value: Value, base: int, strict: bool) -> Value:
    digits = pa.array([*"0123456789abcdefghijklmnopqrstuvwxyz"[:base]], value.type)
    last = digits[-1].as_py()
    known = f"0-{last}" if base <= 10 else f"0-9a-{last}"
    lower = pc.utf8_lower(value)
    plausible = pc.match_substring_regex(lower, f"^[+-]?[{known}]+$")
    if strict:
        _refuse(pc.and_(pc.is_valid(value), pc.invert(plausible)), value, f"of base {base}")
    plain = pc.if_else(plausible, pc.ascii_ltrim(lower, "+-"), pa.scalar(None, value.type))
    lengths = pc.utf8_length(plain)
    number = pc.if_else(plausible, pa.scalar(0), pa.scalar(None, pa.int64()))
    # One digit of all texts at once; the number is below zero on the way, as there is one more.
    for place in range(pc.max(lengths).as_py() or 0):
        digit = pc.index_in(pc.utf8_slice_codeunits(plain, place, place + 1), digits)
        more = pc.subtract_checked(pc.multiply_checked(number, base), digit.cast(pa.int64()))
        number = pc.if_else(pc.greater(lengths, place), more, number)
    below = pc.starts_with(lower, "-")
    # The least integer has no opposite: those below zero are left out of what is negated.
    above = pc.if_else(below, pa.scalar(0), number)
    return pc.if_else(below, number, pc.negate_checked(above))


def to_time(value: Value, format: str | None, strict: bool) -> Value:  # noqa: A002 - Polars' name
    """Return text as ``time64``."""
    if format is None:
        # Arrow reads a time only behind a date.
        day, none = pa.scalar("1970-01-01 ", value.type), pa.scalar("", value.type)
        whole = pc.binary_join_element_wise(day, value, none)
        return cast(cast(whole, pa.timestamp("us"), strict=strict), pa.time64("us"))
    return cast(_parsed(value, format, "us", strict), pa.time64("us"))


def to_decimal(value: Value, scale: int, strict: bool) -> Value:
    """Return text as decimals of 38 digits."""
    return cast(value, pa.decimal128(38, scale), strict=strict)


def _from_hexadecimal(value: Value, strict: bool) -> Value:
    plausible = pc.match_substring_regex(value, "^[+-]?[0-9a-fA-F]+$")
    if strict:
        _refuse(pc.and_(pc.is_valid(value), pc.invert(plausible)), value, "integers of base 16")
    value = pc.if_else(plausible, value, pa.scalar(None, value.type))
    digits = pc.ascii_ltrim(value, "+-")
    prefix, empty = pa.scalar("0x", value.type), pa.scalar("", value.type)
    # As unsigned first: Arrow reads 0xffffffffffffffff as -1 where int64 is asked for.
    size = cast(pc.binary_join_element_wise(prefix, digits, empty), pa.uint64(), strict=strict)
    number = cast(size, pa.int64(), strict=strict)
    return pc.if_else(pc.starts_with(value, "-"), pc.negate(number), number)


def to_date(value: Value, format: str | None, strict: bool) -> Value:  # noqa: A002 - Polars' name
    """Return text as ``date32``."""
    if format is None:
        return cast(value, pa.date32(), strict=strict)
    return _parsed(value, format, "s", strict).cast(pa.date32(), safe=False)


def to_datetime(
    value: Value,
    format: str | None,  # noqa: A002 - Polars' name
    time_unit: str,
    time_zone: str | None,
    strict: bool,
) -> Value:
    """Return text as a timestamp."""
    if format is None:
        parsed = cast(value, pa.timestamp(time_unit), strict=strict)
    else:
        parsed = _parsed(value, format, time_unit, strict)
    return parsed if time_zone is None else pc.assume_timezone(parsed, known_zone(time_zone))


def _parsed(value: Value, pattern: str, unit: str, strict: bool) -> Value:
    if _FRACTION.search(pattern):
        raise InvalidExpression(
            f"The format {pattern!r} asks for fractions of a second, which formats cannot read."
            " Leave the format out where the text is ISO 8601."
        )
    parsed = pc.strptime(value, format=pattern, unit=unit, error_is_null=True)
    parsed = pc.if_else(_rolled_over(value, parsed, pattern), pa.scalar(None, parsed.type), parsed)
    if strict:
        _refuse(pc.and_(pc.is_valid(value), pc.is_null(parsed)), value, f"of the form {pattern!r}")
    return parsed


def _rolled_over(value: Value, parsed: Value, pattern: str) -> pa.Array:
    """Return which texts name a day that their month lacks: the C library makes March 2 of
    February 30. Such a result is one of the first three days of a month and reads differently."""
    early = pc.fill_null(pc.less_equal(pc.day(parsed), 3), False)
    if "%d" not in pattern or not pc.any(early).as_py():
        return pa.repeat(pa.scalar(False), len(value))
    back = pc.strftime(parsed.cast(pa.timestamp("s")), format=pattern)
    texts = [_without_leading_zeros(each) for each in (value.cast(pa.string()), back)]
    return pc.and_(early, pc.fill_null(pc.not_equal(*texts), False))


def _without_leading_zeros(texts: pa.Array) -> pa.Array:
    bare = pc.replace_substring_regex(texts, r"\b0+([0-9])", r"\1")
    return pc.utf8_lower(pc.replace_substring_regex(bare, r"\s+", ""))


def _refuse(faults: pa.Array, value: pa.Array, wanted: str) -> None:
    """Raise for the first value at fault, if there is one."""
    if not pc.any(faults).as_py():
        return
    found = value.filter(faults)
    raise ComputeError(
        f"{len(found)} of {len(value)} values are not {wanted}, the first is"
        f" {found[0].as_py()!r}. With strict=False they become null."
    )

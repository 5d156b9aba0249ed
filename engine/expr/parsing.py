"""Text to dates, timestamps and integers."""

from __future__ import annotations

import re

import pyarrow as pa
import pyarrow.compute as pc

from ..errors import ComputeError, InvalidExpression
from .casting import cast
from .function import Value

_FRACTION = re.compile(r"%(\.\d?)?f")


def to_integer(value: Value, base: int, strict: bool) -> Value:
    """Return text as ``int64``."""
    return (
        _from_hexadecimal(value, strict) if base == 16 else cast(value, pa.int64(), strict=strict)
    )


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
    return parsed if time_zone is None else pc.assume_timezone(parsed, time_zone)


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

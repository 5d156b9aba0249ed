"""Names of time zones: looked at where an expression is written, not when rows are shown."""

from __future__ import annotations

import difflib
import functools
import zoneinfo

import pyarrow as pa
import pyarrow.compute as pc

from ..errors import InvalidExpression


@functools.cache
def known_zone(name: str) -> str:
    """Return `name`, or raise `InvalidExpression` where Arrow knows no such zone.

    >>> known_zone("Europe/Berlin")
    'Europe/Berlin'
    """
    try:
        pc.assume_timezone(pa.array([0], pa.timestamp("s")), name)
    except pa.ArrowInvalid:
        zones = {zone.lower(): zone for zone in zoneinfo.available_timezones()}
        near = difflib.get_close_matches(name.lower(), zones, n=2)
        hint = f" Did you mean {' or '.join(repr(zones[each]) for each in near)}?" if near else ""
        raise InvalidExpression(
            f"{name!r} is no time zone.{hint} Zones are called as in 'Europe/Berlin' or 'UTC', or"
            " are a difference such as '+02:00'."
        ) from None
    return name

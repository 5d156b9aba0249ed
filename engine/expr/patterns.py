"""The functions under ``.str`` that look for plain text or a regular expression (RE2's)."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from ..errors import InvalidExpression
from .by_pattern import by_pattern, of_regex
from .function import TEXT, Function, Parameter, Value, text_function
from .searching import matches
from .splitting import splitting


def _contains(value: Value, pattern: str, literal: bool) -> Value:
    return matches(value, pattern, literal)


def _replace(text: Value, pattern: str, value: str, literal: bool, n: int) -> Value:
    if n < 0:
        return _replace_all(text, pattern, value, literal)
    if literal:
        return pc.replace_substring(text, pattern, value, max_replacements=n)
    return pc.replace_substring_regex(text, pattern, _template(value), max_replacements=n)


def _replace_all(text: Value, pattern: str, value: str, literal: bool) -> Value:
    if literal:
        return pc.replace_substring(text, pattern, value)
    return pc.replace_substring_regex(text, pattern, _template(value))


def _template(text: str) -> str:
    """Return a replacement with ``$1`` or ``${1}`` for groups as RE2 wants it, ``\\1``."""

    def convert(found: re.Match[str]) -> str:
        if found[0] == "$$":
            return "$"
        if found[0] == "\\":
            return "\\\\"
        group = found[1] or found[2]
        if not group.isdigit() or len(group) > 1:
            raise InvalidExpression(
                f"The replacement {text!r} names the group {found[0]!r}; groups are $0 to $9, and a"
                " dollar sign itself is written $$."
            )
        return f"\\{group}"

    return re.sub(r"\$\$|\\|\$\{(\w+)\}|\$(\w+)", convert, text)


def _extract(value: Value, pattern: str, group_index: int) -> Value:
    # Group 1 is the whole pattern here, so that the user's groups are all one further.
    around = f"(?s:^.*?)({pattern})(?s:.*)$"
    found = pc.match_substring_regex(value, pattern)
    inner = pc.replace_substring_regex(value, around, f"\\{group_index + 1}", max_replacements=1)
    return pc.if_else(found, inner, pa.scalar(None, value.type))


def _find(value: Value, pattern: str, literal: bool) -> Value:
    search = pc.find_substring if literal else pc.find_substring_regex
    place = search(value, pattern).cast(pa.int64())
    return pc.if_else(pc.less(place, 0), pa.scalar(None, pa.int64()), place)


def _count_matches(value: Value, pattern: str, literal: bool) -> Value:
    count = pc.count_substring if literal else pc.count_substring_regex
    return count(value, pattern).cast(pa.int64())


def _contains_any(value: Value, patterns: tuple[str, ...], ascii_case_insensitive: bool) -> Value:
    if not all(isinstance(each, str) for each in patterns):
        raise InvalidExpression(f"contains_any wants texts, found {patterns}.")
    if not patterns:
        return pc.if_else(pc.is_valid(value), False, pa.scalar(None, pa.bool_()))
    alternatives = "|".join(_escaped(each) for each in patterns)
    return pc.match_substring_regex(value, alternatives, ignore_case=ascii_case_insensitive)


def _escaped(text: str) -> str:
    """Return text that, as a regular expression, matches itself."""
    return re.sub(_SPECIAL, r"\\\1", text)


_SPECIAL = r"([\\.+*?()|\[\]{}^$#&\-~])"


def _escape_regex(value: Value) -> Value:
    return pc.replace_substring_regex(value, _SPECIAL, r"\\\1")


def _strip_prefix(value: Value, prefix: str) -> Value:
    rest = pc.utf8_slice_codeunits(value, len(prefix), None)
    return pc.if_else(pc.starts_with(value, prefix), rest, value)


def _strip_suffix(value: Value, suffix: str) -> Value:
    if not suffix:
        return value
    rest = pc.utf8_slice_codeunits(value, 0, -len(suffix))
    return pc.if_else(pc.ends_with(value, suffix), rest, value)


def _entry(
    name: str,
    kernel: Callable[..., Value],
    doc: str,
    given: list[Any],
    call: str,
    gives: list[Any],
    *parameters: Parameter,
    also: tuple[str, ...] = (),
) -> Function:
    """Return an entry whose first parameter is a text for all rows, or a column of texts."""
    kernel = by_pattern(of_regex(kernel) if _PATTERN in parameters else kernel)
    entry = text_function(name, kernel, doc, given, call, gives, *parameters, also=also)
    return replace(entry, accepts=(TEXT, TEXT))


_PATTERN = Parameter(name="pattern", expr=True)
_LITERAL = Parameter(name="literal", default=False, types=(bool,), keyword_only=True)
_REPLACEMENT = Parameter(name="value", types=(str,))
_GROUPS = "In `value`, ``$1`` stands for the first group; `literal` takes both as plain text."

PATTERNS = (
    _entry(
        "starts_with",
        lambda value, prefix: pc.starts_with(value, prefix),
        "Return whether the text begins with `prefix`.",
        ["north", "south", None],
        "'no'",
        [True, False, None],
        Parameter(name="prefix", expr=True),
        also=("startswith",),
    ),
    _entry(
        "ends_with",
        lambda value, suffix: pc.ends_with(value, suffix),
        "Return whether the text ends with `suffix`.",
        ["north", "east", None],
        "'th'",
        [True, False, None],
        Parameter(name="suffix", expr=True),
        also=("endswith",),
    ),
    _entry(
        "contains",
        _contains,
        "Return whether a regular expression (or, `literal`, plain text) occurs in the text.",
        ["north", "n.rth", None],
        "'n.r', literal=True",
        [False, True, None],
        _PATTERN,
        _LITERAL,
    ),
    _entry(
        "replace",
        _replace,
        f"Return the text with the first `n` matches of `pattern` replaced.\n\n        {_GROUPS}",
        ["a-b-c", None],
        "'-', '+'",
        ["a+b-c", None],
        _PATTERN,
        _REPLACEMENT,
        _LITERAL,
        Parameter(name="n", default=1, types=(int,), keyword_only=True),
    ),
    _entry(
        "replace_all",
        _replace_all,
        f"Return the text with every match of `pattern` replaced.\n\n        {_GROUPS}",
        ["a1b22", None],
        "'([0-9]+)', '<$1>'",
        ["a<1>b<22>", None],
        _PATTERN,
        _REPLACEMENT,
        _LITERAL,
    ),
    _entry(
        "extract",
        _extract,
        """Return what a group of a regular expression matched first; null where nothing did.

        Group 0 is the whole match. A group that took no part gives an empty text.""",
        ["id=7;", "none", None],
        "'id=([0-9]+)'",
        ["7", None, None],
        _PATTERN,
        Parameter(name="group_index", default=1, types=(int,)),
    ),
    *splitting(_extract),
    text_function(
        "contains_any",
        _contains_any,
        "Return whether one of several plain texts occurs in the text.",
        ["north", "east", None],
        "['or', 'ou']",
        [True, False, None],
        Parameter(name="patterns", types=(list, tuple)),
        Parameter(name="ascii_case_insensitive", default=False, types=(bool,), keyword_only=True),
    ),
    text_function(
        "escape_regex",
        _escape_regex,
        "Return the text as a regular expression that matches it and nothing else.",
        ["a.b", None],
        "",
        ["a\\.b", None],
    ),
    _entry(
        "strip_prefix",
        _strip_prefix,
        "Return the text without `prefix`, if it begins with it.",
        ["id7", "7", None],
        "'id'",
        ["7", "7", None],
        Parameter(name="prefix", expr=True),
        also=("removeprefix",),
    ),
    _entry(
        "strip_suffix",
        _strip_suffix,
        "Return the text without `suffix`, if it ends with it.",
        ["7kg", "7", None],
        "'kg'",
        ["7", "7", None],
        Parameter(name="suffix", expr=True),
        also=("removesuffix",),
    ),
    _entry(
        "find",
        _find,
        "Return the byte at which a pattern is first found; null where it is not.",
        ["north", "east", None],
        "'t'",
        [3, 3, None],
        _PATTERN,
        _LITERAL,
    ),
    _entry(
        "count_matches",
        _count_matches,
        "Return how often a pattern occurs, without overlaps.",
        ["a1b22", None],
        "'[0-9]'",
        [3, None],
        _PATTERN,
        _LITERAL,
        also=("count",),
    ),
)
"""The functions that look for something in text."""

"""The functions under ``.str`` that give several texts of one: parts, matches, groups."""

from __future__ import annotations

import re
from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..errors import InvalidExpression
from .by_pattern import by_pattern, of_regex
from .function import TEXT, Example, Function, Parameter, Value
from .list_layout import lists_of

_MARKS = "\ue000\ue001\ue002\ue003\ue004\ue005\ue006\ue007"
"""Characters for private use, which text has hardly ever and never all of them."""


def _mark(value: Value) -> str:
    """Return a character that none of the texts has."""
    for mark in _MARKS:
        if not pc.any(pc.match_substring(value, mark)).as_py():
            return mark
    raise InvalidExpression("The text has all characters that could mark its parts.")


def _split(value: Value, by: str, inclusive: bool, literal: bool) -> Value:
    if not by:
        # Into characters: a mark behind each of them, and no part behind the last mark.
        mark = _mark(value)
        apart = pc.replace_substring_regex(value, r"(?s)(.)", rf"\1{mark}")
        return _without_empty_end(pc.split_pattern(apart, mark))
    if not inclusive:
        return pc.split_pattern(value, by) if literal else pc.split_pattern_regex(value, by)
    mark = _mark(value)
    pattern = re.escape(by) if literal else by
    apart = pc.replace_substring_regex(value, f"({pattern})", rf"\1{mark}")
    return _without_empty_end(pc.split_pattern(apart, mark))


def _without_empty_end(parts: Value) -> Value:
    """Return lists of parts without the empty one behind the last separator."""
    lists = lists_of(parts, "str.split")
    last = np.zeros(len(lists.values), bool)
    last[lists.offsets[1:][lists.lengths > 0] - 1] = True
    empty = np.asarray(pc.equal(lists.values, ""))
    return lists.keep(~(last & empty)).array()


def _in_parts(value: Value, by: str, names: int, most: int | None) -> Value:
    """Return a struct of the first parts; `most` splits are made, None for all."""
    parts = lists_of(pc.split_pattern(value, by, max_splits=most), "str.split")
    starts, places = parts.offsets[:-1], range(names)
    fields = []
    for place in places:
        missing = parts.lengths <= place
        taken = np.where(missing, 0, starts + place)
        fields.append(parts.values.take(pa.array(taken, mask=missing)))
    return pa.StructArray.from_arrays(fields, names=[f"field_{place}" for place in places])


def _splitn(value: Value, by: str, n: int) -> Value:
    _at_least("splitn", n, 1)
    return _in_parts(value, by, n, n - 1) if n > 1 else _whole(value)


def _whole(value: Value) -> Value:
    return pa.StructArray.from_arrays([value], names=["field_0"])


def _split_exact(value: Value, by: str, n: int) -> Value:
    _at_least("split_exact", n, 0)
    return _in_parts(value, by, n + 1, None)


def _at_least(name: str, n: int, least: int) -> None:
    if n < least:
        raise InvalidExpression(f"str.{name} wants n of at least {least}, but this is {n}.")


def _extract_all(value: Value, pattern: str) -> Value:
    # Each match between two marks, then the text cut at the first and the rest cut off at the next.
    mark = _mark(value)
    apart = pc.replace_substring_regex(value, f"({pattern})", rf"{mark}\1{mark}{mark}")
    pieces = lists_of(pc.split_pattern(apart, mark), "str.extract_all")
    # What stands before a match, the match, nothing, what stands before the next, and so on.
    return pieces.keep(pieces.places % 3 == 1).array()


def _extract_groups(value: Value, pattern: str, extract: Callable[..., Value]) -> Value:
    try:
        compiled = re.compile(pattern)
    except re.error as error:
        raise InvalidExpression(f"{pattern!r} is no regular expression: {error}.") from None
    named = {number: name for name, number in compiled.groupindex.items()}
    if not compiled.groups:
        raise InvalidExpression(f"{pattern!r} has no groups, which are written in brackets.")
    fields = [extract(value, pattern, number) for number in range(1, compiled.groups + 1)]
    names = [named.get(number, str(number)) for number in range(1, compiled.groups + 1)]
    mask = value.is_null() if value.null_count else None
    return pa.StructArray.from_arrays(fields, names=names, mask=mask)


def _entry(
    name: str,
    kernel: Callable[..., Value],
    doc: str,
    given: list[object],
    call: str,
    gives: list[object],
    *parameters: Parameter,
    also: tuple[str, ...] = (),
) -> Function:
    columns = any(each.expr for each in parameters)
    if columns:
        kernel = by_pattern(of_regex(kernel, literal=parameters[0].name != "pattern"))
    return Function(
        name=f"str.{name}",
        kernel=kernel,
        accepts=(TEXT, TEXT) if columns else (TEXT,),
        parameters=parameters,
        also=also,
        doc=doc,
        example=Example(code=f"pt.col('s').str.{name}({call})", data={"s": given}, gives=gives),
    )


def splitting(extract: Callable[..., Value]) -> tuple[Function, ...]:
    """Return the entries; `extract` is the kernel of ``str.extract``."""
    by = Parameter(name="by", expr=True)
    n = Parameter(name="n", types=(int,))
    return (
        _entry(
            "split",
            _split,
            """Return the list of the parts between occurrences of `by`; of all characters for "".

            With `inclusive` a part has the separator at its end. Without `literal`, `by` is a
            regular expression.""",
            ["a,b", "", None],
            "','",
            [["a", "b"], [""], None],
            by,
            Parameter(name="inclusive", default=False, types=(bool,), keyword_only=True),
            Parameter(name="literal", default=True, types=(bool,), keyword_only=True),
        ),
        _entry(
            "splitn",
            _splitn,
            "Return a struct of at most `n` parts, ``field_0`` and on; the last has all the rest.",
            ["a,b,c", "a"],
            "',', 2",
            [{"field_0": "a", "field_1": "b,c"}, {"field_0": "a", "field_1": None}],
            by,
            n,
        ),
        _entry(
            "split_exact",
            _split_exact,
            "Return a struct of the parts of `n` splits, ``field_0`` and on; the rest is left out.",
            ["a,b,c", "a"],
            "',', 1",
            [{"field_0": "a", "field_1": "b"}, {"field_0": "a", "field_1": None}],
            by,
            n,
        ),
        _entry(
            "extract_all",
            _extract_all,
            "Return the list of all matches of a regular expression.",
            ["a1b22", "", None],
            "'[0-9]+'",
            [["1", "22"], [], None],
            Parameter(name="pattern", expr=True),
            also=("findall",),
        ),
        _entry(
            "extract_groups",
            lambda value, pattern: _extract_groups(value, pattern, extract),
            "Return a struct of the groups of a regular expression, by their names or numbers.",
            ["id=7", None],
            "'(?P<key>[a-z]+)=([0-9]+)'",
            [{"key": "id", "2": "7"}, None],
            Parameter(name="pattern", types=(str,)),
        ),
    )

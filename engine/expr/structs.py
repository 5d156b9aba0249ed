"""The functions under ``.struct``, and structs made of columns."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa

from ..errors import InvalidExpression, TypeMismatch, did_you_mean, listed
from .function import ANY, STRUCT, Example, Function, Parameter, Value
from .list_layout import beside


def _names(value: Value) -> list[str]:
    return [field.name for field in value.type.fields]


def _check(value: Value, names: Sequence[str]) -> None:
    known = _names(value)
    for name in names:
        if name not in known:
            raise TypeMismatch(
                f"This struct has no field {name!r}.{did_you_mean(name, known)} It has:"
                f" {listed(known)}."
            )


def _children(value: Value) -> list[pa.Array]:
    """Return the fields of structs; those of a null struct are null."""
    return value.flatten()


def _field(value: Value, name: str) -> Value:
    _check(value, [name])
    return _children(value)[_names(value).index(name)]


def _struct(names: Sequence[str], fields: Sequence[pa.Array], value: Value | None = None) -> Value:
    """Return structs of `fields`, null where `value` is."""
    mask = value.is_null() if value is not None and value.null_count else None
    if not fields:
        rows = 0 if value is None else len(value)
        return pa.StructArray.from_buffers(pa.struct([]), rows, [None])
    return pa.StructArray.from_arrays([*fields], names=[*names], mask=mask)


def _rename_fields(value: Value, names: Sequence[str]) -> Value:
    if len(names) != len(_names(value)) or len(set(names)) != len(names):
        raise InvalidExpression(
            f"struct.rename_fields wants {len(_names(value))} different names, for"
            f" {listed(_names(value))}; found {listed(names)}."
        )
    return _struct(names, _children(value), value)


def _with_fields(value: Value, *given: Value, names: Sequence[str]) -> Value:
    fields = dict(zip(_names(value), _children(value), strict=True))
    for name, each in zip(names, given, strict=True):
        fields[name] = beside(each, len(value))
    return _struct([*fields], [*fields.values()], value)


def _drop(value: Value, names: Sequence[str]) -> Value:
    names = [names] if isinstance(names, str) else names
    _check(value, names)
    kept = {
        name: child
        for name, child in zip(_names(value), _children(value), strict=True)
        if name not in names
    }
    return _struct([*kept], [*kept.values()], value)


def struct(*values: Value, names: Sequence[str]) -> Value:
    """Return a struct of several values, which is never null itself."""
    rows = max(len(each) for each in values if isinstance(each, pa.Array))
    return _struct(names, [beside(each, rows) for each in values])


_ROWS = {"s": [{"a": 1, "b": "x"}, {"a": None, "b": "y"}, None]}

STRUCTS = (
    Function(
        name="struct.field",
        kernel=_field,
        accepts=(STRUCT,),
        parameters=(Parameter(name="name", types=(str,)),),
        doc="Return a field of each struct; null of a null struct.",
        example=Example(code="pt.col('s').struct.field('a')", data=_ROWS, gives=[1, None, None]),
    ),
    Function(
        name="struct.rename_fields",
        kernel=_rename_fields,
        accepts=(STRUCT,),
        parameters=(Parameter(name="names", types=(list, tuple)),),
        doc="Return the structs with other names of their fields, in order.",
        example=Example(
            code="pt.col('s').struct.rename_fields(['x', 'y'])",
            data=_ROWS,
            gives=[{"x": 1, "y": "x"}, {"x": None, "y": "y"}, None],
        ),
    ),
    Function(
        name="struct.drop",
        kernel=_drop,
        accepts=(STRUCT,),
        parameters=(Parameter(name="names", types=(str, list, tuple)),),
        doc="Return the structs without some of their fields.",
        example=Example(
            code="pt.col('s').struct.drop('b')", data=_ROWS, gives=[{"a": 1}, {"a": None}, None]
        ),
    ),
    Function(
        name="struct.with_fields",
        alike=False,
        written=True,
        kernel=_with_fields,
        accepts=(STRUCT, ANY),
        doc="Return the structs with further fields, or other values for those they have.",
        example=Example(
            code="pt.col('s').struct.with_fields(c=pt.field('a') + 1)",
            data=_ROWS,
            gives=[{"a": 1, "b": "x", "c": 2}, {"a": None, "b": "y", "c": None}, None],
        ),
    ),
    Function(
        name="struct",
        alike=False,
        method=False,
        kernel=struct,
        accepts=(ANY,),
        doc="Return a struct of several values, under the names they have.",
        example=Example(
            code="pt.struct('a', b=pt.col('a') * 2)",
            data={"a": [1, None]},
            gives=[{"a": 1, "b": 2}, {"a": None, "b": None}],
        ),
    ),
)
"""The functions of structs."""

"""Names that the module does not have: ``pt.merge``, ``pt.to_datetime``, ``pt.Int64``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ..errors import NotOffered, did_you_mean
from .absent_spark import MODULE as OF_SPARK
from .dataframe import DataFrame
from .expression import Expression
from .namespaces import NAMESPACES

_TYPES = (
    *("Int8", "Int16", "Int32", "Int64", "UInt8", "UInt16", "UInt32", "UInt64", "Float32"),
    *("Float64", "Boolean", "Binary", "Decimal", "Categorical", "Enum"),
)
_TYPE = "Types are given by name, as Python's or as Arrow's: 'int32', float, pa.float64()."
_TEXT = "Text is the type str, or 'string'."
_FILES = "Read it with pandas or Polars, and pt.from_pandas(frame) or pt.from_polars(frame)."
_SELECT = (
    "Columns of a type are pt.col(float), by a pattern pt.col('^a.*$'), others pt.exclude('a')."
)
_RANGES = "Use pt.range(n), and compute of it: pt.lit(start) + pt.col('id') * step."

MODULE: Mapping[str, str] = {
    **dict.fromkeys(_TYPES, _TYPE),
    **dict.fromkeys(("Utf8", "String"), _TEXT),
    **dict.fromkeys(
        ("Date", "Datetime", "Duration", "Time"),
        "Types of time are those of Python's"
        " datetime, or names: 'date', 'timestamp[us]', 'duration[us]'.",
    ),
    **dict.fromkeys(
        (
            "read_excel",
            "read_sql",
            "read_sql_query",
            "read_sql_table",
            "read_html",
            "read_pickle",
            "read_hdf",
            "read_database",
            "read_database_uri",
            "read_xml",
            "read_clipboard",
        ),
        _FILES,
    ),
    **dict.fromkeys(
        ("scan_delta", "read_delta", "scan_iceberg"),
        "Use pt.from_arrow(table) of a library for it, or pt.scan_parquet([...]) of its files.",
    ),
    **dict.fromkeys(("read_table", "read_fwf"), "Use pt.scan_csv(path, separator='\\t')."),
    **dict.fromkeys(("read_feather", "read_arrow"), "Use pt.read_ipc(path)."),
    **dict.fromkeys(("scan_ndjson", "read_ndjson"), "Use pt.scan_json(path)."),
    **dict.fromkeys(("from_dict", "from_columns"), "Use pt.from_pydict({'a': [1, 2]})."),
    **dict.fromkeys(
        ("from_dicts", "from_records", "from_rows", "json_normalize"),
        "Use pt.from_items([{'a': 1}, {'a': 2}]).",
    ),
    **dict.fromkeys(("from_delayed", "from_map"), "Use pt.generate(function, partitions, schema)."),
    **dict.fromkeys(
        ("Series", "Index", "MultiIndex"),
        "There are frames and expressions only: use pt.from_pydict({'a': values}).",
    ),
    **dict.fromkeys(
        ("LazyFrame", "from_numpy", "from_repr"), "Use pt.DataFrame(data): it is lazy."
    ),
    **dict.fromkeys(
        ("SQLContext", "sql", "sql_expr"),
        "There is no SQL here: write it with .filter(...), .select(...), .group_by(...).",
    ),
    **dict.fromkeys(("collect_all", "persist"), "Use pt.compute(a, b), which runs both at once."),
    **dict.fromkeys(("selectors", "cs", "nth", "by_name"), _SELECT),
    **dict.fromkeys(
        ("date_range", "datetime_range", "int_range", "arange", "bdate_range"), _RANGES
    ),
    **dict.fromkeys(
        ("to_datetime", "to_numeric"),
        "It is a method: pt.col('a').str.to_datetime(), .str.to_integer(), .cast(float).",
    ),
    **dict.fromkeys(
        ("get_dummies", "crosstab"),
        "Use df.pivot(on, on_columns, index=..., aggregate='len'), or df.group_by('a', 'b').len().",
    ),
    **dict.fromkeys(("Timestamp", "NaT"), "Use Python's datetime, and None."),
    **dict.fromkeys(("NA", "Null"), "Use None."),
    "isna": "Use pt.col('a').is_null().",
    "notna": "Use pt.col('a').is_not_null().",
    "Config": "Use pt.config.set(...).",
    "options": "Use pt.config.set(...).",
    "set_option": "Use pt.config.set(...).",
    "enable_string_cache": "Leave it out: text is compared as text.",
    "Client": "Leave it out, or write pt.config.set(workers=...).",
    "LocalCluster": "Leave it out, or write pt.config.set(workers=...).",
    "fold": "Use pt.sum_horizontal('a', 'b') and its like, or df.map_batches(function).",
    "arg_where": "Use df.with_row_index().filter(condition).",
    **OF_SPARK,
}
"""What the modules of pandas, Polars, Dask and Spark have."""


def absent_name(name: str, known: Iterable[str]) -> AttributeError:
    """Return the error for a name that the module does not have, with what to write.

    Examples
    --------
    >>> print(absent_name("merge", []))
    partita has no 'merge'. It is a method of a frame: df.merge(...).
    """
    if name in MODULE:
        return NotOffered(f"partita has no {name!r}. {MODULE[name]}")
    elsewhere = _method(name)
    if elsewhere:
        return NotOffered(f"partita has no {name!r}. It is a method {elsewhere}(...).")
    return AttributeError(f"partita has no {name!r}.{did_you_mean(name, known)}")


def _method(name: str) -> str:
    """Return where `name` is a method, as it is called; empty where it is none."""
    if name.startswith("_"):
        return ""
    if name in vars(Expression) or any(name in vars(each) for each in Expression.__mro__[1:-1]):
        return f"of an expression: pt.col('a').{name}"
    for short, owner in NAMESPACES.items():
        if name in dir(owner):
            return f"of an expression: pt.col('a').{short}.{name}"
    return f"of a frame: df.{name}" if name in dir(DataFrame) else ""

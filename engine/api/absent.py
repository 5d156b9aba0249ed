"""Names of pandas, Polars and Dask that do not exist here, and what to use in their place."""

from __future__ import annotations

from collections.abc import Mapping

_WINDOWS = (
    "Window functions are not there yet: aggregate with .group_by(...).agg(...) and .join() the"
    " result back, or use .map_batches(...)."
)
_BY_ROW = (
    "A function for each value is slow in Python: use expressions, pt.when(...).then(...), or"
    " df.map_batches(function) on whole batches."
)
_RUN = "An expression has no rows of its own: select it from a frame, "
_FILTERED = "Filter or select before .collect(), or go on with pt.DataFrame(result)"

FRAME: Mapping[str, str] = {
    "iloc": "Rows have no numbers to be picked by: use .slice(offset, length), .head(n), .tail(n)"
    " or .filter(...).",
    "loc": "There is no index: use .filter(...) for rows and .select(...) for columns.",
    "at": "There is no index: use .filter(...).collect().",
    "iat": "Rows have no numbers to be picked by: use .slice(offset, 1).collect().",
    "index": "There is no index; a column can do what it does.",
    "set_index": "There is no index; keep the column and group, join or sort by it.",
    "reset_index": "There is no index, so there is nothing to reset.",
    "iterrows": "Row by row is slow in Python: use expressions or .map_batches(function), or"
    " .iter_rows(named=True) for a few rows.",
    "itertuples": "Row by row is slow in Python: use expressions or .map_batches(function), or"
    " .iter_rows() for a few rows.",
    "apply": "A function for each row is slow in Python: use expressions in .with_columns(...), or"
    " .map_batches(function) on whole batches.",
    "applymap": _BY_ROW,
    "append": "Frames never change: use pt.concat([a, b]).",
    "vstack": "Use pt.concat([a, b]).",
    "extend": "Frames never change: use pt.concat([a, b]).",
    "hstack": "Use pt.concat([a, b], how='horizontal') where rows belong together by their order,"
    " .join(...) where they do by a key.",
    "stack": "Use .unpivot(...).",
    "unstack": "Use .pivot(...).",
    "with_row_count": "Use .with_row_index(...).",
    "insert": "Frames never change: use .with_columns(name=...).",
    "pop": "Frames never change: use df['name'] and .drop('name').",
    "update": "Frames never change: use .join(...) and .with_columns(...).",
    "inplace": "Frames never change: every method gives a new one.",
    "shape": "The number of rows is known only after a run: use len(df), which runs, and df.width.",
    "values": "Use .to_numpy(), which runs.",
    "T": "Columns have types of their own: use .collect() and transpose the result.",
    "info": "Print the frame for its columns and types; .estimate() tells how large it may be, and"
    " len(df) runs and counts.",
    "isnull": "Use .null_count() for all columns, or pt.col('a').is_null() for one.",
    "isna": "Use .null_count() for all columns, or pt.col('a').is_null() for one.",
    "lazy": "A frame is lazy as it is: .collect() runs it.",
    "to_dict": "Use .to_pydict() for columns or .to_dicts() for rows.",
    "to_excel": "Use .sink_csv; or .collect().to_pandas().to_excel().",
    "to_sql": "Use .collect().to_pandas().to_sql(), or .collect_batches() for an ADBC driver.",
    **dict.fromkeys(("shift", "diff", "cumsum", "rank"), _WINDOWS),
}
"""What a frame does not have."""

EXPRESSION: Mapping[str, str] = {
    **dict.fromkeys(("apply", "map", "transform", "pipe"), _BY_ROW),
    **dict.fromkeys(
        (
            *("over", "shift", "diff", "pct_change", "rank", "rolling", "rolling_mean"),
            *("cumsum", "cum_sum", "cumprod", "cummax", "cummin", "cum_max", "cum_min"),
            *("ffill", "bfill", "forward_fill", "backward_fill", "interpolate"),
        ),
        _WINDOWS,
    ),
    **dict.fromkeys(
        ("collect", "compute", "to_pandas", "to_arrow", "to_numpy", "values", "show"),
        f"{_RUN}as in df.select('a').collect().",
    ),
    **dict.fromkeys(
        ("to_list", "tolist", "to_pylist", "item"),
        f"{_RUN}as in df.select('a').to_pydict()['a'].",
    ),
    "replace": "Use pt.when(...).then(...).otherwise(...); in text .str.replace_all(old, new); for"
    " many values .join() a frame of old and new.",
    "drop_duplicates": f"{_RUN}as in df.select('a').unique().",
    "value_counts": "Use df.value_counts('a').",
    "dropna": "Use df.drop_nulls('a').",
    "sort_values": "Use df.sort('a').",
    "nlargest": "Use df.top_k(n, by='a').",
    "nsmallest": "Use df.bottom_k(n, by='a').",
    "dtype": "Use df.schema.field('a').type.",
    "name": "Use .alias('b') for another name.",
    "rename": "Use .alias('b').",
    "where": "Use pt.when(condition).then(...).otherwise(...).",
    "nunique": "Use .n_unique().",
    "size": "Use .len(), or pt.len().",
    "is_unique": _WINDOWS,
    "is_duplicated": _WINDOWS,
    "to_datetime": "Use .str.to_datetime(format), or .cast('timestamp[us]') for a date.",
}
"""What an expression does not have."""

GROUPS: Mapping[str, str] = {
    "transform": "Use .agg(...) and .join() the result back.",
    "filter": "Use .agg(...) and .filter(...) behind it.",
    "nlargest": "Use .agg(pt.col('v').top_k(n)), which gives a list.",
    "value_counts": "Group by that column too, and .len().",
    "describe": "Use .agg(...) with what is to be known.",
    **dict.fromkeys(("cumsum", "cumcount", "rank", "shift", "diff"), _WINDOWS),
    "rolling": "Use df.rolling(on, period, group_by=...) for a stretch of time.",
    **dict.fromkeys(("groups", "get_group", "indices"), "Use df.filter(...) for the rows of one."),
}
"""What a group_by does not have."""

RESULT: Mapping[str, str] = {
    "plot": "Use result.to_pandas().plot() or result.to_polars().",
    "iloc": "Use result.to_pandas().iloc, or result.to_arrow().slice(offset, length).",
    "loc": "Use result.to_pandas().loc.",
    "values": "Use result.to_numpy().",
    "collect": "It is collected: the rows are there.",
    "compute": "It is collected: use result.to_pandas().",
    **{
        name: f"{_FILTERED}.{name}(...)."
        for name in (
            *("filter", "select", "sort", "group_by", "groupby", "join", "merge", "head", "tail"),
            *("join_asof", "join_where", "merge_asof"),
            *("with_columns", "assign", "sort_values", "drop", "rename", "query", "limit", "slice"),
            *("sink_parquet", "sink_csv", "sink_ipc", "sink_json", "write_parquet"),
            *("to_parquet", "to_csv", "to_json"),
        )
    },
}
"""What a result does not have."""

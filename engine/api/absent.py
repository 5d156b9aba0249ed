"""Names of other libraries that do not exist here, and what to use in their place.

Those of Spark are in a file of their own, those of modules (``pd.merge``) in another.
"""

from __future__ import annotations

from collections.abc import Mapping

from . import absent_spark

_BY_ROW = (
    "A function for each value is slow in Python: use expressions, pt.when(...).then(...), or"
    " .map_batches(function) on whole batches."
)
_RUN = "An expression has no rows of its own: select it from a frame, "
_RUNS_ITSELF = "Leave it out: how a frame is run is decided when it is run; see .explain()."
_VALUES = "Use df.to_pydict()['a'], or df.select('a').to_arrow()['a'], which run."
_NO_INDEX = "There is no index; a column can do what it does."
_TESTS = "Write the condition of a column: pt.col('a').is_in([...]), pt.col('a') > 1."
_EACH = "Choose the columns and compute: .with_columns(pt.col(float).round(2))."
_DRAW = "Use .collect().to_pandas().plot(...), of what was aggregated or sampled first."
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
    **{
        name: f"Choose the columns, as in .with_columns(pt.col('a').{name}()), or pt.all().{name}()"
        f" for all of them; within groups pt.col('a').{name}().over('k')."
        for name in ("diff", "cumsum", "cumprod", "cummin", "cummax", "rank", "pct_change")
    },
    # pandas and Dask
    **dict.fromkeys(
        ("agg", "aggregate"),
        "Use .select(pt.col('a').sum(), n=pt.len()): one row for"
        " all; for each group .group_by('k').agg(...).",
    ),
    "transform": "Use .with_columns(...), within groups pt.col('a').mean().over('k').",
    "replace": "Choose the columns: .with_columns(pt.col('a').replace({old: new})).",
    "map": _BY_ROW,
    "copy": "Frames never change, so a copy is the frame itself.",
    "clone": "Frames never change, so a copy is the frame itself.",
    "select_dtypes": "Use .select(pt.col(int, float)), the columns of these types.",
    "eval": "Use .assign(total=lambda df: df.a * df.b), or .with_columns(...).",
    "mask": "Use .with_columns(pt.when(condition).then(None).otherwise(pt.col('a')).alias('a')).",
    **dict.fromkeys(("isin", "eq", "ne", "lt", "le", "gt", "ge", "notna", "notnull"), _TESTS),
    **dict.fromkeys(("round", "abs", "clip", "interpolate", "add", "sub", "mul", "div"), _EACH),
    "duplicated": "Use .filter(pt.len().over('a', 'b') > 1), or .unique(['a', 'b'], keep=...).",
    **dict.fromkeys(("corr", "cov"), "Use .select(pt.corr('a', 'b')), and pt.cov('a', 'b')."),
    **dict.fromkeys(("idxmax", "idxmin"), "Use .top_k(1, by='a') or .bottom_k(1, by='a')."),
    **dict.fromkeys(("plot", "hist", "boxplot"), _DRAW),
    **dict.fromkeys(
        ("crosstab", "to_dummies"),
        "Use .group_by('a', 'b').len(), or .pivot('b', values_of_b, index='a', aggregate='len').",
    ),
    **dict.fromkeys(("add_prefix", "add_suffix"), "Use .rename(lambda name: 'x_' + name)."),
    **dict.fromkeys(("memory_usage", "estimated_size"), "Use .estimate()."),
    **dict.fromkeys(("empty", "is_empty"), "Use len(df.head(1)) == 0, which runs."),
    **dict.fromkeys(("size", "height", "ndim"), "Use len(df), which runs, and df.width."),
    "combine_first": "Use .join(other, on='k', how='full', coalesce=True) and pt.coalesce('a',"
    " 'a_right').",
    **dict.fromkeys(("reindex", "sort_index", "rename_axis", "xs", "swaplevel"), _NO_INDEX),
    "expanding": "Write pt.col('a').cum_sum(), .cum_max() and so on.",
    "ewm": "Write pt.col('a').ewm_mean(span=...).",
    "transpose": "Columns have types of their own: use .collect() and transpose the result.",
    **dict.fromkeys(
        ("to_string", "to_markdown", "to_html"), "Use .show(n), or print(df.collect())."
    ),
    **dict.fromkeys(("to_pickle", "to_hdf"), "Use .sink_parquet(path) or .checkpoint(path)."),
    "to_records": "Use .to_dicts(), or .iter_rows().",
    "merge_ordered": "Use .merge(other, how='outer', on='k').sort('k').",
    "items": "Use for name in df.columns, with df[name] the column as an expression.",
    "keys": "Use df.columns.",
    "get": "Use df['a'], and 'a' in df.",
    "divisions": "Partitions have no known limits: see .npartitions and .partitions.",
    "known_divisions": "Partitions have no known limits: see .npartitions and .partitions.",
    "get_partition": "Use .partitions[i].",
    "to_delayed": "Use pt.delayed(function)(df), or df.partitions[i] for one of them.",
    "visualize": "Use .show_graph().",
    "dask": "Use .explain(), or .show_graph().",
    "optimize": _RUNS_ITSELF,
    "categorize": "Use .cast({'a': 'categorical'}).",
    "random_split": "Draw numbers once and filter by them: .shuffle(seed=1).with_row_index('n') and"
    " pt.col('n') % 10 < 8.",
    "map_overlap": "Use .rolling(on, period), pt.col('a').rolling_mean(n) or pt.col('a').shift(n).",
    "reduction": "Use .reduce(function, combine).",
    **dict.fromkeys(
        ("nunique_approx", "approx_n_unique"), "Use .select(pt.all().approx_n_unique())."
    ),
    "to_bag": "Use .to_dicts(), or .iter_rows(named=True).",
    **dict.fromkeys(
        ("to_dask_array", "to_dask_dataframe"),
        "Use .to_numpy(), or dask.dataframe.from_pandas(df.to_pandas()).",
    ),
    "to_backend": _RUNS_ITSELF,
    # Polars
    "collect_schema": "Use .schema, which runs nothing.",
    "collect_async": "Use .collect() in a thread of its own.",
    "fetch": "Use .head(n).collect().",
    "glimpse": "Use .show(n).",
    **dict.fromkeys(("row", "rows"), "Use .to_dicts(), .iter_rows() or .to_pydict()."),
    "item": "It is a result that has one: df.collect().item(), of one row and one column.",
    **dict.fromkeys(("get_column", "get_columns", "to_series"), _VALUES),
    "partition_by": "Use .group_by(...).map_groups(function, schema); for files"
    " .sink_parquet(path, partition_by='k').",
    "sql": "There is no SQL here: write it with .filter(...), .select(...), .group_by(...).",
    "set_sorted": "Leave it out: what is known of an order comes from the plan.",
    "merge_sorted": "Use pt.concat([a, b]).sort('t').",
    "remove": "Use .filter(~condition).",
    **dict.fromkeys(("with_columns_seq", "select_seq"), "Use .with_columns(...), .select(...)."),
    **dict.fromkeys(("sink_ndjson", "write_ndjson"), "Use .sink_json(path)."),
    **dict.fromkeys(
        ("write_excel", "write_database", "write_delta"),
        "Use .to_polars(), which runs, and its method of that name.",
    ),
    **dict.fromkeys(("rechunk", "shrink_to_fit", "n_chunks"), _RUNS_ITSELF),
    "upsample": "Use .join(times, on='t', how='right') with a frame of all the times.",
    "to_struct": "Use .select(row=pt.struct(pt.all())).",
    **absent_spark.FRAME,
}
"""What a frame does not have."""

EXPRESSION: Mapping[str, str] = {
    **dict.fromkeys(("apply", "map", "transform", "pipe"), _BY_ROW),
    "rolling": "Write .rolling_mean(n), .rolling_sum(n) and so on; in groups .over('k') behind it.",
    "expanding": "Write .cum_sum(), .cum_min(), .cum_max() and so on.",
    "ewm": "Write .ewm_mean(com=, span=, half_life= or alpha=).",
    "duplicated": "Use .is_duplicated(), or ~pt.col('a').is_first_distinct() as pandas means it.",
    "cumcount": "Use pt.row_index().over('k').",
    **dict.fromkeys(
        ("collect", "compute", "to_pandas", "to_arrow", "to_numpy", "values", "show"),
        f"{_RUN}as in df.select('a').collect().",
    ),
    **dict.fromkeys(
        ("to_list", "tolist", "to_pylist", "item"),
        f"{_RUN}as in df.select('a').to_pydict()['a'].",
    ),
    "drop_duplicates": f"{_RUN}as in df.select('a').unique().",
    "value_counts": "Use df.value_counts('a').",
    "dropna": "Use df.drop_nulls('a').",
    "sort_values": "Use df.sort('a').",
    "nlargest": "Use df.top_k(n, by='a').",
    "nsmallest": "Use df.bottom_k(n, by='a').",
    "dtype": "Use df.schema.field('a').type.",
    "rename": "Use .alias('b').",
    "where": "Use pt.when(condition).then(...).otherwise(...).",
    "nunique": "Use .n_unique().",
    "size": "Use .len(), or pt.len().",
    "to_datetime": "Use .str.to_datetime(format), or .cast('timestamp[us]') for a date.",
    **dict.fromkeys(("plot", "hist"), f"{_RUN}as in df.select('a').to_pandas().plot()."),
    **dict.fromkeys(("idxmax", "idxmin"), "Use df.top_k(1, by='a'); a row's number is .arg_max()."),
    "mask": "Use pt.when(condition).then(None).otherwise(pt.col('a')).",
    "describe": "Use df.select('a').describe().",
    "corr": "Use pt.corr('a', 'b').",
    "cov": "Use pt.cov('a', 'b').",
    "dot": "Use (pt.col('a') * pt.col('b')).sum().",
    "to_frame": "Use df.select('a').",
    "explode": "Use df.explode('a').",
    "unnest": "Use df.unnest('a').",
    **dict.fromkeys(
        ("sample", "shuffle"),
        "Use the method of the frame of that name: rows are drawn with all their columns.",
    ),
    **dict.fromkeys(
        ("iloc", "loc", "gather", "get"),
        "Rows have no numbers to be picked by: use df.slice(offset, length) or df.filter(...).",
    ),
    **dict.fromkeys(("kurt",), "Use .kurtosis()."),
    **dict.fromkeys(("prod",), "Use .product()."),
    "copy": "An expression never changes, so a copy is itself.",
    **absent_spark.EXPRESSION,
}
"""What an expression does not have."""

GROUPS: Mapping[str, str] = {
    "filter": "Use .agg(...) and .filter(...) behind it.",
    "nlargest": "Use .agg(pt.col('v').top_k(n)), which gives a list.",
    "value_counts": "Group by that column too, and .len().",
    "describe": "Use .agg(...) with what is to be known.",
    "rolling": "Write pt.col('v').rolling_mean(n).over('k'), .rolling_sum(n) and so on; for a"
    " stretch of time df.rolling(on, period, group_by=...).",
    "expanding": "Write pt.col('v').cum_sum().over('k'), .cum_max() and so on.",
    "ewm": "Write pt.col('v').ewm_mean(span=...).over('k').",
    "ngroup": "Groups have no numbers of their own: pt.col('k').rank('dense') numbers keys.",
    **dict.fromkeys(("groups", "get_group", "indices"), "Use df.filter(...) for the rows of one."),
    "aggregate": "Use .agg(...).",
    "ngroups": "Use len(df.unique('k')), which runs.",
    "nth": "Use .agg(pt.all().implode().list.get(n)).",
    "prod": "Use .product().",
    "sample": "Use df.shuffle(seed=...).group_by('k').head(n).",
    "fillna": "Use df.fill_null(...) first; with a group's own value pt.col('v').mean().over('k').",
    **dict.fromkeys(
        ("idxmax", "idxmin"),
        "Use df.sort('v').group_by('k', maintain_order=True)"
        ".tail(1), or .agg(pt.col('a').max_by('v')).",
    ),
    "corr": "Use .agg(pt.corr('a', 'b')).",
    "cov": "Use .agg(pt.cov('a', 'b')).",
    "plot": "Aggregate first: .agg(...).to_pandas().plot().",
    **absent_spark.GROUPS,
}
"""What a group_by does not have."""

_ALL_OF = "Use .str.contains({!r}): a pattern from ^ to $ is for the whole text."

NAMESPACED: Mapping[str, str] = {
    ".str.capitalize": "Use .str.to_titlecase(), which begins each word with a capital.",
    ".str.cat": "Use pt.concat_str('a', 'b', separator='-'); of a group .str.join('-').",
    **dict.fromkeys((".str.match", ".str.fullmatch", ".str.isspace"), _ALL_OF.format("^a.*$")),
    **dict.fromkeys(
        (".str.isdigit", ".str.isnumeric", ".str.isdecimal"), _ALL_OF.format("^[0-9]+$")
    ),
    **dict.fromkeys((".str.isalpha", ".str.isalnum"), _ALL_OF.format("^[A-Za-z]+$")),
    ".str.get": "Use .str.slice(index, 1); of a list .list.get(index).",
    ".str.get_dummies": "Use .str.split('|') and df.explode('a'), and pivot that.",
    ".str.slice_replace": "Use pt.concat_str of .str.slice(...) parts.",
    ".str.casefold": "Use .str.to_lowercase().",
    **dict.fromkeys(
        (".str.like", ".str.ilike"),
        "Use .str.starts_with('a'), .str.ends_with('a') or .str.contains('a.*b'), a regular"
        " expression; '(?i)' before it makes upper and lower case equal.",
    ),
    ".str.strptime": "Use .str.to_datetime(format), .str.to_date(format) or .str.to_time(format).",
    ".str.repeat": "Use .map_elements(lambda text: text * 3, str).",
    ".str.wrap": "Use .map_elements(function, str).",
    ".dt.day_name": "Use .dt.strftime('%A').",
    ".dt.month_name": "Use .dt.strftime('%B').",
    ".dt.to_period": "Use .dt.truncate('1mo').",
    ".dt.normalize": "Use .dt.truncate('1d').",
    ".dt.ceil": "Use .dt.truncate('1d').dt.offset_by('1d').",
    **dict.fromkeys((".dt.dayofweek", ".dt.day_of_week"), "Use .dt.weekday(), 1 to 7 from Monday."),
    **dict.fromkeys((".dt.weekofyear", ".dt.isocalendar"), "Use .dt.week() and .dt.iso_year()."),
    ".dt.day_of_year": "Use .dt.ordinal_day().",
    ".dt.daysinmonth": "Use .dt.days_in_month().",
    ".dt.is_month_start": "Use .dt.day() == 1.",
    ".dt.is_month_end": "Use .dt.day() == .dt.days_in_month().",
    ".dt.days": "Use .dt.total_days().",
    ".dt.seconds": "Use .dt.total_seconds().",
    ".dt.to_pydatetime": "Use df.select('t').to_pydict()['t'].",
    ".dt.tz": "Use df.schema.field('t').type.tz.",
}
"""What ``.str`` and ``.dt`` do not have."""

RESULT: Mapping[str, str] = {
    "plot": "Use result.to_pandas().plot() or result.to_polars().",
    "iloc": "Use result.to_pandas().iloc, or result.to_arrow().slice(offset, length).",
    "loc": "Use result.to_pandas().loc.",
    "values": "Use result.to_numpy().",
    "collect": "It is collected: the rows are there.",
    "compute": "It is collected: use result.to_pandas().",
    **dict.fromkeys(("row", "rows"), "Use result.to_dicts(), or result.to_pydict()."),
    **dict.fromkeys(("get_column", "to_series"), "Use result['a']."),
    "to_dict": "Use result.to_pydict() for columns or result.to_dicts() for rows.",
    "is_empty": "Use len(result) == 0.",
    "empty": "Use len(result) == 0.",
    "lazy": "Use pt.DataFrame(result).",
    "T": "Use result.to_pandas().T.",
    "transpose": "Use result.to_polars().transpose().",
    "index": "There is no index: rows are in order, and .to_pandas() numbers them.",
    **{
        name: f"{_FILTERED}.{name}(...)."
        for name in (
            *("filter", "select", "sort", "group_by", "groupby", "join", "merge", "head", "tail"),
            *("join_asof", "join_where", "merge_asof"),
            *("with_columns", "assign", "sort_values", "drop", "rename", "query", "limit", "slice"),
            *("sink_parquet", "sink_csv", "sink_ipc", "sink_json", "write_parquet"),
            *("to_parquet", "to_csv", "to_json", "write_csv", "show", "describe", "sample"),
            *("unique", "sum", "mean", "min", "max", "count", "value_counts", "pivot", "explode"),
        )
    },
}
"""What a result does not have."""

"""Names of Spark that do not exist here, and what to use in their place."""

from __future__ import annotations

from collections.abc import Mapping

_NO_SQL = "There is no SQL here: write it with .filter(...), .select(...), .group_by(...)."
_BELOW = "Use pt.concat([a, b])"
_DESCENDING = "Order is a matter of the sort: .sort('a', 'b', descending=[True, False])."
_KEPT = "What is kept goes when nothing reads it any more: del the frame."

FRAME: Mapping[str, str] = {
    "withColumn": "Use .with_columns(name=...).",
    "withColumns": "Use .with_columns(**{'name': ...}).",
    "withColumnRenamed": "Use .rename({'old': 'new'}).",
    "withColumnsRenamed": "Use .rename({'old': 'new'}).",
    "groupBy": "Use .group_by(...).",
    "orderBy": "Use .sort('a', descending=...).",
    "sortWithinPartitions": "Use .sort(...), or sort in .map_partitions(function).",
    "union": f"{_BELOW}.",
    "unionAll": f"{_BELOW}.",
    "unionByName": f"{_BELOW}; with columns that only some have how='diagonal'.",
    "intersect": "Use a.join(b, on=a.columns, how='semi', nulls_equal=True).unique().",
    "subtract": "Use a.join(b, on=a.columns, how='anti', nulls_equal=True).unique().",
    "exceptAll": "Use a.join(b, on=a.columns, how='anti', nulls_equal=True).",
    "crossJoin": "Use .join(other, how='cross').",
    "dropDuplicates": "Use .unique('a', 'b') of lists of names, or .drop_duplicates(['a']).",
    "na": "Use .fill_null(...) and .drop_nulls(...).",
    "take": "Use .head(n).to_dicts().",
    "printSchema": "Print df.schema.",
    "toDF": "Use .rename({'old': 'new'}).",
    "selectExpr": _NO_SQL,
    "createOrReplaceTempView": _NO_SQL,
    "createTempView": _NO_SQL,
    "registerTempTable": _NO_SQL,
    "rdd": "Use .map_batches(function), .map_rows(function, schema) or .reduce(function, combine).",
    "write": "Use .sink_parquet(path, partition_by=..., mode=...), .sink_csv(path) and so on.",
    "unpersist": _KEPT,
    "coalesce": "Use .repartition(n); of columns pt.coalesce('a', 'b').",
    "repartitionByRange": "Use .sort(...).",
    "randomSplit": "Draw numbers once and filter by them: .shuffle(seed=1).with_row_index('n') and"
    " pt.col('n') % 10 < 8.",
    "sampleBy": "Filter, .sample(...) each part, and pt.concat([...]).",
    "summary": "Use .describe().",
    "approxQuantile": "Use .select(pt.col('a').approx_quantile(0.5)).",
    "stat": "Use .select(pt.corr('a', 'b')), .value_counts('a') or .group_by('a', 'b').len().",
    "freqItems": "Use .value_counts('a').",
    "rollup": "Group by each list of keys, and pt.concat([...], how='diagonal').",
    "cube": "Group by each list of keys, and pt.concat([...], how='diagonal').",
    "isEmpty": "Use len(df.head(1)) == 0, which runs.",
    "foreach": "Use for row in df.iter_rows(named=True), or .map_batches(function).",
    "foreachPartition": "Use for batch in df.to_batches(), or .map_partitions(function).",
    "mapInPandas": "Use .map_batches(function, schema, takes='pandas').",
    "mapInArrow": "Use .map_batches(function, schema).",
    "toLocalIterator": "Use .iter_rows(named=True), or .to_batches().",
    "toJSON": "Use .sink_json(path).",
    "colRegex": "Use pt.col('^a.*$').",
    "hint": "Leave it out: which side is broadcast follows from the sizes.",
    "alias": "Frames have no names: columns of the right side get suffix= where they clash.",
}
"""What a frame of Spark has."""

EXPRESSION: Mapping[str, str] = {
    "isNull": "Use .is_null().",
    "isNotNull": "Use .is_not_null().",
    "isNaN": "Use .is_nan().",
    "eqNullSafe": "Use .eq_missing(other).",
    "like": "Use .str.contains('^a.*z$'), .str.starts_with('a') or .str.ends_with('z').",
    "ilike": "Use .str.contains('(?i)^a.*z$').",
    "rlike": "Use .str.contains(pattern).",
    "substr": "Use .str.slice(offset, length), which counts from 0.",
    "getField": "Use .struct.field('name').",
    "getItem": "Use .list.get(index), of a struct .struct.field('name').",
    "withField": "Use .struct.with_fields(name=...).",
    "dropFields": "Use .struct.drop('name').",
    "otherwise": "Begin with pt.when(condition).then(value).otherwise(other).",
    "when": "Begin with pt.when(condition).then(value).",
    **dict.fromkeys(
        (
            *("asc", "asc_nulls_first", "asc_nulls_last"),
            *("desc", "desc_nulls_first", "desc_nulls_last"),
        ),
        _DESCENDING,
    ),
}
"""What a column of Spark has."""

GROUPS: Mapping[str, str] = {
    "avg": "Use .mean(), or .agg(pt.col('v').mean()).",
    "pivot": "Use df.pivot(on, on_columns, index=..., values=..., aggregate='sum').",
    "applyInPandas": "Use .map_groups(function, schema, takes='pandas').",
    "applyInArrow": "Use .map_groups(function, schema).",
    "cogroup": "Use .join(...) first, and .map_groups(function, schema).",
}
"""What a group-by of Spark has."""

MODULE: Mapping[str, str] = {
    "read": "Use pt.read_parquet(path), pt.read_csv(path) and so on.",
    "spark": "There is no session to make: begin with pt.read_parquet(path).",
    "SparkSession": "There is no session to make: begin with pt.read_parquet(path).",
    "functions": "They are here and methods of columns: pt.sum('a'), pt.col('a').round(2).",
    "Window": "Write pt.col('a').sum().over('k', order_by='t').",
    "expr": "There is no SQL here: write pt.col('a') * 2.",
    "avg": "Use pt.mean('a').",
    "countDistinct": "Use pt.n_unique('a').",
    "count_distinct": "Use pt.n_unique('a').",
    "approx_count_distinct": "Use pt.approx_n_unique('a').",
    "collect_list": "Use pt.implode('a').",
    "collect_set": "Use pt.col('a').unique().",
    "asc": _DESCENDING,
    "desc": _DESCENDING,
    "greatest": "Use pt.max_horizontal('a', 'b').",
    "least": "Use pt.min_horizontal('a', 'b').",
    "concat_ws": "Use pt.concat_str('a', 'b', separator='-').",
    "date_trunc": "Use pt.col('t').dt.truncate('1mo').",
    "date_format": "Use pt.col('t').dt.strftime('%Y-%m').",
    "date_add": "Use pt.col('t').dt.offset_by('1d').",
    "datediff": "Use (pt.col('a') - pt.col('b')).dt.total_days().",
    "regexp_replace": "Use pt.col('a').str.replace_all(pattern, value).",
    "regexp_extract": "Use pt.col('a').str.extract(pattern).",
    "length": "Use pt.col('a').str.len().",
    "lag": "Use pt.col('a').shift(1).over('k', order_by='t').",
    "lead": "Use pt.col('a').shift(-1).over('k', order_by='t').",
    "row_number": "Use pt.row_index().over('k', order_by='t'), which counts from 0.",
    "dense_rank": "Use pt.col('a').rank('dense').over('k').",
    "monotonically_increasing_id": "Use df.with_row_index().",
    "broadcast": "Leave it out: which side is broadcast follows from the sizes.",
    "from_json": "Use pt.scan_json(path) for files of it.",
}
"""What ``pyspark.sql.functions`` and its session have, beside what is a method here."""

"""Every name that the public interface promises: it is there, documented, and its example runs.

The tables are the promise. What they name and is not there yet stands in `ABSENT`, with the reason.
"""

from __future__ import annotations

import doctest
import inspect
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import partita as pt
from partita import col, errors

A = col("a")
OWNERS: dict[str, Any] = {
    "pt": pt,
    "pt.random": pt.random,
    "pt.config": pt.config,
    "DataFrame": pt.DataFrame,
    "GroupBy": pt.GroupBy,
    "Result": pt.Result,
    "Expression": pt.Expression,
    "when(...)": type(pt.when(A)),
    "when(...).then(...)": type(pt.when(A).then(1)),
    "Expression.str": type(A.str),
    "Expression.dt": type(A.dt),
    "Expression.list": type(A.list),
    "Expression.struct": type(A.struct),
    "Expression.cat": type(A.cat),
    "Expression.bin": type(A.bin),
    "Expression.name": type(A.name),
}

PROMISED: dict[str, str] = {
    # Reading, memory, what is made, expressions, combining, functions, run-time.
    "pt": """
        scan_parquet scan_csv scan_json scan_ipc scan_orc
        read_parquet read_csv read_json read_ipc read_orc
        from_arrow from_pandas from_polars from_pydict from_items from_batches DataFrame
        range generate random
        col lit when all exclude coalesce concat_str struct element len count
        sum mean min max std var median quantile n_unique approx_n_unique first last any mode
        product skew kurtosis implode
        concat udf delayed compute config Session errors
        Expression GroupBy Result merge_asof
    """,
    "when(...)": "then",
    "when(...).then(...)": "when otherwise",
    "pt.random": "uniform normal integers",
    "pt.config": "set",
    "DataFrame": """
        filter where query __getitem__ __getattr__
        select with_columns assign drop rename cast astype
        group_by groupby
        join merge join_asof merge_asof join_where
        sort top_k bottom_k sort_values nlargest nsmallest
        head tail slice limit sample gather_every
        unique distinct drop_duplicates
        drop_nulls fill_null dropna fillna
        explode unnest unpivot pivot melt pivot_table
        group_by_dynamic rolling resample
        describe value_counts n_unique null_count count nunique __len__
        map_batches map_rows pipe map_partitions reduce
        repartition partitions npartitions
        persist cache checkpoint
        collect compute to_pandas to_arrow to_polars to_numpy to_pydict to_dicts
        collect_batches iter_rows to_torch to_batches
        sink_parquet sink_csv sink_json sink_ipc
        write_parquet write_csv write_json write_ipc to_parquet to_csv to_json to_ipc
        show explain show_graph profile estimate
        schema columns dtypes width
        __arrow_c_stream__ __arrow_c_schema__ __array__ toPandas
        _repr_html_ _repr_mimebundle_ _ipython_key_completions_ __narwhals_lazyframe__
    """,
    "GroupBy": """
        agg len size sum mean min max std var median quantile n_unique nunique count first last
        any all product head tail map_groups apply transform __getitem__
    """,
    "Result": """
        profile schema columns dtypes width shape height __len__ __getitem__
        to_pandas to_arrow to_polars to_numpy to_pydict to_dicts to_batches iter_rows to_torch
        __arrow_c_stream__ __arrow_c_schema__ __array__ toPandas
        _repr_html_ _repr_mimebundle_ _ipython_key_completions_ __narwhals_dataframe__
    """,
    "Expression": """
        __add__ __sub__ __mul__ __truediv__ __floordiv__ __mod__ __pow__
        __eq__ __ne__ __lt__ __le__ __gt__ __ge__ __and__ __or__ __invert__ __bool__
        is_in is_between is_null is_not_null is_nan is_finite is_unique is_duplicated
        is_first_distinct
        fill_null fill_nan cast alias abs round floor ceil sqrt exp log sin cos tan clip sign
        sum mean min max std var median quantile n_unique approx_n_unique count len first last
        any all mode product skew kurtosis
        over shift diff pct_change rank cum_sum cum_min cum_max cum_prod cum_count
        rolling_sum rolling_mean rolling_min rolling_max rolling_std rolling_var rolling_median
        rolling_quantile ewm_mean
        sort_by top_k implode replace map_batches map_elements hash cut qcut
        str dt list struct cat
    """,
    "Expression.str": """
        len_chars len_bytes to_lowercase to_uppercase strip_chars starts_with ends_with contains
        replace replace_all extract extract_all split slice head tail zfill pad_start pad_end find
        count_matches to_date to_datetime to_integer to_titlecase concat
        lower upper strip len startswith endswith
    """,
    "Expression.dt": """
        year month day weekday ordinal_day week quarter hour minute second millisecond microsecond
        nanosecond date time epoch truncate round offset_by strftime convert_time_zone
        replace_time_zone total_days total_hours total_minutes total_seconds total_milliseconds
        total_microseconds total_nanoseconds
    """,
    "Expression.list": "len get sum mean min max sort unique contains join slice explode eval",
    "Expression.struct": "field rename_fields",
    "Expression.cat": "get_categories",
}

ABSENT: dict[tuple[str, str], str] = {
    ("DataFrame", "__narwhals_lazyframe__"): (
        "narwhals wants a second expression language of whoever answers it, and publishes no"
        " stable protocol for that; df.collect() is taken, as a table"
    ),
}
"""What is promised and not there, and why."""

BY_PROTOCOL = (
    *("__getattr__", "_repr_html_", "_repr_mimebundle_", "_ipython_key_completions_", "__len__"),
    "__getitem__",
)
"""What is called by Python or a notebook, which may go without an example of its own."""

NO_DEPENDENCY = {"to_torch": "PyTorch is not among the dependencies: its example is shown only"}

SETTINGS: dict[tuple[str, str], str] = {
    **{
        ("pt", f"{verb}_{kind}"): "path columns schema hive_partitioning missing_columns filesystem"
        for verb in ("scan", "read")
        for kind in ("parquet", "csv", "json", "ipc", "orc")
    },
    **{
        ("DataFrame", f"{verb}_{kind}"): "path partition_by mode lazy"
        for verb in ("sink", "write", "to")
        for kind in ("parquet", "csv", "json", "ipc")
    },
    ("pt", "range"): "start stop step",
    ("pt", "generate"): "function partitions schema",
    **{("pt.random", name): "n seed" for name in ("uniform", "normal", "integers")},
    ("pt", "concat"): "frames how",
    ("DataFrame", "group_by"): "maintain_order",
    ("DataFrame", "join"): "other on left_on right_on how suffix validate nulls_equal coalesce",
    ("DataFrame", "merge"): "right how on left_on right_on suffixes",
    ("DataFrame", "join_asof"): "other on by strategy tolerance",
    ("DataFrame", "join_where"): "other predicates",
    ("DataFrame", "sort"): "by descending nulls_last",
    ("DataFrame", "unique"): "subset keep",
    ("DataFrame", "fill_null"): "value strategy",
    ("DataFrame", "pivot"): "on index values aggregate on_columns",
    ("DataFrame", "group_by_dynamic"): "on every period",
    ("DataFrame", "rolling"): "on period",
    ("DataFrame", "sample"): "n fraction seed",
    ("DataFrame", "map_batches"): "function schema",
    ("DataFrame", "map_rows"): "function schema",
    ("GroupBy", "map_groups"): "function schema",
    ("DataFrame", "reduce"): "function combine",
    ("DataFrame", "repartition"): "n by bytes",
    ("DataFrame", "checkpoint"): "path",
    ("DataFrame", "iter_rows"): "named",
    ("DataFrame", "show"): "n",
    ("DataFrame", "explain"): "optimized analyze steps format",
    ("DataFrame", "show_graph"): "format",
    ("Expression", "over"): "keys order_by",
    ("Expression.str", "contains"): "pattern literal",
}
"""Callables -> the parameters that are promised by name."""

NAMES = [(owner, name) for owner, text in PROMISED.items() for name in text.split()]


def found(owner: str, name: str) -> Any:
    """What stands behind a name, methods and properties unbound."""
    if inspect.ismodule(OWNERS[owner]):
        # Its names are loaded when they are first asked for.
        return getattr(OWNERS[owner], name)
    static = inspect.getattr_static(OWNERS[owner], name)
    if isinstance(static, property):
        return static.fget
    return static.__func__ if isinstance(static, classmethod | staticmethod) else static


@pytest.mark.parametrize(("owner", "name"), NAMES)
def test_a_promised_name_is_there_and_documented(owner: str, name: str) -> None:
    if (owner, name) in ABSENT:
        assert not hasattr(OWNERS[owner], name), "it is there now: take it out of ABSENT"
        return
    thing = found(owner, name)
    assert callable(thing) or inspect.ismodule(thing)
    if name not in BY_PROTOCOL:
        assert inspect.getdoc(thing)


def test_what_is_absent_was_promised() -> None:
    assert set(ABSENT) <= set(NAMES)
    assert all(len(reason) > 20 for reason in ABSENT.values())


@pytest.mark.parametrize(("owner", "name"), SETTINGS)
def test_a_promised_parameter_is_there(owner: str, name: str) -> None:
    assert set(SETTINGS[owner, name].split()) <= {*inspect.signature(found(owner, name)).parameters}


def public() -> Iterator[tuple[str, str]]:
    """All names that a user may meet, promised or not."""
    for owner, thing in OWNERS.items():
        for name in pt.__all__ if thing is pt else dir(thing):
            kept = (owner, name) in NAMES or not name.startswith("_")
            # What else these have is said elsewhere.
            few = owner in ("pt.config", "when(...)", "when(...).then(...)")
            whole = not few or name in PROMISED[owner].split()
            if kept and whole and not inspect.ismodule(getattr(thing, name, None)):
                yield owner, name


EVERYTHING = [each for each in public() if each not in ABSENT and each[1] != "__version__"]


@pytest.mark.parametrize(("owner", "name"), EVERYTHING)
def test_its_example_runs_as_it_is_typed(
    owner: str, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    doc = inspect.getdoc(found(owner, name)) or ""
    if ">>>" not in doc and name in BY_PROTOCOL:
        return
    # The module alone: nothing of the file that the example is written in.
    example = doctest.DocTestParser().get_doctest(doc, {"pt": pt}, f"{owner}.{name}", None, 0)
    assert example.examples, "it has no example"
    skipped = [each for each in example.examples if each.options.get(doctest.SKIP)]
    assert not skipped or name in NO_DEPENDENCY
    shown: list[str] = []
    runner = doctest.DocTestRunner(
        verbose=False, optionflags=doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS
    )
    monkeypatch.chdir(tmp_path)
    assert runner.run(example, out=shown.append).failed == 0, "".join(shown)


HOWS = ("inner", "left", "right", "full", "semi", "anti")


@pytest.mark.parametrize("how", HOWS)
def test_each_kind_of_join_is_taken(how: str) -> None:
    df = pt.from_pydict({"a": [1], "b": [2]})
    assert "a" in df.join(df, on="a", how=how).columns


@pytest.mark.parametrize(
    "call",
    [
        lambda df, path: df.join(df, how="cross").columns == ["a", "a_right"],
        lambda df, path: pt.concat([df, df], how="vertical").columns == ["a"],
        lambda df, path: pt.concat([df, df], how="diagonal").columns == ["a"],
        lambda df, path: pt.concat([df, df.rename({"a": "b"})], how="horizontal").width == 2,
        lambda df, path: df.explain(optimized=True, format="json").startswith("{"),
        lambda df, path: "How it ran" in df.explain(optimized=True, analyze=True, steps=True),
        lambda df, path: all(str(df.show_graph(format=each)) for each in ("svg", "mermaid", "dot")),
        lambda df, path: (
            [df.sink_csv(path / "x.csv", mode=each) is None for each in ("error", "overwrite")]
            == [False, False]
        ),
        lambda df, path: df.sink_parquet(path / "x", mode="append", lazy=True).width > 0,
        lambda df, path: df.filter(a=1).to_pydict() == {"a": [1]},
        lambda df, path: df[df.a > 1].to_pydict() == df.query("a > 1").to_pydict(),
        lambda df, path: df[["a"]].columns == ["a"] and repr(df["a"]) == repr(df.a) == "a",
        lambda df, path: df.assign(v=1).groupby("a").agg({"v": "sum"}).width == 2,
        lambda df, path: df.assign(b=lambda frame: frame.a + 1).to_pydict()["b"] == [2, 3],
        lambda df, path: len(df) == 2 and [batch.num_rows for batch in df.to_batches()] == [2],
    ],
)
def test_forms_that_are_promised(call: Callable[..., bool], tmp_path: Path) -> None:
    assert call(pt.from_pydict({"a": [1, 2]}), tmp_path)


@pytest.mark.parametrize(
    "mistake",
    [
        lambda df: bool(col("a") > 1),
        lambda df: df.iloc,
        lambda df: df.loc,
        lambda df: df.iterrows,
        lambda df: df.apply(len, axis=1),
    ],
)
def test_what_will_not_come_says_what_to_use(mistake: Callable[[Any], Any]) -> None:
    with pytest.raises((errors.InvalidExpression, errors.NotOffered), match=r"[Uu]se|Combine"):
        mistake(pt.from_pydict({"a": [1]}))


@pytest.mark.parametrize("module", [pt, pt.random])
def test_a_module_shows_its_names_alone(module: Any) -> None:
    assert [*dir(module)] == sorted(module.__all__)


def test_nothing_shows_itself_as_an_object_of_python() -> None:
    df = pt.from_pydict({"a": [1]})
    for thing in (
        *(df, df.group_by("a"), df.rolling("a", period=1), df.partitions, df.estimate()),
        *(df.collect(), df.show_graph("dot"), df.profile(), pt.delayed(len)(df)),
        *(pt.col, A, A.str, A.sum().over("b"), pt.when(A > 1), pt.when(A > 1).then(2)),
    ):
        shown = repr(thing)
        assert shown
        assert not re.search(r" object at 0x|Call\(", shown), shown
    for _, method in inspect.getmembers(pt.Expression, inspect.isfunction):
        assert " object at 0x" not in str(inspect.signature(method))

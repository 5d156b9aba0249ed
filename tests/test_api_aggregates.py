"""Aggregates as users write them: filters, orders, groups' rows, summaries, and what is refused."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import partita as pt
from partita import col, errors

ROWS = 20_000


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """5 files of 4,000 rows: ``k`` of 40 values and null, ``v``, ``x`` with NaN, ``s``, ``t``."""
    root = tmp_path_factory.mktemp("aggregates")
    random = np.random.default_rng(3)
    v = random.integers(-50, 50, ROWS)
    x = random.normal(size=ROWS).round(2)
    x[::97] = math.nan
    table = pa.table(
        {
            "k": pa.array(random.integers(0, 40, ROWS), mask=random.random(ROWS) < 0.02),
            "v": pa.array(v, mask=random.random(ROWS) < 0.1),
            "x": pa.array(x, mask=random.random(ROWS) < 0.1),
            "s": pa.array(random.choice(["a", "b", "c", "d", "e"], ROWS)),
            "t": pa.array(random.permutation(ROWS)),
        }
    )
    for number in range(5):
        pq.write_table(table.slice(number * 4000, 4000), root / f"{number}.parquet")
    return root


EVERYTHING = {
    "median": col("x").median(),
    "low": col("x").quantile(0.1, "linear"),
    "rough": col("x").approx_quantile(0.9),
    "few": col("s").approx_n_unique(),
    "mode": col("v").mode(),
    "skew": col("x").skew(),
    "kurtosis": col("v").kurtosis(bias=False),
    "corr": pt.corr("v", "t"),
    "cov": pt.cov("v", "t", ddof=0),
    "top": col("v").top_k(3),
    "bottom": col("t").bottom_k(2),
    "newest": col("s").sort_by("t", descending=True).first(),
    "oldest": col("v").sort_by("t").head(3),
    "first": col("v").filter(col("s") == "a").first(),
    "last": col("v").filter(col("s") == "zzz").last(),
    "rows": pt.len().filter(col("v") > 40),
    "listed": col("v").filter(col("v") > 48).implode(),
    "seen": col("s").unique(),
    "where": col("t").arg_min(),
    "by": col("s").max_by("x"),
    "bits": col("v").bitwise_xor(),
    "nulls": col("v").null_count(),
}


def test_states_meet_with_the_same_bits_in_one_process_and_in_several(files: Path) -> None:
    found = []
    for executor, workers in (("serial", 1), ("process", 2), ("process", 1)):
        settings = {"partition_bytes": "32KiB", "exchange_bytes": "16KiB", "small_query_bytes": 0}
        with pt.Session(executor=executor, workers=workers, batch_rows=1500, **settings):
            frame = pt.scan_parquet(files)
            made = [frame.group_by("k").agg(**EVERYTHING), frame.select(**EVERYTHING)]
            # Python shows a double so that no two are shown alike.
            found.append([repr(each.to_pydict()) for each in made])
    assert found[0] == found[1] == found[2]


def test_how_rows_are_cut_into_batches_changes_nothing_that_is_exact(files: Path) -> None:
    names = [name for name in EVERYTHING if name not in ("skew", "kurtosis", "corr", "cov")]
    asked = {name: EVERYTHING[name] for name in names}
    found = []
    for batch_rows, partition_bytes in ((300, "16KiB"), (100_000, "64MiB")):
        with pt.config.set(
            executor="serial", batch_rows=batch_rows, partition_bytes=partition_bytes
        ):
            frame = pt.scan_parquet(files).group_by("k").agg(**asked)
            found.append(repr(frame.sort("k").to_pydict()))
    assert found[0] == found[1]


# Sketches


@pytest.mark.parametrize("count", [0, 1, 3, 100, 5_000, 40_000, 300_000])
def test_an_approximate_number_of_values_is_within_its_error(count: int) -> None:
    frame = pt.from_pydict({"v": np.arange(count) * 7919, "s": [str(n % 17) for n in range(count)]})
    with pt.config.set(executor="serial", partition_bytes="256KiB"):
        found = frame.select(v=col("v").approx_n_unique(), s=col("s").approx_n_unique())
        (row,) = found.to_dicts()
    # Three standard errors of 0.81 %; of very few values it is exact.
    assert abs(row["v"] - count) <= (0.025 * count if count > 100 else 1)
    assert row["s"] == min(count, 17)


def test_an_approximate_number_of_values_errs_as_it_says() -> None:
    random = np.random.default_rng(11)
    groups = np.repeat(np.arange(60), 3_000)
    frame = pt.from_pydict({"k": groups, "v": random.integers(0, 2**60, len(groups))})
    found = frame.group_by("k").agg(n=col("v").approx_n_unique()).to_pydict()["n"]
    errors_found = np.array(found) / 3_000 - 1
    assert np.sqrt((errors_found**2).mean()) < 0.0081 * 1.3
    assert abs(errors_found.mean()) < 0.004


@pytest.mark.parametrize("accuracy", [0.1, 0.01, 0.0005])
def test_an_approximate_quantile_is_within_its_accuracy(accuracy: float) -> None:
    random = np.random.default_rng(5)
    values = np.concatenate(
        [random.lognormal(0, 3, 20_000), -random.lognormal(2, 2, 5_000), np.zeros(500)]
    )
    frame = pt.from_pydict({"v": random.permutation(values)})
    for share in (0.0, 0.01, 0.21, 0.5, 0.9, 0.999, 1.0):
        (row,) = frame.select(
            about=col("v").approx_quantile(share, accuracy), exact=col("v").quantile(share)
        ).to_dicts()
        assert abs(row["about"] - row["exact"]) <= accuracy * abs(row["exact"]) * (1 + 1e-9)


def test_an_approximate_quantile_knows_what_is_not_a_number() -> None:
    values = [math.inf, -math.inf, math.nan, 0.0, 5e-324, -1.7e308, None]
    frame = pt.from_pydict({"v": values})
    found = [
        frame.select(x=col("v").approx_quantile(place / 5)).to_pydict()["x"][0]
        for place in range(6)
    ]
    assert found[0] == -math.inf
    assert found[1] == pytest.approx(-1.7e308, rel=0.01)
    assert found[2] == 0.0
    assert found[3] < 1e-320
    assert found[4] == math.inf
    assert math.isnan(found[5])


# Exactness


def test_a_product_is_exact_or_an_error_however_the_rows_are_cut() -> None:
    data = {"k": [1, 1, 1, 2, 2, 3, 3], "v": [2**40, 2**40, 0, 2**31, -(2**32), 3, -7]}
    frame = pt.from_pydict(data).group_by("k").agg(p=col("v").product()).sort("k")
    with pt.config.set(executor="serial", batch_rows=1):
        assert frame.to_pydict() == {"k": [1, 2, 3], "p": [0, -(2**63), -21]}
    for values in ([2**31, 2**32], [2**40, 2**40], [3] * 60, [2**63 - 1] * 40):
        with pytest.raises(errors.ComputeError, match=r"product.*does not fit into int64"):
            pt.from_pydict({"v": values}).select(col("v").product()).collect()
    unsigned = pt.DataFrame(pa.table({"v": pa.array([2**32, 2**31, 1], pa.uint64())}))
    assert unsigned.select(col("v").product()).to_pydict() == {"v": [2**63]}


def test_a_quantile_of_times_is_exact_to_the_nanosecond() -> None:
    first = 1_700_000_000_000_000_001
    times = pa.array([first, first + 2], pa.timestamp("ns"))
    (row,) = (
        pt.DataFrame(pa.table({"t": times}))
        .select(mean=col("t").mean(), median=col("t").median(), low=col("t").quantile(0.0))
        .to_arrow()
        .to_pylist()
    )
    assert [value.value for value in row.values()] == [first + 1, first + 1, first]


def test_a_mean_of_times_before_the_epoch_is_rounded_towards_it() -> None:
    times = pa.array([-1, -2, -2], pa.duration("us"))
    frame = pt.DataFrame(pa.table({"t": times})).select(col("t").mean())
    assert frame.to_arrow()["t"].cast(pa.int64()).to_pylist() == [-1]
    wanted = pl.Series([-1, -2, -2], dtype=pl.Duration("us")).mean()
    assert frame.to_pydict()["t"] == [wanted]


# Filters and orders


def test_a_filter_guards_what_is_aggregated() -> None:
    frame = pt.from_pydict({"k": [1, 1, 2], "s": ["7", "x", "y"], "ok": [True, False, False]})
    made = frame.group_by("k").agg(n=col("s").cast("int64").filter(col("ok")).sum()).sort("k")
    assert made.to_pydict() == {"k": [1, 2], "n": [7, 0]}
    with pytest.raises(errors.ComputeError):
        frame.select(col("s").cast("int64").sum()).collect()


def test_several_filters_of_one_column_and_what_is_computed_of_them() -> None:
    frame = pt.from_pydict({"v": [1, 2, 3, 4], "k": [1, 1, 2, 2]})
    made = frame.select(
        low=col("v").filter(col("k") == 1).sum(),
        high=(col("v").filter(col("k") == 2) * 10).sum(),
        share=col("v").filter(k=2).sum() / col("v").sum(),
        both=col("v").filter(col("k") > 1).filter(col("v") > 3).len(),
        behind=col("v").sum().filter(col("k") == 1),
        named=pt.len().alias("n").filter(col("k") == 1),
        never=col("v").filter(pt.lit(None)).sum(),
        always=col("v").filter(True, col("v") > 0).sum(),
        text=(col("k").filter(col("v") > 2).cast("string") + "!").str.to_uppercase().first(),
        tested=(col("v").filter(col("k") == 2) > 3).sum(),
    )
    assert made.to_dicts() == [
        {
            "low": 3,
            "high": 70,
            "share": 0.7,
            "both": 1,
            "behind": 3,
            "named": 2,
            "never": 0,
            "always": 10,
            "text": "2!",
            "tested": 1,
        }
    ]


def test_names_of_what_is_filtered_are_those_of_the_values() -> None:
    frame = pt.from_pydict({"v": [1, 2], "k": [1, 2]})
    made = frame.select(col("v").filter(col("k") > 1).sum(), pt.len().filter(col("k") > 1))
    assert made.columns == ["v", "len"]
    assert frame.select(pt.all().filter(col("k") > 1).sum()).to_pydict() == {"v": [2], "k": [2]}


def test_an_order_of_several_keys_keeps_the_rows_order_among_equals() -> None:
    frame = pt.from_pydict({"v": [1, 2, 3, 4, 5], "a": [1, 0, 1, None, 0], "b": [9, 8, 9, 7, 8]})
    with pt.config.set(executor="serial", batch_rows=2):
        made = frame.select(
            first=col("v").sort_by("a", "b").first(),
            last=col("v").sort_by(["a", "b"], nulls_last=True).last(),
            listed=col("v").sort_by("a", descending=True, nulls_last=[True]).implode(),
        )
        assert made.to_dicts() == [{"first": 4, "last": 4, "listed": [1, 3, 2, 5, 4]}]


# Groups


def test_the_first_and_last_rows_of_groups_are_those_of_polars(files: Path) -> None:
    frame, other = pt.scan_parquet(files), pl.read_parquet(files / "*.parquet")
    for name, count in (("head", 3), ("tail", 2), ("tail", 10**6)):
        wanted = getattr(other.group_by("k", maintain_order=True), name)(count)
        for order in (True, False):
            with pt.config.set(
                executor="serial", partition_bytes="32KiB", exchange_bytes="8KiB", batch_rows=500
            ):
                made = getattr(frame.group_by("k", maintain_order=order), name)(count)
                found = made.collect().to_polars()
            if not order:
                found, wanted = (
                    found.sort("k", maintain_order=True),
                    wanted.sort("k", maintain_order=True),
                )
            assert found.equals(wanted), (name, count, order)


def test_rows_of_groups_by_an_expression_and_of_chosen_columns() -> None:
    frame = pt.from_pydict({"v": [1, 2, 3, 4], "w": [5, 6, 7, 8]})
    made = frame.group_by(odd=col("v") % 2 == 1, maintain_order=True)
    assert made.head(1).to_pydict() == {"odd": [True, False], "v": [1, 2], "w": [5, 6]}
    assert made.head(0).to_pydict() == {"odd": [], "v": [], "w": []}
    assert made["w"].tail(1).to_pydict() == {"odd": [True, False], "w": [7, 8]}
    assert "GROUP ROWS first 1 by odd" in made.head(1).explain()
    assert made.head(1).select("w").explain().count("columns: 2 of 2") <= 1


def test_methods_of_groups_are_those_of_pandas(files: Path) -> None:
    frame = pt.scan_parquet(files).select("k", "v").drop_nulls()
    data = frame.to_pandas().groupby("k")["v"]
    wanted = {
        "median": data.median(),
        "n_unique": data.nunique(),
        "quantile": data.quantile(0.3),
    }
    groups = frame.group_by("k")
    found = {
        "median": groups.median(),
        "n_unique": groups.n_unique(),
        "quantile": groups.quantile(0.3, "linear"),
    }
    for name, made in found.items():
        series = made.sort("k").to_pandas().set_index("k")["v"]
        pd.testing.assert_series_equal(
            series.astype(float), wanted[name].astype(float), check_index_type=False
        )


def test_two_groups_and_very_many() -> None:
    rows = 200_000
    frame = pt.from_pydict({"few": np.arange(rows) % 2, "many": np.arange(rows) // 2 * 7})
    with pt.config.set(executor="serial", partition_bytes="256KiB", exchange_bytes="256KiB"):
        few = frame.group_by("few").agg(m=col("many").median(), l=col("many").implode().alias("l"))
        assert few.sort("few").select("m").to_pydict() == {"m": [349_996.5, 349_996.5]}
        many = frame.group_by("many").agg(
            m=col("few").median(), mode=col("few").mode(), q=col("few").approx_quantile(0.0)
        )
        made = many.collect().to_arrow()
    assert made.num_rows == rows // 2
    assert made["m"].unique().to_pylist() == [0.5]
    assert made["mode"].slice(0, 2).to_pylist() == [[0, 1], [0, 1]]


# Summaries


DATA: dict[str, list[Any]] = {
    "i": [3, 1, None, 2],
    "x": [1.5, math.nan, 2.0, 0.0],
    "b": [True, None, False, True],
    "s": ["b", "a", None, "a"],
}


def test_a_description_is_that_of_polars() -> None:
    frame = pt.from_pydict(DATA)
    made = frame.describe().to_dicts()
    wanted = pl.DataFrame(DATA).describe().to_dicts()
    assert repr(made) == repr(wanted)
    few = frame.select("i").describe(0.9, interpolation="linear").to_pydict()
    assert few["statistic"] == ["count", "null_count", "mean", "std", "min", "90%", "max"]
    assert few["i"][5] == pytest.approx(2.8)
    assert len(frame.describe(None).to_dicts()) == 6


def test_a_description_is_one_pass_and_gathers(files: Path) -> None:
    plan = pt.scan_parquet(files).describe().explain()
    assert plan.split("Plan as run:")[1].count("SCAN") == 1
    assert "gathers: the values of k, v, x, t" in plan
    keyed = pt.scan_parquet(files).group_by("k").agg(col("x").median()).explain()
    assert "gathers" not in keyed


def test_a_description_of_many_partitions_holds_values_once(files: Path) -> None:
    with pt.config.set(executor="serial", partition_bytes="32KiB"):
        made = pt.scan_parquet(files).describe([0.1, 0.5]).to_arrow().to_pydict()
    wanted = pl.read_parquet(files / "*.parquet").describe([0.1, 0.5]).to_dict(as_series=False)
    for name in ("k", "v", "t", "x"):
        assert made[name] == pytest.approx(wanted[name], nan_ok=True)
    assert made["s"] == wanted["s"]


@pytest.mark.parametrize(
    ("options", "polars"),
    [
        ({}, {}),
        ({"name": "n"}, {"name": "n"}),
        ({"normalize": True}, {"normalize": True}),
        ({"sort": False, "normalize": True, "name": "share"}, {"normalize": True, "name": "share"}),
    ],
)
def test_counts_of_values_are_those_of_polars(
    files: Path, options: dict[str, Any], polars: dict[str, Any]
) -> None:
    wanted = pl.read_parquet(files / "*.parquet")["k"].value_counts(sort=True, **polars)
    name = wanted.columns[1]
    with pt.config.set(executor="serial", partition_bytes="32KiB", exchange_bytes="8KiB"):
        found = pt.scan_parquet(files).value_counts("k", **options).collect().to_polars()
    if options.get("sort", True):
        assert found[name].to_list() == wanted[name].to_list()
    assert found.sort(name, "k").to_dicts() == wanted.sort(name, "k").to_dicts()


def test_counts_of_values_without_nulls_and_of_several_columns() -> None:
    frame = pt.from_pydict({"a": [1, None, 1], "b": ["x", "y", "x"]})
    assert frame.value_counts("a", dropna=True).to_pydict() == {"a": [1], "count": [2]}
    assert frame.value_counts(normalize=True, dropna=True).to_pydict() == {
        "a": [1],
        "b": ["x"],
        "proportion": [1.0],
    }
    assert frame.filter(col("b") == "q").value_counts("a", normalize=True).to_pydict() == {
        "a": [],
        "proportion": [],
    }


def test_a_row_of_aggregates_of_the_columns_that_have_one() -> None:
    frame = pt.from_pydict(DATA)
    assert frame.sum().to_dicts()[0].keys() == {"i", "x", "b"}
    assert frame.std().columns == ["i", "x"]
    assert frame.any().to_pydict() == {"b": [True]}
    assert frame.min().to_pydict() == {"i": [1], "x": [0.0], "b": [False], "s": ["a"]}
    assert frame.first().to_pydict() == {"i": [3], "x": [1.5], "b": [True], "s": ["b"]}
    assert frame.select("i", "b").product().to_pydict() == {"i": [6], "b": [0]}
    assert frame.select("i").quantile(0.5, "lower").to_pydict() == {"i": [2.0]}
    assert frame.null_count().to_pydict() == {"i": [1], "x": [0], "b": [1], "s": [1]}


# What is refused


REFUSED: dict[str, tuple[str, Callable[[pt.DataFrame], Any]]] = {
    "rows that are not aggregated": ("implode", lambda df: df.select(col("v").filter(k=1))),
    "rows in a group": ("implode", lambda df: df.group_by("k").agg(col("v").sort())),
    "a column in a group": ("implode", lambda df: df.group_by("k").agg(col("v"))),
    "rows among rows": ("df.filter", lambda df: df.with_columns(x=col("v").filter(k=1))),
    "an aggregate of an aggregate": (
        "Aggregate once",
        lambda df: df.group_by("k").agg(col("v").sum().max()),
    ),
    "a filter by an aggregate": (
        "Aggregate once",
        lambda df: df.select(col("v").filter(col("v") > col("v").mean()).sum()),
    ),
    "a filter that is no condition": (
        "needs a boolean",
        lambda df: df.select(col("v").filter(col("k")).sum()),
    ),
    "no filter": ("wants a condition", lambda df: col("v").filter()),
    "two filters in one": (
        "different rows",
        lambda df: df.select((col("v").filter(k=1) + col("v").filter(k=2)).sum()),
    ),
    "an order by other rows": (
        "different rows",
        lambda df: df.select(col("v").filter(k=1).sort_by(col("k").filter(k=2)).first()),
    ),
    "an order that has no effect": (
        "goes by the order of the rows",
        lambda df: df.select(col("v").sort_by("k").arg_min()),
    ),
    "an order of an aggregate": ("no order", lambda df: col("v").sum().sort_by("k")),
    "a share beyond all": ("between 0 and 1", lambda df: df.select(col("v").quantile(1.5))),
    "an unknown way": ("'nearest'", lambda df: df.select(col("v").quantile(0.5, "middle"))),
    "an unknown way of a frame": ("'nearest'", lambda df: df.quantile(0.5, "middle")),
    "a share that is text": ("between 0 and 1", lambda df: df.group_by("k")["v"].quantile("a")),
    "an unknown way to describe": ("'nearest'", lambda df: df.describe(interpolation="middle")),
    "an accuracy of none": ("accuracy", lambda df: df.select(col("v").approx_quantile(0.5, 0.0))),
    "fewer than none": ("0 or more", lambda df: df.select(col("v").top_k(-1))),
    "a median of text": ("wants a number", lambda df: df.select(col("s").median())),
    "a correlation with text": (
        "wants a number, but s is string",
        lambda df: df.select(pt.corr("v", "s")),
    ),
    "a product of decimals": (
        "Cast to double",
        lambda df: df.select(col("v").cast(pa.decimal128(9, 2)).product()),
    ),
    "a sum of text alone": ("no column is", lambda df: df.select("s").sum()),
    "groups of minus one": ("0 or more", lambda df: df.group_by("k").head(-1)),
    "counts called like a column": (
        "name='n'",
        lambda df: df.rename({"k": "count"}).value_counts("count"),
    ),
    "a description of 'statistic'": ("rename", lambda df: df.rename({"k": "statistic"}).describe()),
}


@pytest.mark.parametrize("what", REFUSED)
def test_it_is_refused_with_what_to_write(what: str) -> None:
    advice, ask = REFUSED[what]
    frame = pt.from_pydict({"k": [1, 2], "v": [3, 4], "s": ["a", "b"]})
    with pytest.raises(errors.PartitaError) as caught:
        ask(frame)
    assert advice in str(caught.value)


def test_constants_beside_aggregates_and_of_them() -> None:
    frame = pt.from_pydict({"k": [1, 1, 2], "v": [3, 4, 5]})
    made = frame.group_by("k").agg(
        one=pt.lit(1), total=pt.lit(2).sum(), both=col("v").sum() + col("k") * 10, n=pt.len() * 2
    )
    assert made.sort("k").to_dicts() == [
        {"k": 1, "one": 1, "total": 4, "both": 17, "n": 4},
        {"k": 2, "one": 1, "total": 2, "both": 25, "n": 2},
    ]
    nested = frame.select(
        x=pt.when(col("v").max() > 4).then(col("v").filter(k=1).sum()).otherwise(pt.lit(0)),
        y=(col("v").sum() - col("v").min()) / pt.len(),
    )
    assert nested.to_dicts() == [{"x": 7, "y": 3.0}]

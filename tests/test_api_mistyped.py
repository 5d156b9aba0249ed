"""Every verb, by walking them: a mistyped column, a mistyped option, a setting of another type."""

from __future__ import annotations

import contextlib
import datetime
import inspect
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import partita as pt
from partita import col, errors

DAY = datetime.date(2024, 1, 1)
DATA = {"region": ["n", "s"], "amount": [1, 2], "day": [DAY, DAY], "tags": [[1], [2, 3]]}
FRAME = pt.from_pydict(DATA)
WRITERS = ("sink_", "write_", "to_csv", "to_json", "to_parquet", "to_ipc", "to_orc", "to_feather")


def frame() -> Any:
    return pt.from_pydict(DATA)


def groups() -> Any:
    return frame().group_by("region")


def windows() -> Any:
    return frame().rolling("day", period="1d")


MAKERS: dict[str, Callable[[], Any]] = {"frame": frame, "groups": groups, "windows": windows}


def methods(owner: str) -> Iterator[tuple[str, inspect.Signature]]:
    """Yield the public methods of what a maker makes, with their signatures."""
    cls = type(MAKERS[owner]())
    for name in dir(cls):
        method = getattr(cls, name, None)
        if not name.startswith("_") and inspect.isfunction(method):
            yield name, inspect.signature(method)


BAD = "amuont"

COLUMNS: dict[str, Callable[[Any], Any]] = {
    "filter": lambda d: d.filter(col(BAD) > 1),
    "where": lambda d: d.where(col(BAD) > 1),
    "query": lambda d: d.query("amuont > 1"),
    "select": lambda d: d.select(BAD),
    "with_columns": lambda d: d.with_columns(x=col(BAD) + 1),
    "assign": lambda d: d.assign(x=col(BAD)),
    "drop": lambda d: d.drop(BAD),
    "rename": lambda d: d.rename({BAD: "x"}),
    "cast": lambda d: d.cast({BAD: int}),
    "astype": lambda d: d.astype({BAD: int}),
    "sort": lambda d: d.sort(BAD),
    "sort_values": lambda d: d.sort_values(BAD),
    "top_k": lambda d: d.top_k(1, by=BAD),
    "bottom_k": lambda d: d.bottom_k(1, by=BAD),
    "nlargest": lambda d: d.nlargest(1, BAD),
    "nsmallest": lambda d: d.nsmallest(1, BAD),
    "unique": lambda d: d.unique(BAD),
    "distinct": lambda d: d.distinct(BAD),
    "drop_duplicates": lambda d: d.drop_duplicates([BAD]),
    "drop_nulls": lambda d: d.drop_nulls(BAD),
    "drop_nans": lambda d: d.drop_nans(BAD),
    "dropna": lambda d: d.dropna(subset=[BAD]),
    "fill_null": lambda d: d.fill_null({BAD: 1}),
    "fillna": lambda d: d.fillna({BAD: 1}),
    "explode": lambda d: d.explode(BAD),
    "unnest": lambda d: d.unnest(BAD),
    "unpivot": lambda d: d.unpivot(BAD, index="region"),
    "melt": lambda d: d.melt(id_vars=BAD),
    "pivot": lambda d: d.pivot(BAD, ["n"], index="day", values="amount", aggregate="sum"),
    "pivot_table": lambda d: d.pivot_table("amount", "day", BAD, "sum", on_columns=["n"]),
    "group_by": lambda d: d.group_by(BAD),
    "groupby": lambda d: d.groupby([BAD]),
    "rolling": lambda d: d.rolling(BAD, period="1d"),
    "group_by_dynamic": lambda d: d.group_by_dynamic(BAD, every="1d"),
    "resample": lambda d: d.resample("1d", on=BAD),
    "value_counts": lambda d: d.value_counts(BAD),
    "join": lambda d: d.join(d, on=BAD),
    "join_asof": lambda d: d.join_asof(d, on=BAD),
    "join_where": lambda d: d.join_where(d, col(BAD) > col("amount")),
    "merge": lambda d: d.merge(d, on=BAD),
    "merge_asof": lambda d: d.merge_asof(d, on=BAD),
    "repartition": lambda d: d.repartition(by=BAD),
    "agg": lambda g: g.agg(col(BAD).sum()),
}
"""Methods that take names of columns, each with one that is mistyped."""

WITHOUT_COLUMNS = {
    *("all", "any", "cache", "checkpoint", "clear", "collect", "collect_batches", "compute"),
    *("count", "describe", "estimate", "explain", "fill_nan", "first", "gather_every", "head"),
    *("iter_rows", "last", "limit", "map_batches", "map_partitions", "map_rows", "max", "mean"),
    *("median", "min", "n_unique", "null_count", "nunique", "persist", "pipe", "product"),
    *("profile", "quantile", "reduce", "reverse", "sample", "shuffle", "show", "show_graph"),
    *("slice", "std", "sum", "tail", "toPandas", "var", "with_row_index", "shift"),
    *("forward_fill", "backward_fill", "ffill", "bfill", "interpolate"),
    *("apply", "len", "map_groups", "size", "transform", "rank", "diff", "pct_change"),
    *("cumcount", "cummax", "cummin", "cumprod", "cumsum", "chosen_columns"),
}
"""Methods that take none; a new one belongs here or among `COLUMNS`."""


@pytest.mark.parametrize("owner", MAKERS)
def test_every_method_is_known_to_take_columns_or_not(owner: str) -> None:
    for name, _ in methods(owner):
        known = name in COLUMNS or name in WITHOUT_COLUMNS
        assert known or name.startswith(("to_", *WRITERS)), name


CASES = [
    (owner, name)
    for owner in MAKERS
    for name, _ in methods(owner)
    if name in COLUMNS and (name == "agg") == (owner != "frame")
]


@pytest.mark.parametrize(("owner", "name"), CASES)
def test_a_mistyped_column_is_answered_with_the_nearest(owner: str, name: str) -> None:
    with pytest.raises(errors.ColumnNotFound) as caught:
        COLUMNS[name](MAKERS[owner]())
    message = str(caught.value)
    assert repr(BAD) in message
    assert "Did you mean 'amount'" in message
    assert "'region', 'amount', 'day'" in message


SINKS = [name for name, _ in methods("frame") if name.startswith(WRITERS)]


@pytest.mark.parametrize("name", SINKS)
def test_a_mistyped_column_of_a_target(name: str, tmp_path: Any) -> None:
    with pytest.raises(errors.ColumnNotFound, match="Did you mean 'amount'"):
        getattr(frame(), name)(tmp_path / "out", partition_by=BAD)


OPTIONED = [
    (owner, name)
    for owner in MAKERS
    for name, signature in methods(owner)
    if all(each.kind is not each.VAR_KEYWORD for each in signature.parameters.values())
]


@pytest.mark.parametrize(("owner", "name"), OPTIONED)
def test_a_mistyped_option_is_answered_with_the_nearest(owner: str, name: str) -> None:
    method = getattr(MAKERS[owner](), name)
    with pytest.raises(errors.InvalidExpression, match="has no option 'no_such'") as caught:
        method(no_such=1)
    known = [
        each.name
        for each in inspect.signature(method).parameters.values()
        if each.kind is not each.VAR_POSITIONAL
    ]
    assert ("options" in str(caught.value)) or not known
    for option in known:
        assert repr(option) in str(caught.value)
        if len(option) > 3:
            with pytest.raises(errors.InvalidExpression, match=f"'{option}'"):
                method(**{option[:-2] + option[-1] + option[-2] + "_": 1})


@pytest.mark.parametrize(("owner", "name"), OPTIONED)
def test_too_many_arguments_are_answered_with_the_call(owner: str, name: str) -> None:
    method = getattr(MAKERS[owner](), name)
    parameters = inspect.signature(method).parameters.values()
    if not any(each.kind is each.VAR_POSITIONAL for each in parameters):
        with pytest.raises(errors.InvalidExpression, match=r"It is called as \w+\("):
            method(*range(20))


ODD: dict[str, Any] = {
    "number": 3.5,
    "text": "zzz",
    "none": None,
    "object": object(),
    "list": [1],
    "mapping": {"a": 1},
    "negative": -1,
    "empty": (),
    "bytes": b"x",
    "flag": True,
    "function": lambda value: value,
    "frame": FRAME,
    "column": col("zzz"),
}
NEEDED = {
    "other": FRAME,
    "right": FRAME,
    "function": lambda batch: batch,
    "combine": lambda x: x,
    "n": 1,
    "k": 1,
    "by": "amount",
    "quantile": 0.5,
    "period": "1d",
    "on": "day",
    "schema": FRAME.schema,
    "mapping": {"amount": "b"},
    "dtypes": {"amount": int},
    "text": "amount > 1",
    "value": 1,
    "offset": 0,
    "columns": "amount",
    "every": "1d",
}
RUN = ("checkpoint", "show", "to_torch", *WRITERS)


@pytest.mark.parametrize("owner", MAKERS)
@pytest.mark.parametrize("odd", ODD)
def test_what_an_argument_cannot_be_is_said_in_our_words(owner: str, odd: str) -> None:
    with pt.config.set(executor="serial"):
        for name, signature in methods(owner):
            if name == "pipe" or name.startswith(RUN):
                continue
            shown = [each for each in signature.parameters.values() if each.name != "self"]
            required = {
                each.name: NEEDED.get(each.name, "amount")
                for each in shown
                if each.default is each.empty and each.kind is each.POSITIONAL_OR_KEYWORD
            }
            for parameter in shown:
                args: tuple[Any, ...] = ()
                given = dict(required)
                if parameter.kind is parameter.VAR_POSITIONAL:
                    args = (ODD[odd],)
                elif parameter.kind is parameter.VAR_KEYWORD:
                    continue
                else:
                    given[parameter.name] = ODD[odd]
                try:
                    with contextlib.suppress(errors.PartitaError):
                        getattr(MAKERS[owner](), name)(*args, **given)
                except Exception as error:
                    raise AssertionError(f"{name}({parameter.name}={ODD[odd]!r})") from error

"""Parquet datasets: schemas over files, pruning, fragments, and what is wrong with a file."""

from __future__ import annotations

import datetime as dt
import os
import pickle
from decimal import Decimal
from pathlib import Path

import fsspec
import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from partita.engine.errors import DuplicateColumn, SchemaError, SourceCorrupt, SourceNotFound
from partita.engine.expr.node import Call, Column, Expr, literal
from partita.engine.schema import conform
from partita.engine.source import Fragment, Pushdown, Source
from partita.io import ParquetSource, parquet_footers

MiB = 1 << 20
CODES = pa.dictionary(pa.int32(), pa.string())


def batches_of(
    source: Source, pushdown: Pushdown | None = None, size: int = 64 * MiB, batch_rows: int = 10_000
) -> list[pa.RecordBatch]:
    fragments = source.plan(pushdown or Pushdown(), size).fragments
    again = [pickle.loads(pickle.dumps(fragment)) for fragment in fragments]
    assert all(isinstance(fragment, Fragment) for fragment in again)
    found = []
    for fragment in again:
        batches = list(fragment.batches(batch_rows))
        assert sum(batch.num_rows for batch in batches) == fragment.rows
        found += batches
    assert all(0 < batch.num_rows <= batch_rows for batch in found)
    return found


def table_of(source: Source, pushdown: Pushdown | None = None, **options: int) -> pa.Table:
    wanted = source.schema
    if pushdown is not None and pushdown.columns is not None:
        wanted = pa.schema([wanted.field(name) for name in pushdown.columns])
    batches = [conform(batch, wanted) for batch in batches_of(source, pushdown, **options)]
    return pa.Table.from_batches(batches, wanted)


def greater(name: str, value: object) -> Expr:
    return Call("gt", (Column(name), literal(value)))


@pytest.fixture(params=["read whole", "read piece by piece"])
def numbers(
    tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> pa.Table:
    """Three files of 4 row groups of 100 rows, ordered by `n`, in ``tmp_path``."""
    if request.param == "read piece by piece":
        monkeypatch.setattr(parquet_footers, "_WHOLE_BYTES", 0)
    table = pa.table(
        {
            "n": np.arange(1200),
            "text": pa.array([f"word {i % 5}" for i in range(1200)]),
            "long": pa.array([f"{i:060d}" for i in range(1200)]),
            "some": pa.array([None if i % 3 else i / 2 for i in range(1200)]),
        }
    )
    for part in range(3):
        pq.write_table(
            table.slice(part * 400, 400), tmp_path / f"{part}.parquet", row_group_size=100
        )
    return table


def test_all_rows_in_order(tmp_path: Path, numbers: pa.Table) -> None:
    source = ParquetSource.open(tmp_path)
    assert isinstance(source, Source)
    assert source.label == f"parquet '{tmp_path}'"
    for size in (1, 5000, 64 * MiB):
        assert table_of(source, size=size, batch_rows=64).equals(numbers)
    order = Pushdown(columns=("some", "n"))
    assert table_of(source, order).equals(numbers.select(["some", "n"]))


def test_fragments_are_cut_by_the_bytes_needed(tmp_path: Path) -> None:
    table = pa.table({"a": np.arange(200_000), "b": np.random.default_rng(1).random(200_000)})
    pq.write_table(table, tmp_path / "t.parquet", row_group_size=10_000)
    source = ParquetSource.open(tmp_path)
    fragments = source.plan(Pushdown(columns=("a",)), 400_000).fragments
    assert [fragment.rows for fragment in fragments][:2] == [40_000, 50_000]
    assert sum(fragment.rows for fragment in fragments) == 200_000
    assert all(160_000 <= fragment.bytes <= 400_000 for fragment in fragments[:-1])
    whole = source.plan(Pushdown(), 64 * MiB)
    assert len(whole.fragments) == 1
    assert whole.fragments[0].bytes == 3_200_000
    assert "row groups 0 to 19" in whole.fragments[0].label


def test_files_and_row_groups_are_pruned(tmp_path: Path, numbers: pa.Table) -> None:
    source = ParquetSource.open(tmp_path)
    plan = source.plan(Pushdown(columns=("n",), predicate=greater("n", 899)), 64 * MiB)
    assert plan.pruned == {"files": (1, 3), "row groups": (3, 12)}
    read, stored = plan.stored_bytes
    assert 0 < read < stored / 10
    assert stored == sum(os.stat(path).st_size for path in tmp_path.iterdir())
    kept = table_of(source, Pushdown(columns=("n",), predicate=greater("n", 899)))
    assert kept["n"].to_pylist() == list(range(900, 1200))
    none = source.plan(Pushdown(predicate=greater("n", 5000)), 64 * MiB)
    assert none.fragments == ()
    assert none.pruned["files"] == (0, 3)


def test_a_limit_reads_no_more_than_it_needs(tmp_path: Path, numbers: pa.Table) -> None:
    source = ParquetSource.open(tmp_path)
    assert source.plan(Pushdown(limit=150), 64 * MiB).pruned["row groups"] == (2, 12)
    limited = source.plan(Pushdown(limit=150, predicate=greater("n", -1)), 64 * MiB)
    assert limited.pruned["row groups"] == (12, 12)


def test_a_count_reads_no_column(tmp_path: Path, numbers: pa.Table) -> None:
    source = ParquetSource.open(tmp_path)
    batches = batches_of(source, Pushdown(columns=()), batch_rows=500)
    assert [batch.num_rows for batch in batches] == [500, 500, 200]
    assert source.plan(Pushdown(columns=()), MiB).stored_bytes[0] == 0


def test_statistics_come_from_the_footers(tmp_path: Path, numbers: pa.Table) -> None:
    source = ParquetSource.open(tmp_path)
    found = source.statistics()
    assert found.rows == 1200
    assert numbers.nbytes / 3 < found.bytes < numbers.nbytes * 2
    assert (found.columns["n"].minimum, found.columns["n"].maximum) == (0, 1199)
    assert found.columns["some"].null_count == 800
    assert found.columns["some"].maximum is None  # NaN would be above it
    assert found.columns["text"].maximum == "word 4"
    assert list(found.columns) == source.schema.names


def test_text_stays_a_dictionary_where_the_file_has_it_so(tmp_path: Path) -> None:
    values = pa.array(["x", None, "y"] * 1000)
    pq.write_table(
        pa.table({"d": values, "p": values}), tmp_path / "a.parquet", use_dictionary=["d"]
    )
    source = ParquetSource.open(tmp_path)
    (batch,) = batches_of(source)
    assert source.schema.types == [pa.string(), pa.string()]
    assert batch.schema.types == [CODES, pa.string()]
    # One file with plain pages: the fragment that reads both has one type.
    pq.write_table(pa.table({"d": values}), tmp_path / "b.parquet", use_dictionary=False)
    assert {batch.schema.field("d").type for batch in batches_of(source)} == {CODES}
    both = ParquetSource.open(tmp_path)
    assert {batch.schema.field("d").type for batch in batches_of(both)} == {pa.string()}


def test_text_that_fell_back_to_plain_pages_is_read_plain(tmp_path: Path) -> None:
    values = [f"{i:0100d}" for i in range(30_000)]
    pq.write_table(pa.table({"s": values}), tmp_path / "a.parquet")
    (batch,) = batches_of(ParquetSource.open(tmp_path), batch_rows=100_000)
    assert batch.schema.types == [pa.string()]
    assert batch.column(0).to_pylist() == values


def test_a_large_dictionary_of_texts_that_hardly_repeat_is_read_plain(tmp_path: Path) -> None:
    for copies, dtype in ((2, pa.string()), (20, CODES)):
        values = [f"shop{i:08d}" for i in range(50_000)] * copies
        pq.write_table(pa.table({"s": values}), tmp_path / f"{copies}.parquet")
        source = ParquetSource.open(tmp_path / f"{copies}.parquet")
        batch = next(iter(source.plan(Pushdown(), 1 << 30).fragments[0].batches(1 << 20)))
        assert batch.schema.types == [dtype]
        assert batch.column(0).to_pylist() == values


def test_dictionaries_of_short_row_groups_become_one(tmp_path: Path) -> None:
    words = [f"w{i // 10}" for i in range(100)]
    pq.write_table(pa.table({"s": words}), tmp_path / "a.parquet", row_group_size=10)
    (batch,) = batches_of(ParquetSource.open(tmp_path))
    assert batch.schema.types == [CODES]
    assert batch.column(0).to_pylist() == words


def test_a_categorical_stays_one(tmp_path: Path) -> None:
    table = pa.table({"c": pa.array(["x", "y", None]).dictionary_encode()})
    pq.write_table(table, tmp_path / "a.parquet")
    source = ParquetSource.open(tmp_path)
    assert source.schema.types == [CODES]
    assert table_of(source)["c"].to_pylist() == ["x", "y", None]


def test_every_type_comes_back(tmp_path: Path) -> None:
    utc = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
    table = pa.table(
        {
            "struct": [{"a": 1, "b": [1, None]}, None],
            "list": [["x"], []],
            "map": pa.array([[("k", 1)], None], pa.map_(pa.string(), pa.int64())),
            "dot.ted": [1, 2],
            "zone": pa.array([utc, None], pa.timestamp("us", "Europe/Paris")),
            "nanos": pa.array([1, None], pa.timestamp("ns")),
            "time": pa.array([dt.time(1, 2, 3), None], pa.time64("us")),
            "dec": pa.array([Decimal("1.10"), None], pa.decimal128(20, 2)),
            "wide": pa.array([Decimal(10) ** 50, None], pa.decimal256(60, 0)),
            "bin": [b"\xff", None],
            "fixed": pa.array([b"ab", None], pa.binary(2)),
            "half": pa.array([1.5, None], pa.float16()),
            "span": pa.array([5, None], pa.duration("us")),
            "none": pa.nulls(2),
            "u64": pa.array([2**64 - 1, None], pa.uint64()),
            "last": [True, None],
        }
    )
    pq.write_table(table, tmp_path / "a.parquet")
    source = ParquetSource.open(tmp_path)
    assert table_of(source).equals(table)
    assert table_of(source, Pushdown(columns=("last", "struct"))).equals(
        table.select(["last", "struct"])
    )
    assert source.statistics().columns["u64"].maximum == 2**64 - 1
    assert source.statistics().columns["list"].minimum is None
    kept = source.plan(Pushdown(predicate=Call("is_null", (Column("struct"),))), MiB)
    assert len(kept.fragments) == 1


def test_view_and_large_text_are_plain_in_a_plan(tmp_path: Path) -> None:
    pl.DataFrame({"s": ["a", None, "c"]}).write_parquet(tmp_path / "polars.parquet")
    table = pa.table({"s": pa.array(["v"], pa.string_view())})
    pq.write_table(table, tmp_path / "view.parquet", use_dictionary=False)
    source = ParquetSource.open(tmp_path)
    assert source.schema.types == [pa.string()]
    assert table_of(source)["s"].to_pylist() == ["a", None, "c", "v"]


def test_schemas_are_unified(tmp_path: Path) -> None:
    pq.write_table(
        pa.table({"a": pa.array([1, 2], pa.int32()), "b": ["x", "y"]}), tmp_path / "1.parquet"
    )
    pq.write_table(pa.table({"c": [1.5], "a": [2**40]}), tmp_path / "2.parquet")
    source = ParquetSource.open(tmp_path)
    assert source.schema == pa.schema([("a", pa.int64()), ("b", pa.string()), ("c", pa.float64())])
    assert table_of(source).to_pydict() == {
        "a": [1, 2, 2**40],
        "b": ["x", "y", None],
        "c": [None, None, 1.5],
    }
    missing = source.plan(Pushdown(predicate=Call("is_not_null", (Column("c"),))), MiB)
    assert missing.pruned["files"] == (1, 2)
    (only,) = source.plan(Pushdown(columns=("b",)), 1).fragments[1:]
    assert [batch.to_pydict() for batch in only.batches(10)] == [{"b": [None]}]
    with pytest.raises(SchemaError, match=r"'c' is not in .*1\.parquet.*insert"):
        ParquetSource.open(tmp_path, missing_columns="raise")


def test_contradicting_schemas_name_both_files(tmp_path: Path) -> None:
    pq.write_table(pa.table({"a": ["x"]}), tmp_path / "one.parquet")
    pq.write_table(pa.table({"a": [dt.date(2020, 1, 1)]}), tmp_path / "two.parquet")
    with pytest.raises(SchemaError, match=r"one\.parquet.*two\.parquet"):
        ParquetSource.open(tmp_path)


def test_a_given_schema_rules(tmp_path: Path) -> None:
    pq.write_table(pa.table({"a": pa.array([1], pa.int32()), "b": ["x"]}), tmp_path / "1.parquet")
    wanted = pa.schema([("z", pa.date32()), ("a", pa.float64())])
    source = ParquetSource.open(tmp_path, schema=wanted, missing_columns="insert")
    assert source.schema == wanted
    assert table_of(source).to_pydict() == {"z": [None], "a": [1.0]}
    with pytest.raises(SchemaError, match=r"'a' is int32 in .*1\.parquet"):
        ParquetSource.open(tmp_path, schema=pa.schema([("a", pa.list_(pa.int8()))]))
    narrow = ParquetSource.open(tmp_path, schema=pa.schema([("b", pa.int64())]))
    with pytest.raises(SchemaError, match="column 'b'"):
        table_of(narrow)


def test_hive_partitions(tmp_path: Path) -> None:
    for year, place in ((2023, "north"), (2023, "a%2Fb"), (2024, "__HIVE_DEFAULT_PARTITION__")):
        folder = tmp_path / f"year={year}" / f"place={place}"
        folder.mkdir(parents=True)
        pq.write_table(pa.table({"n": [1, 2]}), folder / "x.parquet")
    source = ParquetSource.open(tmp_path)
    assert source.schema == pa.schema(
        [("n", pa.int64()), ("year", pa.int64()), ("place", pa.string())]
    )
    assert table_of(source, Pushdown(columns=("place", "n", "year"))).to_pylist()[::2] == [
        {"place": "a/b", "n": 1, "year": 2023},
        {"place": "north", "n": 1, "year": 2023},
        {"place": None, "n": 1, "year": 2024},
    ]
    assert [b.to_pydict() for b in batches_of(source, Pushdown(columns=("year",)))] == [
        {"year": [2023] * 4 + [2024] * 2}
    ]
    assert source.plan(Pushdown(predicate=greater("year", 2023)), MiB).pruned["files"] == (1, 3)
    north = Call("eq", (Column("place"), literal("north")))
    assert source.plan(Pushdown(predicate=north), MiB).pruned["files"] == (1, 3)
    found = source.statistics().columns
    assert (found["year"].minimum, found["year"].distinct) == (2023, 2)
    assert found["place"].null_count == 2
    assert ParquetSource.open(tmp_path, hive_partitioning=False).schema.names == ["n"]
    typed = ParquetSource.open(
        tmp_path, schema=pa.schema([("year", pa.int16()), ("n", pa.int64())])
    )
    assert table_of(typed)["year"].type == pa.int16()


def test_thousands_of_small_files_make_few_fragments(tmp_path: Path) -> None:
    pq.write_table(pa.table({"a": [1, 2, 3]}), tmp_path / "0.parquet")
    for number in range(1, 1000):
        os.link(tmp_path / "0.parquet", tmp_path / f"{number}.parquet")
    source = ParquetSource.open(tmp_path)
    fragments = source.plan(Pushdown(), 64 * MiB).fragments
    assert len(fragments) < 10
    assert sum(len(list(fragment.batches(100_000))) for fragment in fragments) < 10
    assert sum(fragment.rows for fragment in fragments) == 3000
    assert "more files" in fragments[0].label


def test_files_without_rows(tmp_path: Path) -> None:
    empty = pa.table({"a": pa.array([], pa.int64()), "s": pa.array([], pa.string())})
    pq.write_table(empty, tmp_path / "empty.parquet")
    source = ParquetSource.open(tmp_path)
    assert source.plan(Pushdown(), MiB).fragments == ()
    assert source.statistics().rows == 0
    pq.write_table(pa.table({"a": [1], "s": ["x"]}), tmp_path / "one.parquet")
    assert table_of(ParquetSource.open(tmp_path)).num_rows == 1


def test_a_bad_file_among_good_ones_is_named(tmp_path: Path, numbers: pa.Table) -> None:
    (tmp_path / "notes.txt").write_text("not a parquet file at all")
    with pytest.raises(SourceCorrupt, match=r"notes\.txt.*glob"):
        ParquetSource.open(tmp_path)
    assert len(ParquetSource.open(f"{tmp_path}/*.parquet").files) == 3
    (tmp_path / "notes.txt").unlink()
    good = (tmp_path / "1.parquet").read_bytes()
    for bad in (good[: len(good) // 2], b"", good[:4]):
        (tmp_path / "1.parquet").write_bytes(bad)
        with pytest.raises(SourceCorrupt, match=r"1\.parquet"):
            ParquetSource.open(tmp_path)


def test_damaged_pages_are_named(tmp_path: Path, numbers: pa.Table) -> None:
    path = tmp_path / "1.parquet"
    data = bytearray(path.read_bytes())
    data[4:2000] = b"\xff" * 1996
    path.write_bytes(data)
    source = ParquetSource.open(tmp_path)
    with pytest.raises(SourceCorrupt, match=r"1\.parquet.*damaged"):
        table_of(source)


def test_a_file_that_changes_after_planning_is_told(tmp_path: Path, numbers: pa.Table) -> None:
    source = ParquetSource.open(tmp_path)
    fragments = source.plan(Pushdown(columns=("n",)), 1).fragments
    pq.write_table(numbers.slice(0, 10), tmp_path / "0.parquet")
    with pytest.raises(SourceCorrupt, match=r"0\.parquet.* has changed"):
        list(fragments[0].batches(100))
    (tmp_path / "0.parquet").unlink()
    with pytest.raises(SourceNotFound, match=r"0\.parquet.* is gone"):
        list(fragments[0].batches(100))
    assert next(iter(fragments[-1].batches(100))).num_rows == 100


def test_a_column_twice(tmp_path: Path) -> None:
    table = pa.Table.from_arrays([pa.array([1]), pa.array([2])], names=["a", "a"])
    pq.write_table(table, tmp_path / "twice.parquet")
    with pytest.raises(DuplicateColumn, match=r"'a' occurs twice in .*twice\.parquet"):
        ParquetSource.open(tmp_path)


def test_equal_means_the_same_files_and_columns(tmp_path: Path, numbers: pa.Table) -> None:
    source = ParquetSource.open(tmp_path)
    assert source == ParquetSource.open(tmp_path)
    assert hash(source) == hash(ParquetSource.open(tmp_path))
    assert source.files[0] is ParquetSource.open(tmp_path).files[0]
    assert source != ParquetSource.open(tmp_path / "0.parquet")
    assert source != ParquetSource.open(tmp_path, schema=pa.schema([("n", pa.int64())]))


def test_another_file_system(tmp_path: Path, numbers: pa.Table) -> None:
    store = fsspec.filesystem("memory")
    for path in tmp_path.iterdir():
        store.pipe(f"/io_parquet/part={path.stem}/x.parquet", path.read_bytes())
    source = ParquetSource.open("memory://io_parquet")
    assert source.schema.names == [*numbers.column_names, "part"]
    assert table_of(source, Pushdown(columns=("n",)))["n"].to_pylist() == list(range(1200))
    assert source.plan(Pushdown(predicate=greater("part", 1)), MiB).pruned["files"] == (1, 3)


def test_a_source_is_kept_until_a_file_changes(tmp_path: Path, numbers: pa.Table) -> None:
    source = ParquetSource.open(tmp_path)
    assert ParquetSource.open(tmp_path) is source
    assert ParquetSource.open(tmp_path, schema=numbers.schema) is not source
    pushdown = Pushdown(columns=("n",), predicate=greater("n", 1190))
    assert source.plan(pushdown, MiB) is source.plan(pushdown, MiB)
    pq.write_table(pa.table({"n": [5]}), tmp_path / "0.parquet")
    changed = ParquetSource.open(tmp_path)
    assert changed is not source
    assert changed.statistics().rows == 801
    (tmp_path / "2.parquet").unlink()
    assert ParquetSource.open(tmp_path).statistics().rows == 401

"""Queries over gigabytes, one in a driver of its own: what limits of memory and disks are met with.

Run as a script it prints a line of JSON: the limit that was found, how the query ended, and what
the next query of the same driver gave. Its rows go into a pipe as Arrow streams, for the process
that started it to compare: to do that under the limit would take memory that is not the query's.
The SQL beside each query is what DuckDB is asked for the same rows.
"""

from __future__ import annotations

import io
import json
import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

import partita as pt
from partita import col
from partita.engine import config
from partita.engine.api.running import Run

Frame = pt.DataFrame


@dataclass(frozen=True)
class Heavy:
    """A query and its SQL; `n` and `t` are the tables of numbers and of texts."""

    query: Callable[[Frame, Frame], Frame]
    sql: str
    by: tuple[str, ...] = ()
    """Columns that the rows have to be sorted by."""


def largest(group: pa.Table) -> dict[str, list[Any]]:
    """Return one row of a group's rows, some of which it copies."""
    copied = group.take(pa.array(np.arange(group.num_rows)[::-1].copy()))
    return {"g": [copied["g"][0].as_py()], "a": [pc.max(copied["a"]).as_py()]}


def hungry(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Return the batch, of which four copies were made on the way."""
    copies = [batch.take(pa.array(np.arange(batch.num_rows)[::-1].copy())) for _ in range(4)]
    return copies[-1]


def keyed(n: Frame) -> Frame:
    return n.select("a", g=col("a") % 2003)


HEAVY: dict[str, Heavy] = {
    "sort": Heavy(lambda n, t: n.sort("a"), "select * from n", ("a",)),
    "sort by two": Heavy(
        lambda n, t: n.select("k", "b", "a").sort("k", "b"), "select k, b, a from n", ("k", "b")
    ),
    "sort of text": Heavy(lambda n, t: t.sort("t"), "select * from t", ("t",)),
    "many groups": Heavy(
        lambda n, t: n.group_by("k").agg(n=pt.len(), b=col("b").max(), c=col("c").min()),
        "select k, count(*) n, max(b) b, min(c) c from n group by k",
    ),
    "groups of text": Heavy(
        lambda n, t: t.group_by("t").agg(n=pt.len(), id=col("id").max()),
        "select t, count(*) n, max(id) id from t group by t",
    ),
    "distinct in groups": Heavy(
        lambda n, t: n.group_by(g=col("k") % 5_000_011).agg(n=col("a").n_unique()),
        "select k % 5000011 g, count(distinct a) n from n group by k % 5000011",
    ),
    "join": Heavy(
        lambda n, t: (
            n.select("a", "k", "c")
            .join(n.select("k", d="b"), on="k")
            .select(n=pt.len(), s=(col("a") % 1000).sum(), d=col("d").max())
        ),
        "select count(*) n, sum(l.a % 1000)::bigint s, max(r.b) d from n l join n r on l.k = r.k",
    ),
    "full join": Heavy(
        lambda n, t: (
            n.filter(col("b") < 0.3)
            .select("a", "k")
            .join(n.filter(col("b") > 0.6).select("k", d="b"), on="k", how="full")
            .select("a", "d")
        ),
        "select l.a, r.b d from (select * from n where b < 0.3) l"
        " full join (select * from n where b > 0.6) r on l.k = r.k",
    ),
    "anti join": Heavy(
        lambda n, t: n.join(n.filter(col("b") < 0.5).select("k"), on="k", how="anti").select(
            "a", "b"
        ),
        "select a, b from n where k not in (select k from n where b < 0.5)",
    ),
    "join of text": Heavy(
        lambda n, t: t.join(t.select("t", other="id"), on="t").select(
            n=pt.len(), s=col("id").sum(), o=col("other").sum()
        ),
        "select count(*) n, sum(l.id)::bigint s, sum(r.id)::bigint o"
        " from t l join t r on l.t = r.t",
    ),
    "distinct": Heavy(lambda n, t: n.select("k").unique(), "select distinct k from n"),
    "distinct text": Heavy(lambda n, t: t.select("t").unique(), "select distinct t from t"),
    "window": Heavy(
        lambda n, t: n.select("a", m=col("b").max().over("k")),
        "select a, max(b) over (partition by k) m from n",
    ),
    "row before": Heavy(
        lambda n, t: n.select("a", p=col("b").shift(1).over("k", order_by="a")),
        "select a, lag(b) over (partition by k order by a) p from n",
    ),
    "functions of groups": Heavy(
        lambda n, t: (
            keyed(n).group_by("g").map_groups(largest, schema={"g": pa.int64(), "a": pa.int64()})
        ),
        "select a % 2003 g, max(a) a from n group by a % 2003",
    ),
    "function of batches": Heavy(
        lambda n, t: n.select("a", "b").map_batches(
            hungry, schema={"a": pa.int64(), "b": pa.float64()}
        ),
        "select a, b from n",
    ),
    "first rows": Heavy(
        lambda n, t: n.select("a", "b").sort("a").head(6_000_000),
        "select a, b from n order by a limit 6000000",
        ("a",),
    ),
    "unpivot": Heavy(
        lambda n, t: (
            n.select("k", "b", "c")
            .unpivot(on=["b", "c"], index="k")
            .group_by("k")
            .agg(n=pt.len(), m=col("value").max())
        ),
        "select k, 2 * count(*) n, greatest(max(b), max(c)) m from n group by k",
    ),
    "kept": Heavy(
        lambda n, t: n.select("a", "k", "b").persist().group_by("k").agg(b=col("b").max()),
        "select k, max(b) b from n group by k",
    ),
    "new partitions": Heavy(
        lambda n, t: n.repartition(by="k").select("a", "k", "b", "c"), "select a, k, b, c from n"
    ),
    "all rows": Heavy(lambda n, t: n, "select * from n"),
}


def write_numbers(root: Path, files: int, rows: int = 2 << 20) -> None:
    """Write 64 bytes for each row: ``a`` and ``k`` of many values, and doubles."""
    random = np.random.default_rng(3)
    for number in range(files):
        columns = {"a": random.integers(0, 1 << 60, rows)}
        columns |= {"k": random.integers(0, files * rows, rows)}
        columns |= {name: random.random(rows) for name in "bcxyzw"}
        pq.write_table(
            pa.table(columns),
            root / f"n{number:02d}.parquet",
            row_group_size=1 << 17,
            compression="none",
            use_dictionary=False,
        )


def write_texts(root: Path, files: int, rows: int = 1 << 18) -> None:
    """Write rows of 300 bytes; each text lies in about two of them."""
    random = np.random.default_rng(4)
    letters = "-".join("abcdefghijklmnopqrstuvwxyz" * 6)
    filling = pa.array([letters[:200], letters[:300]])
    for number in range(files):
        codes = random.integers(0, files * rows // 2, rows)
        wide = filling.take(pa.array(codes % 2))
        texts = pc.binary_join_element_wise(pa.array(codes).cast(pa.string()), wide, "/")
        table = pa.table({"id": np.arange(number * rows, (number + 1) * rows), "t": texts})
        pq.write_table(table, root / f"t{number:02d}.parquet", row_group_size=1 << 16)


def digest(batch: Any) -> int:
    """Return a number for the rows of a batch; those of all batches are added."""
    import polars as pl

    rows = pl.DataFrame(pl.from_arrow(batch))
    wanted = [
        pl.col(name).cast(pl.Int64)
        if dtype.is_integer()
        else pl.col(name).cast(pl.String)
        if dtype in (pl.String, pl.Categorical)
        else pl.col(name)
        for name, dtype in rows.schema.items()
    ]
    return int(rows.select(wanted).hash_rows(seed=7).cast(pl.UInt64).to_numpy().sum())


def expected(name: str, root: Path) -> int:
    """Return the number that DuckDB's rows have."""
    import duckdb

    connection = duckdb.connect()
    for table in "nt":
        files = root / f"{table}*.parquet"
        if list(root.glob(files.name)):
            connection.execute(f"create view {table} as select * from read_parquet('{files}')")
    batches = connection.sql(HEAVY[name].sql).to_arrow_reader(1 << 17)
    return sum(map(digest, batches)) % (1 << 64)


def in_order(batch: pa.RecordBatch, by: tuple[str, ...], last: list[Any]) -> bool:
    """Return whether the rows are sorted, behind those of the batch before as well."""
    first = [batch.column(name)[0].as_py() for name in by]
    before, last[:] = list(last), [batch.column(name)[-1].as_py() for name in by]
    ordered = not before or first >= before
    equal = np.ones(batch.num_rows - 1, bool)
    for name in by:
        column = batch.column(name)
        if isinstance(column, pa.DictionaryArray):
            column = column.dictionary_decode()
        left, right = column.slice(0, len(column) - 1), column.slice(1)
        falls = pc.greater(left, right).to_numpy(zero_copy_only=False)
        ordered = ordered and not bool((falls & equal).any())
        equal &= pc.equal(left, right).to_numpy(zero_copy_only=False)
    return ordered


def frames(root: Path) -> tuple[Frame, Frame]:
    """Return the tables of numbers and of texts; of what is not there, the other one."""
    tables = [root / f"{table}*.parquet" for table in "nt"]
    there = [path if list(root.glob(path.name)) else None for path in tables]
    n, t = (pt.scan_parquet(str(path or next(filter(None, there)))) for path in there)
    return n, t


@dataclass
class Rows:
    """What is known of the rows of a query that came through a pipe."""

    count: int = 0
    digest: int = 0
    in_order: bool = True


def received(pipe: io.BufferedReader) -> Iterator[pa.RecordBatch]:
    """Yield the batches that a query hands over, to the end of the pipe."""
    while pipe.peek(1):
        yield from pa.ipc.open_stream(pipe)


def summed(batches: Iterator[pa.RecordBatch], by: tuple[str, ...]) -> Rows:
    """Return the digest of the rows, and whether they are sorted."""
    rows = Rows()
    last: list[Any] = []
    for batch in batches:
        rows.count += batch.num_rows
        rows.digest = (rows.digest + digest(batch)) % (1 << 64)
        rows.in_order &= not by or in_order(batch, by, last)
    return rows


def hand_over(batch: pa.RecordBatch, pipe: BinaryIO) -> None:
    """Write a batch as a stream of its own: another may have dictionaries where this has none."""
    if batch.num_rows:
        with pa.ipc.new_stream(pipe, batch.schema) as stream:
            stream.write_batch(batch)


def run(query: Frame, whole: bool, pipe: BinaryIO) -> dict[str, Any]:
    """Run a query to its end, handing its rows over; say how it ended, and what it put aside."""
    running = Run(query.plan, progress=False)
    try:
        if whole:
            for batch in running.result().to_arrow().to_batches():
                hand_over(batch, pipe)
        else:
            for batch in running.batches():
                hand_over(batch, pipe)
    except pt.errors.PartitaError as error:
        return {"ended": type(error).__name__, "message": str(error)}
    profile = running.profile()
    return {
        "ended": "finished",
        "spilled": profile.spilled_bytes,
        "lost": profile.workers_lost,
        "seconds": round(profile.seconds, 2),
    }


def query_of(name: str, root: Path) -> Frame:
    """Return a query of ours, or of TPC-H."""
    if name in HEAVY:
        return HEAVY[name].query(*frames(root))
    # the benchmarks are part of the repository and not of the package: nothing installs them
    sys.path.append(str(Path(__file__).resolve().parents[2]))
    from benchmarks.harness.engines.partita import Partita
    from benchmarks.harness.suite import Tables
    from benchmarks.tpch.dataset import existing
    from benchmarks.tpch.queries import queries

    made: Frame = queries("partita")[int(name[1:])](Tables(Partita(), existing(root)))
    return made


def main() -> None:
    name, root, executor, descriptor = sys.argv[1], Path(sys.argv[2]), sys.argv[3], sys.argv[4]
    pt.config.set(executor=executor, workers=2, progress="off")
    found = {"name": name, "limit": config.memory_limit(config.get())}
    with os.fdopen(int(descriptor), "wb", buffering=0) as pipe:
        whole = name == "all rows" or name not in HEAVY
        found |= run(query_of(name, root), whole, pipe)
    found["next"] = pt.range(1000).group_by(g=col("id") % 3).agg(n=pt.len()).sort("g").to_pydict()
    print(json.dumps(found), flush=True)


if __name__ == "__main__":
    main()

"""The TPC-H benchmark: its data, its comparison, its measurements, and whole runs of it."""

from __future__ import annotations

import doctest
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path

import psutil
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

# the benchmarks are part of the repository and not of the package: nothing installs them
sys.path.append(str(Path(__file__).resolve().parents[1]))

from benchmarks.harness import command, comparison, markdown
from benchmarks.harness.client import EngineProcess
from benchmarks.harness.comparison import difference
from benchmarks.harness.engines import Options, start
from benchmarks.harness.errors import EngineFailedError, RowsDifferError, SetupError
from benchmarks.harness.memory import PeakSampler, family, sample
from benchmarks.harness.rounds import measure
from benchmarks.harness.suite import Tables
from benchmarks.harness.verification import verify
from benchmarks.tpch.dataset import TABLES, Dataset, cache_directory, existing, generated
from benchmarks.tpch.doubles import to_double
from benchmarks.tpch.floor import named_columns
from benchmarks.tpch.queries import queries
from benchmarks.tpch.suite import SUITE
from partita.engine.expr.node import columns_of
from partita.engine.optimizer.optimizer import optimize
from partita.engine.plan.nodes import Scan

MiB = 2**20


def main(arguments: list[str]) -> int:
    return command.main(SUITE, arguments)


@pytest.fixture(scope="module", autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[pytest.MonkeyPatch]:
    """Keep every generated dataset of this file in a directory of its own."""
    patch = pytest.MonkeyPatch()
    patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
    yield patch
    patch.undo()


@pytest.fixture(scope="module")
def data() -> Dataset:
    """Generate TPC-H at scale 0.01 with decimals."""
    return generated(0.01, "keep")


# -- whole runs


@pytest.mark.parametrize("decimals", ["keep", "double"])
def test_run_of_the_peers_writes_every_time(decimals: str, tmp_path: Path) -> None:
    arguments = (
        "--sf 0.01 --queries 1,3,6 --peers-only --peers duckdb,polars --runs 2"
        f" --decimals {decimals}"
    )
    written, tables = tmp_path / "run.json", tmp_path / "run.md"
    assert main([*arguments.split(), f"--json={written}", f"--markdown={tables}"]) == 0
    report = json.loads(written.read_text())
    assert report["details"]["decimals"] == decimals
    assert report["machine"]["cores"] >= 1
    assert set(report["versions"]) == {"duckdb", "polars"}
    asked = {(m["query"], m["engine"]) for m in report["measurements"]}
    assert asked == {(q, engine) for q in ("Q1", "Q3", "Q6") for engine in ("duckdb", "polars")}
    for measurement in report["measurements"]:
        assert len(measurement["seconds"]) == 2
        assert measurement["min"] == min(measurement["seconds"]) > 0
        assert 10 * MiB < measurement["memory"]["total"] < 2000 * MiB
    assert "| Q3" in tables.read_text()


@pytest.mark.parametrize("decimals", ["keep", "double"])
def test_partita_gives_the_peers_rows(decimals: str, tmp_path: Path) -> None:
    written = tmp_path / "run.json"
    arguments = f"--sf 0.01 --queries 1,3,6 --peers duckdb,polars --runs 1 --decimals {decimals}"
    assert main([*arguments.split(), f"--json={written}"]) == 0
    report = json.loads(written.read_text())
    assert set(report["ratios"]) == set(report["geometric_means"]) == {"duckdb", "polars"}
    assert all(ratio > 0 for ratio in report["ratios"]["duckdb"].values())


def test_partita_gives_the_same_bits_serial_and_with_processes(tmp_path: Path) -> None:
    digests = []
    for switches in ("--executor serial", "--executor process --workers 2"):
        written = tmp_path / "run.json"
        run = "--sf 0.01 --queries 1,3,6 --peers duckdb --runs 1 --decimals double"
        arguments = f"{run} {switches}"
        assert main([*arguments.split(), f"--json={written}"]) == 0
        measurements = json.loads(written.read_text())["measurements"]
        digests.append([m["digests"] for m in measurements if m["engine"] == "partita"])
    assert digests[0] == digests[1]
    assert all(len(of_query) == 1 for of_query in digests[0])


def test_the_subject_on_a_cluster_gives_the_same_rows(capsys: pytest.CaptureFixture[str]) -> None:
    switches = "--sf 0.01 --verify-only --queries 3,18 --executor process --workers 2"
    assert main([*switches.split(), "--peers=partita_dask"]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "All rows are right."


def test_verify_only_checks_all_queries_of_all_engines(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--sf=0.01", "--verify-only", "--peers=polars"]) == 0
    said = capsys.readouterr().out.splitlines()
    assert [line.split(":")[0] for line in said[:-1]] == [f"Q{number}" for number in range(1, 23)]
    assert all("duckdb" in line and "partita" in line and "polars" in line for line in said[:-1])
    assert said[-1] == "All rows are right."


def test_verify_only_names_every_query_that_is_wrong(data: Dataset) -> None:
    other = generated(0.002, "keep")
    lines: list[str] = []
    with (
        EngineProcess("duckdb", SUITE, data, Options()) as duckdb,
        EngineProcess("polars", SUITE, other, Options()) as polars,
        pytest.raises(RowsDifferError, match=r"(?s)Q4: .*Q6: duckdb and polars differ: 1 of 1"),
    ):
        verify([polars], duckdb, ["Q4", "Q6"], {}, lines.append)
    assert [line.rpartition(" ")[2] for line in lines] == ["WRONG", "WRONG"]


def test_queries_are_named_by_numbers_spans_and_all(capsys: pytest.CaptureFixture[str]) -> None:
    common = "--sf 0.01 --verify-only --peers-only --peers duckdb --queries"
    for given, meant in (("2-4,3,1", [2, 3, 4, 1]), ("all", list(range(1, 23))), ("22", [22])):
        assert main([*common.split(), given]) == 0
        said = capsys.readouterr().out.splitlines()[:-1]
        assert [int(line.split(":")[0][1:]) for line in said] == meant


def test_rows_that_differ_end_the_run(data: Dataset) -> None:
    other = generated(0.002, "keep")
    with (
        EngineProcess("duckdb", SUITE, data, Options()) as duckdb,
        EngineProcess("polars", SUITE, other, Options()) as polars,
        pytest.raises(RowsDifferError, match="Q6: duckdb and polars differ: 1 of 1 rows") as raised,
    ):
        measure([polars], duckdb, ["Q6"], {}, 1, print)
    assert "{'revenue': Decimal('1193053.2253')}" in str(raised.value)
    assert raised.value.exit_code == 1


def test_a_peer_that_is_not_installed_is_an_error_that_names_the_extra(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "dask", None)
    assert main(["--peers-only", "--peers", "duckdb,dask"]) == 2
    said = capsys.readouterr().err
    assert "'dask' was asked for" in said
    assert "partita[benchmarks]" in said


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("--peers-only --peers quackdb", "no engine 'quackdb'"),
        ("--peers-only --peers duckdb --queries 1,99 --sf 0.01", "--queries names 99"),
        ("--peers-only --peers duckdb --queries 3-,x --sf 0.01", "--queries names 3-, x"),
        ("--peers-only --peers duckdb --queries 20-24 --sf 0.01", "--queries names 20-24"),
        ("--peers-only --peers duckdb --data {empty}", "no Parquet file for region, nation"),
        ("--peers-only --peers duckdb --decimals double --data {data}", "the kind 'keep'"),
        ("--peers-only --peers=", "leaves no engine"),
    ],
)
def test_a_wrong_switch_is_an_error_before_anything_runs(
    arguments: str,
    said: str,
    data: Dataset,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(arguments.format(empty=tmp_path, data=data.directory).split()) == 2
    assert said in capsys.readouterr().err


# -- the floor


def test_quick_run_with_the_floor_has_its_ratios_and_sums(tmp_path: Path) -> None:
    written, tables = tmp_path / "run.json", tmp_path / "run.md"
    switches = "--quick --queries 3,18 --peers floor,polars,duckdb --decimals double"
    assert main([*switches.split(), f"--json={written}", f"--markdown={tables}"]) == 0
    report = json.loads(written.read_text())
    assert report["details"]["scale"] == "0.01"
    medians = {(m["query"], m["engine"]): m["median"] for m in report["measurements"]}
    for engine in ("partita", "floor", "polars", "duckdb"):
        both = medians["Q3", engine] + medians["Q18", engine]
        assert report["totals"][engine] == pytest.approx(both)
        over = report["totals"]["partita"] / both
        assert report["total_ratios"].get(engine, 1) == pytest.approx(over)
    better = {q: min(medians[q, "polars"], medians[q, "duckdb"]) for q in ("Q3", "Q18")}
    against = {q: medians[q, "partita"] / better[q] for q in better}
    assert report["against_better"] == pytest.approx(against)
    assert report["worst"]["query"] == max(against, key=lambda query: against[query])
    assert set(report["memory_ratios"]) == {"floor", "polars", "duckdb"}
    lines = [line.split("|")[1].strip() for line in tables.read_text().splitlines() if "|" in line]
    assert {"geometric mean", "sum", f"worst: {report['worst']['query']}"} <= set(lines)


@pytest.mark.parametrize("number", range(1, 23))
def test_no_plan_reads_a_column_that_the_floor_does_not_decode(number: int, data: Dataset) -> None:
    floor = {column for columns in named_columns(number, data).values() for column in columns}
    query = queries("partita")[number](Tables(start("partita", Options()), data))
    read = set()
    for scan in optimize(query.plan).walk():
        if isinstance(scan, Scan):
            predicate = scan.pushdown.predicate
            read |= set(scan.schema.names) | (columns_of(predicate) if predicate else set())
    assert read
    assert read <= floor


def test_the_floor_decodes_what_a_query_names_and_all_of_it(data: Dataset) -> None:
    columns = named_columns(6, data)
    assert columns == {
        data.path("lineitem"): ("l_quantity", "l_extendedprice", "l_discount", "l_shipdate")
    }
    with EngineProcess("floor", SUITE, data, Options(workers=2)) as floor:
        assert floor.ask("Q6").rows.to_pydict() == {"rows": [60_175]}
        assert len(family(floor.pid)) == 3
        three = floor.ask("Q3").rows["rows"][0].as_py()
    assert three == 60_175 + 15_000 + 1_500


# -- engines


def test_an_engine_that_dies_is_named_and_leaves_no_process(data: Dataset) -> None:
    with EngineProcess("duckdb", SUITE, data, Options()) as engine:
        assert engine.ask("Q6").rows.num_rows == 1
        os.kill(engine.pid, signal.SIGKILL)
        with pytest.raises(EngineFailedError, match="process of duckdb ended with exit code -9"):
            engine.ask("Q6")
    assert not psutil.pid_exists(engine.pid)


def test_an_engine_that_raises_shows_its_traceback_and_goes_on(tmp_path: Path) -> None:
    nowhere = Dataset(directory=tmp_path, decimals="keep")
    with EngineProcess("duckdb", SUITE, nowhere, Options()) as engine:
        for _ in range(2):
            with pytest.raises(EngineFailedError, match=r"(?s)duckdb failed on Q1:.*Traceback"):
                engine.ask("Q1")


# -- comparison


def test_rows_are_the_same_whatever_their_types() -> None:
    left = pa.table(
        {
            "flag": pa.array(["a", "b"]).dictionary_encode(),
            "n": pa.array([1, 2], pa.uint32()),
            "price": pa.array([Decimal("1.50"), None]),
            "mean": [0.1 + 0.2, float("nan")],
            "day": [date(1995, 3, 15), None],
        }
    )
    right = pa.table(
        {
            "flag": pa.array(["b", "a"], pa.large_string()),
            "n": pa.array([2, 1], pa.decimal128(38, 0)),
            "price": pa.array([None, Decimal("1.5000")]),
            "mean": [float("nan"), 0.3],
            "day": pa.array([None, date(1995, 3, 15)]).cast(pa.timestamp("ns")),
        }
    )
    assert difference(left, right) is None


@pytest.mark.parametrize(
    ("left", "right", "said"),
    [
        ({"x": [1]}, {"y": [1]}, "columns"),
        ({"x": [1, 2]}, {"x": [1]}, "2 rows against 1"),
        ({"x": [1, 2, 2]}, {"x": [1, 1, 2]}, "1 of 3 rows differ in x"),
        ({"x": ["a"]}, {"x": [None]}, "1 of 1 rows differ in x"),
        ({"x": [1.0]}, {"x": [1.00000001]}, "1 of 1 rows differ in x"),
        ({"x": [float("nan")]}, {"x": [0.0]}, "1 of 1 rows differ in x"),
        ({"x": [Decimal("1.00")]}, {"x": [Decimal("1.0001")]}, "{'x': Decimal('1.0001')}"),
        ({"x": [10**18]}, {"x": [10**18 + 1]}, "1 of 1 rows differ in x"),
    ],
)
def test_rows_that_differ_are_shown(
    left: dict[str, list[object]], right: dict[str, list[object]], said: str
) -> None:
    assert said in (difference(pa.table(left), pa.table(right)) or "")


def test_the_prescribed_order_is_compared_and_ties_are_free() -> None:
    rows = pa.table({"revenue": [3.0, 2.0, 2.0], "key": [1, 2, 3]})
    tied = rows.take([0, 2, 1])
    assert difference(rows, tied, order_by=["revenue"]) is None
    turned = rows.take([2, 1, 0])
    assert "prescribed order" in (difference(rows, turned, order_by=["revenue"]) or "")


def test_examples_of_the_harness_hold() -> None:
    for module in (comparison, markdown):
        outcome = doctest.testmod(module)
        assert outcome.attempted > 0
        assert outcome.failed == 0


# -- data


def test_generated_tables_are_whole_and_made_once(data: Dataset) -> None:
    assert data.directory.parent == cache_directory()
    assert pq.read_metadata(data.path("lineitem")).num_rows == 60_175
    before = {table: os.stat(data.path(table)).st_mtime_ns for table in TABLES}
    again = generated(0.01, "keep")
    assert {table: os.stat(again.path(table)).st_mtime_ns for table in TABLES} == before


def test_what_an_interrupted_generation_left_is_never_used(
    cache: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with cache.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path))
        name = generated(0.001, "keep").directory.name
        generated(0.001, "keep").directory.rename(cache_directory() / f".{name}.partial")
        (cache_directory() / f".{name}.partial" / "lineitem.parquet").write_bytes(b"PAR1 half")
        whole = generated(0.001, "keep")
        assert pq.read_metadata(whole.path("lineitem")).num_rows > 5000
        assert not list(cache_directory().glob(".*.partial"))


def test_a_generation_that_fails_leaves_nothing() -> None:
    with pytest.raises(SetupError, match="tpchgen-cli"):
        generated(-1, "keep")
    assert not [
        path for path in cache_directory().iterdir() if "sf-1" in path.name and path.is_dir()
    ]


def test_doubles_are_the_nearest_to_the_decimals(data: Dataset) -> None:
    prices = pq.read_table(data.path("lineitem"))["l_extendedprice"].combine_chunks()
    assert to_double(prices).to_pylist() == [float(price) for price in prices.to_pylist()]


def test_the_dataset_of_doubles_has_the_same_rows_and_keeps_dictionaries(data: Dataset) -> None:
    doubles = generated(0.01, "double")
    assert existing(doubles.directory).decimals == "double"
    for table in TABLES:
        kept, rewritten = pq.read_table(data.path(table)), pq.read_table(doubles.path(table))
        assert not any(pa.types.is_decimal(field.type) for field in rewritten.schema)
        assert difference(kept, rewritten) is None
    column = pq.read_metadata(doubles.path("lineitem")).row_group(0).column(8)
    assert column.path_in_schema == "l_returnflag"
    assert column.compression == "ZSTD"
    assert column.has_dictionary_page


def test_a_table_may_be_a_directory_of_files(data: Dataset, tmp_path: Path) -> None:
    for table in TABLES:
        (tmp_path / table).mkdir()
        os.link(data.path(table), tmp_path / table / "0.parquet")
    with EngineProcess("duckdb", SUITE, existing(tmp_path), Options()) as engine:
        assert engine.ask("Q6").rows.num_rows == 1


# -- memory

_HOLDS_MEMORY = """
import os, sys, time
block = bytearray(os.urandom(1024)) * (64 * 1024)
for session in ("mine", "another"):
    os.makedirs(f"{sys.argv[1]}/{session}")
    with open(f"{sys.argv[1]}/{session}/partition", "wb") as file:
        file.write(bytes(8 * 2**20))
lock = open(sys.argv[1] + "/mine/lock", "w")
child = os.fork()
if child == 0:
    time.sleep(600)
print("ready", flush=True)
sys.stdin.read()
os.kill(child, 9)
os.wait()
"""


def test_memory_counts_what_processes_share_once_and_files_that_nobody_maps(
    tmp_path: Path,
) -> None:
    directory = Path("/dev/shm") / f"test-{os.getpid()}-{tmp_path.name}"
    process = subprocess.Popen(
        [sys.executable, "-c", _HOLDS_MEMORY, str(directory)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        assert len(family(process.pid)) == 2
        held = sample(process.pid, set())
        with PeakSampler(process.pid, set()) as sampler:
            pass
    finally:
        process.communicate()
        shutil.rmtree(directory)
    assert held.processes == 2
    assert 64 * MiB <= held.anonymous < 100 * MiB
    assert held.unmapped == 8 * MiB
    assert sampler.samples >= 1
    assert sampler.peak is not None
    assert sampler.peak.total >= 72 * MiB

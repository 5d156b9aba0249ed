"""What is to be reached, and in which of the runs it is read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ..harness.engines import SUBJECT
from ..harness.report import Report, median, peak
from ..overhead.measured import FIRST, TASK, WARM
from ..overhead.report import Report as Overhead

LEAST_RUNS = 3
LEAST_IMPORTS = 15
"""Fewer give no figure: those of a quick run mean nothing."""

FULL = {
    "groups": {"rows": "10,000,000"},
    "joins": {"rows": "10,000,000"},
    "udf": {"rows": "5,000,000"},
    "datasets": {"files": "10,000"},
}
"""Suite -> what is said of the data that the figures are of."""

Run = Report | Overhead
Read = Callable[[Sequence[Run]], float | None]
"""The figure, where the runs have it."""


@dataclass(frozen=True, kw_only=True)
class Target:
    """A line of the table."""

    what: str
    most: float
    unit: str = ""
    read: Read

    def row(self, runs: Sequence[Run]) -> list[str]:
        """Return the line: what, at most, what was measured, and whether that is enough."""
        found = self.read(runs)
        if found is None:
            return [self.what, self._shown(self.most), "not measured", ""]
        reached = "yes" if found <= self.most else "no"
        return [self.what, self._shown(self.most), self._shown(found), reached]

    def _shown(self, value: float) -> str:
        return f"{value:.3g}{self.unit and ' '}{self.unit}"


def suite(runs: Sequence[Run], name: str, **details: str) -> Report | None:
    """Return the last run of a suite over such data, of enough rounds for medians."""
    found = [
        run
        for run in runs
        if isinstance(run, Report)
        and run.name == name
        and run.runs >= LEAST_RUNS
        and details.items() <= run.details.items()
    ]
    return found[-1] if found else None


def tpch(runs: Sequence[Run], scale: str) -> Report | None:
    """Return the last run of all 22 queries at a scale; of doubles where there is one."""
    for decimals in ("double", "keep"):
        found = suite(runs, "tpch", scale=scale, decimals=decimals)
        if found is not None and len(found.queries) == 22:
            return found
    return None


def _geometric_mean(scale: str, peer: str) -> Read:
    def read(runs: Sequence[Run]) -> float | None:
        run = tpch(runs, scale)
        return None if run is None or peer not in run.peers else run.geometric_mean(peer)

    return read


def _worst(name: str) -> Read:
    def read(runs: Sequence[Run]) -> float | None:
        run = tpch(runs, "1") if name == "tpch" else suite(runs, name, **FULL[name])
        worst = None if run is None else run.worst()
        return None if worst is None else worst[1]

    return read


def _worst_of_files(runs: Sequence[Run]) -> float | None:
    run = suite(runs, "datasets", **FULL["datasets"])
    ratios = [run.against_better(q) for q in run.queries if q.startswith("files")] if run else []
    return max((ratio for ratio in ratios if ratio is not None), default=None)


def _over_floor(runs: Sequence[Run]) -> float | None:
    run = tpch(runs, "1")
    return None if run is None or "floor" not in run.peers else run.total_ratio("floor", median)


def _growth(runs: Sequence[Run]) -> float | None:
    one, ten = tpch(runs, "1"), tpch(runs, "10")
    if one is None or ten is None or one.details["decimals"] != ten.details["decimals"]:
        return None
    totals = [run.total(SUBJECT, median) for run in (one, ten)]
    return None if totals[0] is None or totals[1] is None else totals[1] / totals[0]


def _memory(runs: Sequence[Run]) -> float | None:
    run = tpch(runs, "10")
    return None if run is None or "polars" not in run.peers else run.total_ratio("polars", peak)


def _udf(runs: Sequence[Run]) -> float | None:
    run = suite(runs, "udf", **FULL["udf"])
    ratios = [run.ratio(query, "polars") for query in run.queries] if run else []
    return max((ratio for ratio in ratios if ratio is not None), default=None)


def _overhead(runs: Sequence[Run]) -> Overhead | None:
    found = [run for run in runs if isinstance(run, Overhead) and run.runs >= LEAST_IMPORTS]
    return found[-1] if found else None


def _import(runs: Sequence[Run]) -> float | None:
    run = _overhead(runs)
    return None if run is None else run.import_ratio


def _seconds(figure: str, per_second: float) -> Read:
    def read(runs: Sequence[Run]) -> float | None:
        run = _overhead(runs)
        series = None if run is None else run.of(figure, SUBJECT)
        return None if series is None else series.median * per_second

    return read


_OVER = "TPC-H scale {}, 22 queries, geometric mean: partita / {}"

TARGETS = (
    Target(what=_OVER.format(1, "polars"), most=0.9, read=_geometric_mean("1", "polars")),
    Target(what=_OVER.format(1, "duckdb"), most=0.9, read=_geometric_mean("1", "duckdb")),
    Target(what=_OVER.format(1, "dask"), most=0.1, read=_geometric_mean("1", "dask")),
    Target(
        what="worst of them against the better of polars and duckdb", most=2, read=_worst("tpch")
    ),
    Target(what="sum of them over the decode floor", most=1.8, read=_over_floor),
    Target(what=_OVER.format(10, "polars"), most=0.9, read=_geometric_mean("10", "polars")),
    Target(what=_OVER.format(10, "duckdb"), most=0.9, read=_geometric_mean("10", "duckdb")),
    Target(what="scale 10 over scale 1, sum of the queries", most=12, read=_growth),
    Target(what="scale 10, peak memory over that of polars, sums", most=1.0, read=_memory),
    Target(what="groups, worst line over the better of the two", most=1.2, read=_worst("groups")),
    Target(what="joins, worst line over the better of the two", most=1.2, read=_worst("joins")),
    Target(what="10,000 files, worst line over the better", most=1.0, read=_worst_of_files),
    Target(what="a Python function over 5 million rows: partita / polars", most=0.6, read=_udf),
    Target(what="import partita over import pyarrow.parquet", most=1.3, read=_import),
    Target(what="first pool query of a new process", most=2, unit="s", read=_seconds(FIRST, 1)),
    Target(what="a warm query of 100 rows", most=5, unit="ms", read=_seconds(WARM, 1e3)),
    Target(what="scheduling of a task", most=100, unit="us", read=_seconds(TASK, 1e6)),
)
"""The figures of docs/performance.md, in its order."""

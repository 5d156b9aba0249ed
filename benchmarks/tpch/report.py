"""What a run writes: JSON with every single time, and tables in Markdown."""

from __future__ import annotations

import os
import platform
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from .engines import SUBJECT, Options
from .rounds import Measurement


@dataclass(frozen=True, kw_only=True)
class Report:
    """A whole run."""

    scale: str
    decimals: str
    runs: int
    options: Options
    versions: dict[str, str]
    """Engine -> version, in the order they were given."""

    load: tuple[float, float]
    """The machine's load average, before and after."""

    measurements: list[Measurement]

    def of(self, engine: str, query: int) -> Measurement | None:
        """Return what one engine took for one query; None where it was not asked."""
        wanted = (engine, query)
        return next((m for m in self.measurements if (m.engine, m.query) == wanted), None)

    @property
    def queries(self) -> list[int]:
        """Return the numbers of the queries that were run."""
        return list(dict.fromkeys(m.query for m in self.measurements))

    @property
    def peers(self) -> list[str]:
        """Return the engines that the subject is held against; none where it did not run."""
        return [e for e in self.versions if e != SUBJECT] if SUBJECT in self.versions else []

    def ratio(self, query: int, peer: str) -> float | None:
        """Return the subject's median over the peer's; below 1 the subject is faster."""
        ours, theirs = self.of(SUBJECT, query), self.of(peer, query)
        if ours is None or theirs is None:
            return None
        return statistics.median(ours.seconds) / statistics.median(theirs.seconds)

    def geometric_mean(self, peer: str) -> float | None:
        """Return the geometric mean of the ratios to a peer, over the queries both ran."""
        ratios = [r for r in (self.ratio(q, peer) for q in self.queries) if r is not None]
        return statistics.geometric_mean(ratios) if ratios else None


def as_json(report: Report) -> dict[str, Any]:
    """Return the report as JSON can hold it."""
    return {
        "benchmark": "tpch",
        "scale": report.scale,
        "decimals": report.decimals,
        "runs": report.runs,
        "options": asdict(report.options),
        "machine": _machine(),
        "load_average": {"before": report.load[0], "after": report.load[1]},
        "versions": report.versions,
        "measurements": [
            {
                **asdict(m),
                "median": statistics.median(m.seconds),
                "min": min(m.seconds),
                "memory": asdict(m.memory) | {"total": m.memory.total},
            }
            for m in report.measurements
        ],
        "ratios": {
            peer: {f"q{query}": report.ratio(query, peer) for query in report.queries}
            for peer in report.peers
        },
        "geometric_means": {peer: report.geometric_mean(peer) for peer in report.peers},
    }


def as_markdown(report: Report) -> str:
    """Return the tables: seconds with ratios, then peak memory."""
    machine = _machine()
    versions = ", ".join(f"{name} {version}" for name, version in report.versions.items())
    lines = [
        f"TPC-H scale {report.scale}, decimals {report.decimals}, {machine['cores']} cores"
        f" ({machine['processor']}), load {report.load[0]:.1f} before and {report.load[1]:.1f}"
        f" after; {versions}.",
        "",
        f"Seconds, median (min) of {report.runs} runs"
        + (f"; a ratio below 1 means that {SUBJECT} is faster:" if report.peers else ":"),
        "",
        *_table(_seconds(report)),
        "",
        "Peak memory in MiB, all processes, shared memory counted once:",
        "",
        *_table(_memory(report)),
    ]
    return "\n".join(lines) + "\n"


def _seconds(report: Report) -> Iterable[list[str]]:
    yield ["query", *report.versions, *(f"{SUBJECT}/{peer}" for peer in report.peers)]
    for query in report.queries:
        taken = [report.of(engine, query) for engine in report.versions]
        times = [
            "-" if m is None else f"{statistics.median(m.seconds):.3f} ({min(m.seconds):.3f})"
            for m in taken
        ]
        yield [f"Q{query}", *times, *(_number(report.ratio(query, p)) for p in report.peers)]
    if report.peers:
        means = [_number(report.geometric_mean(peer)) for peer in report.peers]
        yield ["geometric mean", *[""] * len(report.versions), *means]


def _memory(report: Report) -> Iterable[list[str]]:
    yield ["query", *report.versions]
    for query in report.queries:
        taken = [report.of(engine, query) for engine in report.versions]
        yield [f"Q{query}", *("-" if m is None else f"{m.memory.total / 2**20:.0f}" for m in taken)]


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"


def _table(rows: Iterable[Sequence[str]]) -> list[str]:
    """Return a Markdown table, its columns aligned to be read as text as well."""
    cells = list(rows)
    widths = [max(len(row[column]) for row in cells) for column in range(len(cells[0]))]
    rule = ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])]
    return [
        "| "
        + " | ".join(
            text.ljust(width) if column == 0 else text.rjust(width)
            for column, (text, width) in enumerate(zip(row, widths, strict=True))
        )
        + " |"
        for row in [cells[0], rule, *cells[1:]]
    ]


def _machine() -> dict[str, Any]:
    """Return what the times depend on."""
    names = [
        line.partition(":")[2].strip()
        for line in Path("/proc/cpuinfo").read_text().splitlines()
        if line.startswith("model name")
    ]
    return {
        "cores": len(os.sched_getaffinity(0)),
        "processor": names[0] if names else platform.machine(),
        "memory_bytes": os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"),
        "system": platform.platform(),
        "python": platform.python_version(),
    }

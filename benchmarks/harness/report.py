"""What a run writes: JSON with every single time, and tables in Markdown."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from .engines import RIVALS, SUBJECT, Options
from .machine import machine
from .markdown import number, table
from .memory import Memory
from .rounds import Measurement

_KINDS = [kind.name for kind in fields(Memory)]

Figure = Callable[[Measurement], float]
"""What of a measurement is compared."""


def median(measurement: Measurement) -> float:
    """Return the median of the timed rounds, in seconds."""
    return statistics.median(measurement.seconds)


def peak(measurement: Measurement) -> float:
    """Return the peak of memory, in bytes."""
    return measurement.memory.total


@dataclass(frozen=True, kw_only=True)
class Report:
    """A whole run."""

    name: str
    """Of the suite."""

    title: str
    details: dict[str, str]
    """What there is to say of the data."""

    runs: int
    options: Options
    versions: dict[str, str]
    """Engine -> version, in the order they were given."""

    load: tuple[float, float]
    """The machine's load average, before and after."""

    measurements: list[Measurement]
    machine: dict[str, Any] = field(default_factory=machine)

    def of(self, engine: str, query: str) -> Measurement | None:
        """Return what one engine took for one query; None where it was not asked."""
        wanted = (engine, query)
        return next((m for m in self.measurements if (m.engine, m.query) == wanted), None)

    @property
    def queries(self) -> list[str]:
        """Return the names of the queries that were run."""
        return list(dict.fromkeys(m.query for m in self.measurements))

    @property
    def peers(self) -> list[str]:
        """Return the engines that the subject is held against; none where it did not run."""
        return [e for e in self.versions if e != SUBJECT] if SUBJECT in self.versions else []

    @property
    def rivals(self) -> list[str]:
        """Return those peers whose better one counts; none unless all of them ran."""
        return list(RIVALS) if set(RIVALS) <= set(self.peers) else []

    def ratio(self, query: str, peer: str) -> float | None:
        """Return the subject's median over the peer's; below 1 the subject is faster."""
        ours, theirs = self.of(SUBJECT, query), self.of(peer, query)
        return None if ours is None or theirs is None else median(ours) / median(theirs)

    def against_better(self, query: str) -> float | None:
        """Return the subject's median over that of the faster of the rivals."""
        ratios = [self.ratio(query, rival) for rival in self.rivals]
        known = [ratio for ratio in ratios if ratio is not None]
        return max(known) if known and len(known) == len(ratios) else None

    def worst(self) -> tuple[str, float] | None:
        """Return the query in which the subject does worst against the better rival."""
        ratios = [(query, self.against_better(query)) for query in self.queries]
        known = [(query, ratio) for query, ratio in ratios if ratio is not None]
        return max(known, key=lambda pair: pair[1]) if known else None

    def geometric_mean(self, peer: str) -> float | None:
        """Return the geometric mean of the ratios to a peer, over the queries both ran."""
        ratios = [r for r in (self.ratio(q, peer) for q in self.queries) if r is not None]
        return statistics.geometric_mean(ratios) if ratios else None

    def total(self, engine: str, figure: Figure) -> float | None:
        """Return the sum over all queries; None for an engine that has not run each of them."""
        taken = [self.of(engine, query) for query in self.queries]
        known = [figure(m) for m in taken if m is not None]
        return sum(known) if len(known) == len(taken) else None

    def total_ratio(self, peer: str, figure: Figure) -> float | None:
        """Return the subject's sum over the peer's, over the queries both ran."""
        pairs = [(self.of(SUBJECT, query), self.of(peer, query)) for query in self.queries]
        both = [(figure(a), figure(b)) for a, b in pairs if a is not None and b is not None]
        return sum(a for a, _ in both) / sum(b for _, b in both) if both else None


def as_json(report: Report) -> dict[str, Any]:
    """Return the report as JSON can hold it."""
    queries, peers = report.queries, report.peers
    worst = report.worst()
    return {
        "benchmark": report.name,
        "title": report.title,
        "details": report.details,
        "runs": report.runs,
        "options": asdict(report.options),
        "machine": report.machine,
        "load_average": {"before": report.load[0], "after": report.load[1]},
        "versions": report.versions,
        "measurements": [
            {
                **asdict(m),
                "median": median(m),
                "min": min(m.seconds),
                "memory": asdict(m.memory) | {"total": m.memory.total},
            }
            for m in report.measurements
        ],
        "ratios": {peer: {q: report.ratio(q, peer) for q in queries} for peer in peers},
        "against_better": {q: report.against_better(q) for q in queries},
        "worst": None if worst is None else {"query": worst[0], "ratio": worst[1]},
        "geometric_means": {peer: report.geometric_mean(peer) for peer in peers},
        "totals": {engine: report.total(engine, median) for engine in report.versions},
        "total_ratios": {peer: report.total_ratio(peer, median) for peer in peers},
        "memory_totals": {engine: report.total(engine, peak) for engine in report.versions},
        "memory_ratios": {peer: report.total_ratio(peer, peak) for peer in peers},
    }


def from_json(written: dict[str, Any]) -> Report:
    """Return the report that was written."""
    return Report(
        name=written["benchmark"],
        title=written["title"],
        details=written["details"],
        runs=written["runs"],
        options=Options(**written["options"]),
        versions=written["versions"],
        load=(written["load_average"]["before"], written["load_average"]["after"]),
        measurements=[
            Measurement(
                engine=m["engine"],
                query=m["query"],
                seconds=tuple(m["seconds"]),
                memory=Memory(**{kind: m["memory"][kind] for kind in _KINDS}),
                rows=m["rows"],
                digests=tuple(m["digests"]),
            )
            for m in written["measurements"]
        ],
        machine=written["machine"],
    )


def as_markdown(report: Report) -> str:
    """Return the tables: seconds with ratios, then peak memory."""
    versions = ", ".join(f"{name} {version}" for name, version in report.versions.items())
    details = ", ".join(f"{name} {value}" for name, value in report.details.items())
    lines = [
        f"{report.title}, {details}, {report.machine['cores']} cores"
        f" ({report.machine['processor']}), load {report.load[0]:.1f} before and"
        f" {report.load[1]:.1f} after; {versions}.",
        "",
        f"Seconds, median (min) of {report.runs} runs"
        + (f"; a ratio below 1 means that {SUBJECT} is faster:" if report.peers else ":"),
        "",
        *table(_seconds(report)),
        "",
        "Peak memory in MiB, all processes, shared memory counted once:",
        "",
        *table(_memory(report)),
    ]
    return "\n".join(lines) + "\n"


def _seconds(report: Report) -> Iterable[list[str]]:
    better = [f"{SUBJECT}/better"] if report.rivals else []
    ratios = [f"{SUBJECT}/{peer}" for peer in report.peers]
    yield ["query", *report.versions, *ratios, *better]
    for query in report.queries:
        taken = [report.of(engine, query) for engine in report.versions]
        times = ["-" if m is None else f"{median(m):.3f} ({min(m.seconds):.3f})" for m in taken]
        against = [number(report.ratio(query, peer)) for peer in report.peers]
        yield [query, *times, *against, *(number(report.against_better(query)) for _ in better)]
    if not report.peers:
        return
    nothing = [""] * len(report.versions)
    means = [number(report.geometric_mean(peer)) for peer in report.peers]
    yield ["geometric mean", *nothing, *means, *("" for _ in better)]
    sums = [number(report.total(engine, median), 3) for engine in report.versions]
    ratios = [number(report.total_ratio(peer, median)) for peer in report.peers]
    yield ["sum", *sums, *ratios, *("" for _ in better)]
    worst = report.worst()
    if worst is not None:
        yield [f"worst: {worst[0]}", *nothing, *("" for _ in report.peers), number(worst[1])]


def _memory(report: Report) -> Iterable[list[str]]:
    ratios = [f"{SUBJECT}/{peer}" for peer in report.peers]
    yield ["query", *report.versions, *ratios]
    for query in report.queries:
        taken = [report.of(engine, query) for engine in report.versions]
        held = ["-" if m is None else f"{peak(m) / 2**20:.0f}" for m in taken]
        yield [query, *held, *("" for _ in ratios)]
    if report.peers:
        totals = [report.total(engine, peak) for engine in report.versions]
        sums = ["-" if total is None else f"{total / 2**20:.0f}" for total in totals]
        yield ["sum", *sums, *(number(report.total_ratio(peer, peak)) for peer in report.peers)]

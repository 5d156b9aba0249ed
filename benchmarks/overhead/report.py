"""What a run writes: JSON with every time, and a table."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from ..harness.engines import SUBJECT
from ..harness.machine import machine
from ..harness.markdown import table
from .measured import BASE, IMPORT, MODULES, Series

UNITS = ((1.0, "s"), (1e-3, "ms"), (0.0, "us"))
"""From so many seconds on, a figure is shown in this unit."""

_PER_SECOND = {"s": 1, "ms": 1e3, "us": 1e6}


@dataclass(frozen=True, kw_only=True)
class Report:
    """A whole run."""

    runs: int
    versions: dict[str, str]
    load: tuple[float, float]
    series: list[Series]
    machine: dict[str, Any] = field(default_factory=machine)

    def of(self, figure: str, subject: str) -> Series | None:
        """Return one figure of one engine or module."""
        wanted = (figure, subject)
        return next((s for s in self.series if (s.figure, s.subject) == wanted), None)

    @property
    def import_ratio(self) -> float | None:
        """The import of the subject over that of `BASE`."""
        ours, base = self.of(IMPORT, MODULES[SUBJECT]), self.of(IMPORT, BASE)
        return None if ours is None or base is None else ours.median / base.median


def as_json(report: Report) -> dict[str, Any]:
    """Return the report as JSON can hold it."""
    return {
        "benchmark": "overhead",
        "runs": report.runs,
        "machine": report.machine,
        "load_average": {"before": report.load[0], "after": report.load[1]},
        "versions": report.versions,
        "series": [{**asdict(s), "median": s.median, "min": min(s.seconds)} for s in report.series],
        "import_ratio": report.import_ratio,
    }


def from_json(written: dict[str, Any]) -> Report:
    """Return the report that was written."""
    return Report(
        runs=written["runs"],
        versions=written["versions"],
        load=(written["load_average"]["before"], written["load_average"]["after"]),
        series=[
            Series(figure=s["figure"], subject=s["subject"], seconds=tuple(s["seconds"]))
            for s in written["series"]
        ],
        machine=written["machine"],
    )


def as_markdown(report: Report) -> str:
    """Return the table: a line for each figure of each engine or module."""
    versions = ", ".join(f"{name} {version}" for name, version in report.versions.items())
    rows = [["figure", "of", "median", "min"]]
    for series in report.series:
        times = [_shown(series.median), _shown(min(series.seconds))]
        rows.append([series.figure, series.subject, *times])
    if report.import_ratio is not None:
        rows.append([IMPORT, f"{SUBJECT}/{BASE}", f"{report.import_ratio:.2f}", ""])
    lines = [
        f"Overhead, {report.machine['cores']} cores ({report.machine['processor']}), load"
        f" {report.load[0]:.1f} before and {report.load[1]:.1f} after; {versions}.",
        "",
        *table(rows),
    ]
    return "\n".join(lines) + "\n"


def _shown(seconds: float) -> str:
    unit = next(unit for least, unit in UNITS if seconds >= least)
    return f"{seconds * _PER_SECOND[unit]:.3g} {unit}"

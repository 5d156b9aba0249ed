"""The page of figures: each target is read from its run, and only figures of a page change."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.harness.engines import Options
from benchmarks.harness.memory import Memory
from benchmarks.harness.report import Report, as_json, as_markdown, from_json
from benchmarks.harness.rounds import Measurement
from benchmarks.overhead import report as overhead
from benchmarks.overhead.measured import FIRST, IMPORT, TASK, WARM, Series
from benchmarks.page.page import BEGIN, END, main
from benchmarks.page.targets import FULL, TARGETS

from . import quick_runs  # noqa: F401  (it makes the benchmarks importable)


def measured(engine: str, query: str, seconds: float, mebibytes: int = 1) -> Measurement:
    memory = Memory(processes=1, anonymous=mebibytes * 2**20, file=0, shared=0, unmapped=0)
    return Measurement(
        engine=engine,
        query=query,
        seconds=(seconds * 2, seconds, seconds / 2),
        memory=memory,
        rows=1,
        digests=("same",),
    )


def suite(name: str, times: dict[str, dict[str, float]], **details: str) -> Report:
    """Make a run out of query -> engine -> median; Partita takes twice the memory of the others."""
    return Report(
        name=name,
        title=name.title(),
        details=details,
        runs=3,
        options=Options(),
        versions=dict.fromkeys(next(iter(times.values())), "1.0"),
        load=(0.0, 0.0),
        measurements=[
            measured(engine, query, seconds, 2 if engine == "partita" else 1)
            for query, taken in times.items()
            for engine, seconds in taken.items()
        ],
        machine={"cores": 2, "processor": "a processor"},
    )


def tpch(scale: str, partita: float) -> Report:
    others = {"floor": 0.5, "polars": 1.0, "duckdb": 2.0, "dask": 20.0}
    times = {f"Q{number}": {"partita": partita, **others} for number in range(1, 22)}
    times["Q22"] = {"partita": partita * 3, **others}
    return suite("tpch", times, scale=scale, decimals="double")


def little(name: str, query: str, partita: float) -> Report:
    times = {query: {"partita": partita, "polars": 1.0, "duckdb": 2.0}}
    return suite(name, times, **FULL[name])


@pytest.fixture
def written(tmp_path: Path) -> list[str]:
    """Write one run of each suite."""
    runs = {
        "one": as_json(tpch("1", 0.8)),
        "ten": as_json(tpch("10", 8.0)),
        "groups": as_json(little("groups", "two_min_max", 1.1)),
        "joins": as_json(little("joins", "small_integer_inner", 1.3)),
        "datasets": as_json(
            suite(
                "datasets",
                {
                    "files_sum": {"partita": 0.9, "polars": 1.0, "duckdb": 1.0},
                    "wide_three_columns": {"partita": 7.0, "polars": 1.0, "duckdb": 1.0},
                },
                **FULL["datasets"],
            )
        ),
        "udf": as_json(little("udf", "numbers", 0.5)),
        "overhead": overhead.as_json(
            overhead.Report(
                runs=15,
                versions={"partita": "0.1"},
                load=(0.0, 0.0),
                series=[
                    Series(figure=IMPORT, subject="pyarrow.parquet", seconds=(0.4,)),
                    Series(figure=IMPORT, subject="partita", seconds=(0.5,)),
                    Series(figure=FIRST, subject="partita", seconds=(2.5,)),
                    Series(figure=WARM, subject="partita", seconds=(0.004,)),
                    Series(figure=TASK, subject="partita", seconds=(0.00009,)),
                ],
                machine={"cores": 2, "processor": "a processor"},
            )
        ),
    }
    for name, run in runs.items():
        (tmp_path / f"{name}.json").write_text(json.dumps(run))
    return [str(tmp_path / f"{name}.json") for name in runs]


def test_each_target_is_read_from_its_run(
    written: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--json", *written]) == 0
    lines = capsys.readouterr().out.splitlines()[2 : 2 + len(TARGETS)]
    found = [[cell.strip() for cell in line.split("|")[3:5]] for line in lines]
    mean = 0.8 * 3 ** (1 / 22)
    assert found == [
        [f"{mean:.3g}", "yes"],
        [f"{mean / 2:.3g}", "yes"],
        [f"{mean / 20:.3g}", "yes"],
        ["2.4", "no"],
        [f"{0.8 * 24 / 11:.3g}", "yes"],
        [f"{mean * 10:.3g}", "no"],
        [f"{mean * 5:.3g}", "no"],
        ["10", "yes"],
        ["2", "no"],
        ["1.1", "yes"],
        ["1.3", "no"],
        ["0.9", "yes"],
        ["0.5", "yes"],
        ["1.25", "yes"],
        ["2.5 s", "no"],
        ["4 ms", "yes"],
        ["90 us", "yes"],
    ]


def test_what_was_not_measured_is_said(
    written: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--json", written[2]]) == 0
    out = capsys.readouterr().out
    assert out.count("not measured") == len(TARGETS) - 1


@pytest.mark.parametrize(
    ("at", "changed"), [(2, {"details": {"rows": "20,000"}}), (0, {"runs": 1})]
)
def test_a_quick_run_gives_no_figure(
    at: int, changed: dict[str, object], written: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    path = Path(written[at])
    path.write_text(json.dumps(json.loads(path.read_text()) | changed))
    assert main(["--json", str(path)]) == 0
    assert capsys.readouterr().out.count("not measured") == len(TARGETS)


def test_a_page_keeps_all_but_its_figures(written: list[str], tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"# Before\n\n{BEGIN}\nold figures\n{END}\n\nAfter.\n")
    assert main(["--json", *written, "--into", str(page)]) == 0
    first = page.read_text()
    assert first.startswith(f"# Before\n\n{BEGIN}\n\n|")
    assert first.endswith(f"{END}\n\nAfter.\n")
    assert "old figures" not in first
    assert "### Tpch: scale 10, decimals double" in first
    assert main(["--json", *written, "--into", str(page)]) == 0
    assert page.read_text() == first


def test_a_page_without_a_place_for_figures_is_an_error(
    written: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "page.md"
    page.write_text("# Nothing\n")
    assert main(["--json", *written, "--into", str(page)]) == 2
    assert page.read_text() == "# Nothing\n"
    assert BEGIN in capsys.readouterr().err


def test_a_run_is_read_as_it_was_written() -> None:
    report = tpch("1", 0.8)
    again = from_json(json.loads(json.dumps(as_json(report))))
    assert again == report
    assert as_markdown(again) == as_markdown(report)

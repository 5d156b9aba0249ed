"""`import partita` is quick: the heavy libraries wait until they are needed."""

from __future__ import annotations

import json
import subprocess
import sys

HEAVY = ("pandas", "networkx", "numba", "IPython", "matplotlib", "dask", "polars", "duckdb")


def modules_after(statement: str) -> set[str]:
    """Return the top-level modules that a fresh interpreter holds after `statement`."""
    script = f"{statement}\nimport json, sys\nprint(json.dumps(sorted(sys.modules)))"
    run = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60
    )
    return {name.split(".")[0] for name in json.loads(run.stdout.splitlines()[-1])}


def test_import_loads_nothing_before_a_name_is_asked_for() -> None:
    # What the interpreter starts with (a .pth file may import things) is not ours.
    brought = modules_after("import partita") - modules_after("pass")
    assert not brought & {*HEAVY, "pyarrow", "numpy"}


def test_the_interface_loads_no_heavy_library() -> None:
    brought = modules_after("import partita; partita.col") - modules_after("pass")
    assert "pyarrow" in brought
    assert not brought & set(HEAVY)


def test_what_runs_queries_waits_for_the_first_query() -> None:
    look = """
import sys
import partita as pt
assert pt.from_pydict({"a": [1]}).filter(pt.col("a") > 0).columns == ["a"]
before = set(sys.modules)
assert pt.from_pydict({"a": [1]}).filter(pt.col("a") > 0).to_pydict() == {"a": [1]}
parts = "planner", "operators.join", "scheduler", "executors.process"
for part in parts:
    (module,) = (name for name in sys.modules if name.endswith(f".{part}"))
    assert module not in before, module
assert "psutil" not in before
"""
    modules_after(look)


def test_names_are_found_however_they_are_asked_for() -> None:
    for statement in (
        "from partita import col, scan_parquet, Session, config, errors, random",
        "from partita import *; scan_parquet, config.set",
        "import partita; partita.col; partita.io.parquet; partita.errors.PartitaError",
    ):
        assert "pyarrow" in modules_after(statement)


def test_a_worker_loads_no_heavy_library() -> None:
    brought = modules_after("import partita.engine.execution.worker") - modules_after("pass")
    assert not brought & (set(HEAVY) - {"numba"})

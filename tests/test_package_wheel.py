"""The wheel: built from a copy of the source, installed in a clean environment, used there."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

QUERY = """
import partita as pt

trips = pt.from_pydict({"zone": ["a", "b", "a", None], "fare": [1.5, 2.0, 4.0, 8.0]})
trips.sink_parquet("trips")
with pt.config.set(executor="process", workers=1):
    result = (
        pt.scan_parquet("trips")
        .filter(pt.col("fare") > 1.5)
        .group_by("zone")
        .agg(fare=pt.col("fare").sum())
        .sort("fare")
        .collect()
    )
print(result.to_pydict())
print(pt.__file__)
"""


def run(*command: str | Path, cwd: Path, source: str | None = None) -> str:
    """Run a command with nothing of this environment on its import path; return its output."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    process = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        input=source or "",
        env=environment,
        capture_output=True,
        text=True,
        timeout=500,
    )
    assert process.returncode == 0, f"{command}\n{process.stdout}\n{process.stderr}"
    return process.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel without leaving anything in the source tree."""
    source = tmp_path_factory.mktemp("wheel") / "source"
    source.mkdir()
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    for name in ("partita", "engine", "io"):
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    run(sys.executable, "-m", "build", "--wheel", "--outdir", source / "dist", ".", cwd=source)
    (built,) = (source / "dist").glob("*.whl")
    return built


@pytest.mark.timeout(600)
def test_the_wheel_holds_every_module(wheel: Path) -> None:
    held = set(zipfile.ZipFile(wheel).namelist())
    in_tree = {
        (Path(package) / path.relative_to(ROOT / folder)).as_posix()
        for folder, package in {
            "partita": "partita",
            "engine": "partita/engine",
            "io": "partita/io",
        }.items()
        for path in (ROOT / folder).rglob("*.py")
    }
    assert in_tree <= held
    assert "partita/py.typed" in held
    assert any(name.endswith("licenses/LICENSE") for name in held)


@pytest.mark.timeout(600)
def test_a_query_runs_from_the_installed_wheel(wheel: Path, tmp_path: Path) -> None:
    environment = tmp_path / "environment"
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    run(sys.executable, "-m", "venv", "--without-pip", environment, cwd=tmp_path)
    python = environment / "bin" / "python"
    # With its dependencies: one that is missing from the list is found here and nowhere else. What
    # is not imported need not be compiled, which took half of the time.
    pip = sys.executable, "-m", "pip", "--python", python
    run(*pip, "install", "--quiet", "--no-compile", wheel, cwd=elsewhere)

    answer, place = run(python, "-", cwd=elsewhere, source=QUERY).splitlines()

    assert answer == "{'zone': ['b', 'a', None], 'fare': [2.0, 4.0, 8.0]}"
    assert Path(place).is_relative_to(environment)
    version = run(environment / "bin" / "partita", "--version", cwd=elsewhere)
    assert version.startswith("partita ")

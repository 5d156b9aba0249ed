"""What README.md promises: the two commands, the example, and the links."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pyarrow.csv as pv
import pytest

from partita.engine.cli.trips import write_trips, zones

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()

COMMANDS = (
    "python3 -m venv .venv && .venv/bin/pip install -e '.[dev]' && .venv/bin/partita demo",
    "python3 -m venv .venv && .venv/bin/pip install -e '.[dev]' && .venv/bin/pytest",
)


def python_examples() -> list[str]:
    return re.findall(r"^```python\n(.*?)^```$", README, flags=re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("command", COMMANDS)
def test_the_command_is_there_once_as_agreed(command: str) -> None:
    assert README.splitlines().count(command) == 1


def test_ci_runs_the_command_of_the_readme() -> None:
    script = (ROOT / ".ci" / "run").read_text()
    (pattern,) = re.findall(r"grep -E '([^']+)' README.md", script)
    found = [line for line in README.splitlines() if re.search(pattern, line)]
    assert found == [COMMANDS[1]]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the files that the examples name."""
    folder = tmp_path_factory.mktemp("readme")
    assert len(list(write_trips(folder / "trips", rows=20_000))) == 24
    pv.write_csv(zones(), folder / "zones.csv")
    return folder


@pytest.mark.parametrize("number", range(len(python_examples())))
def test_examples_run(number: int, folder: Path) -> None:
    # A later example goes on from the ones before it, as a reader does.
    source = "\n".join(python_examples()[: number + 1])
    # From standard input and without a guard: that is how examples are tried.
    process = subprocess.run(
        [sys.executable, "-"], input=source, cwd=folder, capture_output=True, text=True, timeout=100
    )
    assert process.returncode == 0, process.stderr
    if number == 0:
        assert "Queens" in process.stdout
        assert len(python_examples()[0].splitlines()) <= 16


def test_links_lead_to_files() -> None:
    links = re.findall(r"\]\((?!https?:)([^)#]+)", README)
    assert links
    missing = [link for link in links if not (ROOT / link).exists()]
    assert not missing


def test_the_version_is_in_the_changelog() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert f"## [{version}]" in (ROOT / "CHANGELOG.md").read_text()


def test_the_licence_is_whole() -> None:
    text = (ROOT / "LICENSE").read_text()
    assert "Apache License" in text
    assert "END OF TERMS AND CONDITIONS" in text

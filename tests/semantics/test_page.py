"""The page as a whole: every table has its file, every line one name, every engine a version."""

from __future__ import annotations

import re
from collections import Counter
from importlib import metadata
from pathlib import Path

import pytest

from .page import ENGINES, TEXT, tables

FILES = sorted(Path(__file__).parent.glob("test_*.py"))


def test_every_table_has_a_file_of_checks() -> None:
    headings = re.findall(r'Section\("(.+)"\)', "\n".join(file.read_text() for file in FILES))
    assert sorted(headings) == sorted(tables())


def test_every_line_is_whole_and_has_a_name_of_its_own() -> None:
    lines = [cells for table in tables().values() for cells in table]
    assert len(lines) > 150
    for cells in lines:
        assert len(cells) == 1 + len(ENGINES), cells
        assert cells[0], cells
        assert cells[1], f"{cells[0]}: nothing is said of how it is here"
    twice = [title for title, count in Counter(cells[0] for cells in lines).items() if count > 1]
    assert twice == []


@pytest.mark.parametrize("engine", ["pandas", "Polars", "DuckDB"])
def test_the_page_names_versions_that_are_there(engine: str) -> None:
    named = re.search(rf"{engine}\s(\d+)\.(\d+)", TEXT)
    assert named is not None
    installed = metadata.version(engine.lower()).split(".")
    assert (int(named[1]), int(named[2])) <= (int(installed[0]), int(installed[1]))

"""Every docstring example of the package runs and gives what it says."""

from __future__ import annotations

import doctest
import importlib
import os
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FOLDERS = {"partita": "partita", "engine": "partita.engine", "io": "partita.io"}


def modules_with_examples() -> list[str]:
    """Return the dotted names of the files that hold an example."""
    return [
        ".".join(
            part
            for part in [package, *path.relative_to(ROOT / folder).with_suffix("").parts]
            if part != "__init__"
        )
        for folder, package in FOLDERS.items()
        for path in sorted((ROOT / folder).rglob("*.py"))
        if ">>> " in path.read_text()
    ]


@pytest.mark.parametrize("name", modules_with_examples())
def test_examples(name: str, tmp_path: Path) -> None:
    module = importlib.import_module(name)
    before = Path.cwd()
    # An example that writes a file does so in a folder of its own.
    os.chdir(tmp_path)
    try:
        outcome = doctest.testmod(
            module, optionflags=doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS
        )
    finally:
        os.chdir(before)
    assert outcome.attempted > 0, "the examples are not in docstrings that doctest finds"
    assert outcome.failed == 0, "see the captured output for what was expected and what came"

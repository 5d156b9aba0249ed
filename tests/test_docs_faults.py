"""The page of faults names tests that are there."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
NAMED = sorted(
    set(re.findall(r"`(tests/[^`]+\.py(?:::\w+)?)`", (ROOT / "docs/faults.md").read_text()))
)


def test_there_are_many() -> None:
    assert len(NAMED) > 40


@pytest.mark.parametrize("named", NAMED)
def test_what_is_named_is_there(named: str) -> None:
    path, _, name = named.partition("::")
    tree = ast.parse((ROOT / path).read_text())
    functions = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
    # A table of semantics is imported as its page's tests.
    assert name in functions if name else functions

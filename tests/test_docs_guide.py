"""The guide: its code runs, block after block, and prints what stands below it."""

from __future__ import annotations

import contextlib
import dataclasses
import io
import os
import re
import traceback
from pathlib import Path
from typing import Any

import pytest

import partita as pt
from partita.engine.config import MiB, Settings

GUIDE = Path(__file__).parents[1] / "docs" / "guide.md"
TEXT = GUIDE.read_text()
BLOCK = re.compile(
    r"^```python\n(?P<code>.*?)^```\n(?:```text\n(?P<shown>.*?)^```$)?", re.MULTILINE | re.DOTALL
)
BLOCKS = list(BLOCK.finditer(TEXT))


def line_of(block: re.Match[str]) -> int:
    return TEXT[: block.start("code")].count("\n") + 1


@pytest.fixture(scope="module")
def printed(tmp_path_factory: pytest.TempPathFactory) -> dict[int, str]:
    """What each block prints, or how it fails; they share names and a folder, as for a reader."""
    found: dict[int, str] = {}
    names: dict[str, Any] = {}
    before = Path.cwd()
    os.chdir(tmp_path_factory.mktemp("guide"))
    try:
        for block in BLOCKS:
            # Line breaks in front, so that an error has the line of the page.
            code = "\n" * (line_of(block) - 1) + block["code"]
            shown = io.StringIO()
            with contextlib.redirect_stdout(shown):
                try:
                    exec(compile(code, str(GUIDE), "exec"), names)
                except Exception:
                    shown.write(traceback.format_exc())
            found[line_of(block)] = shown.getvalue()
    finally:
        os.chdir(before)
    return found


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: f"line {line_of(block)}")
def test_a_block_prints_what_stands_below_it(block: re.Match[str], printed: dict[int, str]) -> None:
    got = printed[line_of(block)]
    expected = block["shown"] or ""
    pattern = re.escape(expected).replace(re.escape("..."), ".*")
    assert re.fullmatch(pattern, got), f"expected:\n{expected}\nprinted:\n{got}"


def test_every_block_of_code_is_run() -> None:
    assert len(BLOCKS) == TEXT.count("```python")
    assert len(BLOCKS) >= 10


def test_the_settings_have_the_defaults_of_the_table() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (.+?) \|", TEXT, flags=re.MULTILINE)
    defaults = {field.name: field.default for field in dataclasses.fields(Settings)}
    assert len(rows) == 10
    for name, text in rows:
        shown = text.strip("`")
        amount, _, unit = shown.partition(" ")
        value = int(amount) * MiB if unit == "MiB" else eval(shown, {})
        assert value == defaults[name], name


SPELLINGS = re.findall(r"^\| (`.*`) \| (.+) \|$", TEXT.split("## From pandas")[1], re.MULTILINE)


def test_the_spellings_of_the_table_build_plans() -> None:
    names: dict[str, Any] = {
        "pt": pt,
        "df": pt.from_pydict({"a": [1, 2], "b": ["x", "y"], "k": [1, 1], "v": [1.0, 2.0]}),
        "f": lambda frame: frame,
    }
    names["a"] = names["b"] = names["df"]
    assert len(SPELLINGS) >= 12
    tried = 0
    for _, ours in SPELLINGS:
        for code in re.findall(r"`([^`]+)`", ours):
            if "path" in code:
                continue
            frame = dict(names)
            exec(code, frame)
            tried += 1
    assert tried >= 12

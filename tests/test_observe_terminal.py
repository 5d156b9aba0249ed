"""What is shown fits the terminal it is shown on, and is whole where there is none."""

from __future__ import annotations

import fcntl
import os
import pty
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import time
from pathlib import Path

import IPython
import pyarrow as pa
import pytest

import partita as pt
from partita import col
from partita.engine.api.table_text import table_text
from partita.engine.observe.terminal import cut, folded
from partita.engine.plan.description import text_width

SECONDS = 60


def on_terminal(
    arguments: list[str], columns: int, until: str = "", folder: Path | None = None
) -> tuple[int, str]:
    """Run this Python on a terminal of so many columns; Ctrl-C is typed once `until` is shown."""
    driver, terminal = pty.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
    process = subprocess.Popen(
        [sys.executable, *arguments],
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
        start_new_session=True,
        # So that Ctrl-C arrives at the process as it does from a shell.
        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        env={
            **{name: value for name, value in os.environ.items() if name != "COLUMNS"},
            **({} if folder is None else {"TMPDIR": str(folder)}),
        },
    )
    os.close(terminal)
    shown = b""
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        try:
            piece = os.read(driver, 4096)
        except OSError:
            # Linux's way to say that the other end is closed.
            break
        shown += piece
        if until and until in shown.decode(errors="replace"):
            os.write(driver, b"\x03")
            until = ""
    os.close(driver)
    return process.wait(SECONDS), shown.decode().replace("\r\n", "\n")


LONG = """\
import partita as pt
df = pt.from_pydict({"a_long_name": [1], "another_long_name": [2]})
df = df.filter(pt.col("a_long_name") > 0, pt.col("another_long_name").is_in([1, 2, 3]))
df = df.with_columns(one_more_long_name=pt.col("a_long_name") * pt.col("another_long_name"))
print(df)
plan = df.explain()
print(plan)
assert max(map(len, plan.splitlines())) > 60, "the value does not depend on the terminal"
print(df.collect().profile)
print(df.collect())
"""


@pytest.mark.parametrize("columns", [60, 80, 200])
def test_what_is_printed_fits_the_terminal(columns: int) -> None:
    code, shown = on_terminal(["-c", LONG], columns)
    assert code == 0, shown
    assert max(map(text_width, shown.splitlines())) <= columns
    assert "AGGREGATE" not in shown
    assert "is_in([1, 2, 3])" in shown.replace("\n", " ")


def test_an_interrupted_demo_says_so_and_leaves_nothing(tmp_path: Path) -> None:
    demo = ["-m", "partita", "demo"]
    code, shown = on_terminal(demo, 80, until="trips made", folder=tmp_path)
    assert code == 128 + signal.SIGINT, shown
    assert shown.endswith("partita demo: interrupted\n")
    assert "Traceback" not in shown
    assert not list(tmp_path.glob("partita-demo-*"))


def test_an_error_is_folded_between_words() -> None:
    code, shown = on_terminal(["-m", "partita", "head", "there/is/no/such.parquet"], 40)
    assert code == 2
    lines = shown.splitlines()
    assert lines[0] == "partita head: There is no file or"
    assert len(lines) > 1


def test_a_folded_plan_keeps_its_tree() -> None:
    tree = "SORT by a\n└─ JOIN inner on a = b  ~12 rows\n   ├─ SCAN x\n   └─ SCAN y"
    assert folded(tree, 80) == tree
    assert folded(tree, 30).splitlines() == [
        "SORT by a",
        "└─ JOIN inner on a = b",
        "   │     ~12 rows",
        "   ├─ SCAN x",
        "   └─ SCAN y",
    ]


def test_a_filter_longer_than_a_line_goes_on_below_it() -> None:
    tree = "FILTER " + " & ".join(f"(column_{n} > {n})" for n in range(5)) + "\n└─ SCAN x"
    lines = folded(tree, 40).splitlines()
    assert max(map(len, lines)) <= 40
    assert all(line.startswith("│") for line in lines[1:-1])
    joined = " ".join([lines[0], *(line.lstrip("│ ") for line in lines[1:-1])])
    assert joined == tree.splitlines()[0]


def test_a_profile_leaves_out_what_does_not_fit() -> None:
    left = pt.from_pydict({"k": [1, 2], "v": [1.0, 2.0]})
    profile = left.join(left, on="k").group_by("k").agg(col("v").sum()).collect().profile
    assert profile is not None
    assert "counted" in profile.to_text()
    narrow = profile.to_text(80)
    assert "counted" not in narrow
    assert max(map(len, narrow.splitlines()[1:])) <= 80


def test_columns_that_do_not_fit_are_counted() -> None:
    table = pa.table({f"column_{number}": [0] for number in range(13)})
    whole = table_text(table, width=1000)
    assert "not shown" not in whole
    # One column too few makes room for the ellipsis: as many cells, but not all columns.
    width = len(whole.splitlines()[0]) - 1
    assert "not shown" in table_text(table, width=width)
    for columns in range(40, 220, 7):
        shown = table_text(table, width=columns)
        assert max(map(text_width, shown.splitlines())) <= columns
        assert ("not shown" in shown) == ("…" in shown)


def test_wide_characters_and_long_values_are_cut_by_their_width() -> None:
    table = pa.table({"a": ["日本語" * 30], "b": ["x" * 1_000_000]})
    shown = table_text(table, width=80)
    assert max(map(text_width, shown.splitlines())) <= 80
    assert cut("日本語", 6) == "日本語"
    assert cut("日本語", 4) == "日…"


def test_no_terminal_no_folding() -> None:
    with tempfile.TemporaryFile("w+") as file:
        subprocess.run([sys.executable, "-c", LONG], stdout=file, check=True)
        file.seek(0)
        assert max(map(len, file.read().splitlines())) > 80


def test_in_a_notebook_plans_are_folded_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    class Shell:
        kernel = object()

    monkeypatch.setattr(IPython, "get_ipython", Shell)
    names = [f"a_long_name_{number}" for number in range(10)]
    plan = pt.from_pydict({name: [1] for name in names}).select(names).explain(False)
    assert len(plan.splitlines()[0]) > 100
    assert max(map(len, str(plan).splitlines())) <= 100

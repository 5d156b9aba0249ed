"""JSON that is nested very deeply ends nobody: types are not guessed of it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

import partita as pt
from partita.engine.errors import SourceCorrupt
from partita.io import json_depth
from partita.io.json_depth import MOST_LEVELS, check_depth

DEEP = {
    "objects": '{"a":' * 200_000 + "1" + "}" * 200_000,
    "lists": '{"a":' + "[" * 200_000 + "]" * 200_000 + "}",
    "behind others": '{"a":1}\n' * 9 + '{"a":' * 200_000 + "1" + "}" * 200_000,
    "over lines": '{"a":\n' * 200_000 + "1" + "}\n" * 200_000,
    "behind escapes": '{"\\"]}":1,"b":[' + "[" * 200_000 + "]" * 200_000 + "]}",
    "hidden by texts": '{"]}}}}}}}":' * 100_000 + "1" + "}" * 100_000,
    "not closed": "[" * 200_000,
    "a little": '{"a":' * 600 + "1" + "}" * 600,
}

SCRIPT = """
import sys
import partita as pt
try:
    pt.scan_json(sys.argv[1])
except pt.errors.SourceCorrupt as error:
    print("f.json" in str(error))
"""


@pytest.mark.parametrize("kind", DEEP)
def test_a_deep_value_ends_nobody(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "f.json"
    path.write_text(DEEP[kind] + "\n")
    run = subprocess.run([sys.executable, "-c", SCRIPT, str(path)], capture_output=True, text=True)
    assert (run.returncode, run.stdout.strip()) == (0, "True"), run.stderr[-300:]


def test_other_columns_of_it_can_be_read(tmp_path: Path) -> None:
    path = tmp_path / "f.json"
    path.write_text('{"n":1,"a":2}\n{"n":2,"a":' + "[" * 100_000 + "]" * 100_000 + "}\n")
    with pytest.raises(SourceCorrupt, match=r"100,001 levels.*schema="):
        pt.scan_json(path)
    assert pt.scan_json(path, schema={"n": "int64"}).to_pydict() == {"n": [1, 2]}


def test_as_many_levels_as_are_taken(tmp_path: Path) -> None:
    path = tmp_path / "f.json"
    levels = MOST_LEVELS - 1
    # One is the object itself.
    path.write_text('{"a":' + "[" * levels + "1" + "]" * levels + "}\n")
    value = pt.scan_json(path).to_pydict()["a"][0]
    for _ in range(levels):
        (value,) = value
    assert value == 1


def depth(value: Any) -> int:
    held = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    return 0 if held is None else 1 + max(map(depth, held), default=0)


TEXTS = st.text('[]{}"\\\n,:x', max_size=6)
VALUES = st.recursive(
    st.integers(0, 9) | TEXTS,
    lambda held: st.lists(held, max_size=3) | st.dictionaries(TEXTS, held, max_size=3),
)


@given(values=st.lists(VALUES, max_size=4), most=st.integers(0, 5))
def test_levels_are_those_of_the_standard_library(values: list[Any], most: int) -> None:
    text = "\n".join(json.dumps(value) for value in values).encode()
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(json_depth, "MOST_LEVELS", most)
        if max(map(depth, values), default=0) <= most:
            check_depth(text)
        else:
            with pytest.raises(pa.ArrowInvalid, match="levels"):
                check_depth(text)

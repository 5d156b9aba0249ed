"""A cluster asked for where its library is not installed: the error says what to install."""

from __future__ import annotations

import subprocess
import sys

import pytest

SCRIPT = """
import sys

# As if they were not installed.
sys.modules.update(dict.fromkeys({absent}))
import partita as pt
from partita import errors

assert pt.range(3).to_pydict() == {{"id": [0, 1, 2]}}
try:
    with pt.Session(executor={executor!r}):
        pt.range(3).collect()
except errors.MissingDependency as error:
    print(error)
"""


@pytest.mark.parametrize("absent", [["distributed"], ["dask", "distributed"]])
@pytest.mark.parametrize("executor", ["dask", "dask://127.0.0.1:1"])
def test_the_error_names_the_extra(absent: list[str], executor: str) -> None:
    script = SCRIPT.format(absent=absent, executor=executor)
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=100
    )
    assert done.returncode == 0, done.stderr
    assert f"executor='{executor}' needs the library distributed" in done.stdout
    assert "pip install 'partita[dask]'" in done.stdout

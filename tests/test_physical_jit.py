"""Compiled kernels give the same bits as what stands for them where they are not compiled."""

from __future__ import annotations

import copy
import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from partita.engine.physical.kernels import jit

from .kernel_cases import CASES

pytestmark = pytest.mark.timeout(600)  # on a new machine all kernels are compiled first

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module", autouse=True)
def loaded() -> Iterator[None]:
    before = jit.ready()
    assert jit.load()
    yield
    if not before:
        jit.unload()


def _bits(arguments: list[Any], result: Any) -> list[Any]:
    results = result if isinstance(result, tuple) else (result,)
    return [
        (value.dtype, value.shape, value.tobytes())
        if isinstance(value, np.ndarray)
        else np.asarray(value, None if value is None else np.float64).tobytes()
        for value in (*arguments, *results)
    ]


def test_every_kernel_has_a_case() -> None:
    assert sorted(jit.KERNELS) == sorted(CASES)


@pytest.mark.parametrize("name", sorted(CASES))
def test_the_loop_gives_the_bits_of_its_stand_in(name: str) -> None:
    kernel = jit.KERNELS[name]
    assert kernel.is_compiled
    for number, arguments in enumerate(CASES[name](np.random.default_rng(1))):
        theirs = copy.deepcopy(arguments)
        expected = _bits(theirs, kernel.instead(*theirs))
        assert _bits(arguments, kernel(*arguments)) == expected, f"case {number}"


@pytest.mark.parametrize("name", sorted(CASES))
def test_every_kernel_says_what_it_does(name: str) -> None:
    assert jit.KERNELS[name].__doc__


def test_other_types_are_refused_and_never_compiled() -> None:
    with pytest.raises(TypeError):
        jit.KERNELS["add_doubles"](np.zeros(1, np.int64), np.zeros(1, np.float16), np.zeros(1))


def test_the_front_door_and_small_queries_import_no_numba() -> None:
    code = (
        "import sys, partita as pt;"
        "pt.DataFrame({'a': [1, 2]}).group_by('a').agg(b=pt.col('a').sum()).collect();"
        "print('numba' in sys.modules)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "False"


COMPILE_ONE = """
import numba
from partita.engine.physical.kernels import cache_place, jit
declared = jit._declared()["add_doubles"]
try:
    made = jit._dispatcher(declared)
    made.compile(jit._types(declared.signatures[0]))
    found = made.stats
    print(found.cache_path, sum(found.cache_misses.values()), bool(numba.config.CACHE_DIR))
except jit._NotCompiled as error:
    print(error, jit.load(), jit.load_if_cached())
"""


@pytest.fixture
def not_writable(tmp_path: Path) -> dict[str, str]:
    """The environment of a program that can write neither beside the package nor in its home."""
    package = tmp_path / "partita"
    for name in ("partita", "partita/engine", "partita/io"):
        source = ROOT / name.rpartition("/")[2]
        shutil.copytree(source, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    # A file in its place keeps root as well from making the folder.
    (package / "engine" / "physical" / "kernels" / "__pycache__").touch()
    (tmp_path / "tmp").mkdir()
    unset = ("NUMBA_CACHE_DIR", "XDG_CACHE_HOME", "PYTHONPYCACHEPREFIX")
    kept = {name: value for name, value in os.environ.items() if name not in unset}
    own = {"PYTHONPATH": str(tmp_path), "HOME": os.devnull, "TMPDIR": str(tmp_path / "tmp")}
    return {**kept, **own}


def compiled_one(environment: dict[str, str]) -> str:
    """Compile one kernel; return where it is kept, what was not there, and numba's own setting."""
    return subprocess.run(
        [sys.executable, "-c", COMPILE_ONE],
        capture_output=True,
        text=True,
        check=True,
        env=environment,
        cwd=environment["TMPDIR"],
    ).stdout.strip()


def test_where_nothing_can_be_written_they_are_kept_in_a_folder_of_the_users_own(
    not_writable: dict[str, str], tmp_path: Path
) -> None:
    folder = tmp_path / "tmp" / f"partita-kernels-{os.getuid()}"
    place, missed, everywhere = compiled_one(not_writable).split()
    assert Path(place).is_relative_to(folder)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert (missed, everywhere) == ("1", "False")
    place, missed, _ = compiled_one(not_writable).split()
    assert missed == "0"  # it was there


@pytest.mark.parametrize("way", ["open to others", "a link", "a file"])
def test_a_folder_that_others_may_write_to_is_not_used(
    way: str, not_writable: dict[str, str], tmp_path: Path
) -> None:
    folder = tmp_path / "tmp" / f"partita-kernels-{os.getuid()}"
    if way == "open to others":
        folder.mkdir()
        folder.chmod(0o777)
    elif way == "a link":
        folder.symlink_to(tmp_path)
    else:
        folder.touch()
    before = sorted(tmp_path.iterdir())
    assert compiled_one(not_writable).endswith("False False")
    assert sorted(tmp_path.iterdir()) == before
    assert not folder.is_dir() or way == "a link" or not list(folder.iterdir())


def test_without_numba_what_stands_for_the_kernels_is_used(tmp_path: Path) -> None:
    (tmp_path / "numba.py").write_text("raise ImportError('not here')\n")
    code = (
        f"import sys; sys.path.insert(0, {str(tmp_path)!r});"
        "from partita.engine.physical.kernels import jit;"
        "print(jit.load_if_cached(), jit.load(), jit.ready())"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.split() == ["False", "False", "False"]

"""Compiled kernels give the same bits as what stands for them where they are not compiled."""

from __future__ import annotations

import copy
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from partita.engine.physical.kernels import jit

from .kernel_cases import CASES


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


def test_without_numba_what_stands_for_the_kernels_is_used(tmp_path: Path) -> None:
    (tmp_path / "numba.py").write_text("raise ImportError('not here')\n")
    code = (
        f"import sys; sys.path.insert(0, {str(tmp_path)!r});"
        "from partita.engine.physical.kernels import jit;"
        "print(jit.load_if_cached(), jit.load(), jit.ready())"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.split() == ["False", "False", "False"]

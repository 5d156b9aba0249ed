"""The package's shape: what is packaged, and that imports only go down.

The tree is read as text, so a file counts even where nothing imports it yet.
"""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from importlib.util import resolve_name
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FOLDERS = {"partita": "partita", "engine": "partita.engine", "io": "partita.io"}
"""Top-level folder of the repository -> the package it is mapped to."""

ROOMS = (
    "errors",
    "machine",
    "config",
    "schema",
    "expr",
    "source",
    "plan",
    "optimizer",
    "physical",
    "execution",
    "observe",
    "api",
    "cli",
    "partita",
)
"""A room may import itself and those before it."""

BESIDE_PLAN = "io"
IO_MAY_IMPORT = {"errors", "config", "schema", "expr", "source", "io"}
MAY_IMPORT_IO = {"api", "cli", "partita", "io"}


def source_files() -> list[Path]:
    """Return all modules of the package, as paths from the root."""
    return sorted(
        path.relative_to(ROOT) for folder in FOLDERS for path in (ROOT / folder).rglob("*.py")
    )


def module_name(path: Path) -> str:
    """Return the dotted name under which a file is imported."""
    parts = [FOLDERS[path.parts[0]], *path.with_suffix("").parts[1:]]
    return ".".join(part for part in parts if part != "__init__")


def room_of(module: str) -> str | None:
    """Return the room of a module of the package; None for `partita.engine` itself."""
    parts = module.split(".")
    if parts[:2] == ["partita", "engine"]:
        return parts[2] if len(parts) > 2 else None
    return "io" if parts[:2] == ["partita", "io"] else "partita"


def imported_modules(path: Path, text: str) -> Iterator[tuple[int, str]]:
    """Yield line and dotted name of each import of a file from inside the package.

    Imports inside functions and under `TYPE_CHECKING` count like all others, and so does
    `import_module` of a constant name.
    """
    module = module_name(path)
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    for node in ast.walk(ast.parse(text)):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            origin = resolve_name("." * node.level + (node.module or ""), package)
            # `from .. import config` names modules, `from ..config import get` what is in one.
            names = [f"{origin}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
            called = node.func.attr if isinstance(node.func, ast.Attribute) else None
            called = node.func.id if isinstance(node.func, ast.Name) else called
            if called == "import_module" and isinstance(node.args[0].value, str):
                names = [resolve_name(node.args[0].value, package)]
        for name in names:
            if name.split(".")[0] == "partita":
                yield node.lineno, name


def layering_faults(path: Path, text: str) -> list[str]:
    """Return one line for each import of the file that goes up."""
    here = room_of(module_name(path))
    faults = []
    if here is not None and here not in ROOMS and here != BESIDE_PLAN:
        faults.append(f"{path}: the room {here!r} is missing from ROOMS")
    for line, name in imported_modules(path, text):
        there = room_of(name)
        if here is None:
            fault = "engine/__init__.py is loaded before every room and imports none"
        elif there is None or there == here:
            continue
        elif there == "io":
            fault = None if here in MAY_IMPORT_IO else f"{here!r} does not import io"
        elif here == "io":
            fault = None if there in IO_MAY_IMPORT else f"io does not import {there!r}"
        elif there not in ROOMS:
            fault = f"the room {there!r} is missing from ROOMS"
        else:
            goes_up = here in ROOMS and ROOMS.index(there) > ROOMS.index(here)
            fault = f"{here!r} lies below {there!r}" if goes_up else None
        if fault:
            faults.append(f"{path}:{line}: imports {name}: {fault}")
    return faults


def test_imports_only_go_down() -> None:
    faults = [
        fault
        for path in source_files()
        for fault in layering_faults(path, (ROOT / path).read_text())
    ]
    assert not faults, "\n".join(faults)


@pytest.mark.parametrize(
    ("path", "text", "expected"),
    [
        ("engine/plan/node.py", "from ..expr.node import Expr", None),
        ("engine/plan/node.py", "from ..api import frame", "'plan' lies below 'api'"),
        ("engine/plan/node.py", "from .. import api", "'plan' lies below 'api'"),
        ("engine/plan/node.py", "import partita", "'plan' lies below 'partita'"),
        ("engine/config.py", "def f():\n    from .plan import node", "'config' lies below 'plan'"),
        (
            "engine/execution/scheduler.py",
            "import importlib\nimportlib.import_module('..api.frame', __package__)",
            "'execution' lies below 'api'",
        ),
        ("engine/execution/executors/dask.py", "from ...observe import bar", "lies below"),
        ("engine/physical/scan.py", "from ...io import parquet", "'physical' does not import io"),
        ("engine/api/read.py", "from ...io import parquet", None),
        ("io/parquet.py", "import io\nfrom ..engine.source import Source", None),
        ("io/parquet.py", "from ..engine.plan import node", "io does not import 'plan'"),
        ("engine/__init__.py", "from . import config", "imports none"),
        ("engine/attic/old.py", "import os", "'attic' is missing from ROOMS"),
        ("engine/api/read.py", "from ..attic import old", "'attic' is missing from ROOMS"),
    ],
)
def test_layering_faults_are_found(path: str, text: str, expected: str | None) -> None:
    faults = layering_faults(Path(path), text)
    if expected is None:
        assert faults == []
    else:
        assert len(faults) == 1
        assert expected in faults[0]


def test_imports_inside_the_package_are_relative() -> None:
    faults = []
    for path in source_files():
        for node in ast.walk(ast.parse((ROOT / path).read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and node.level == 0:
                names = [node.module or ""]
            faults += [
                f"{path}:{node.lineno}: imports {name}; inside the package imports are relative"
                for name in names
                if name.split(".")[0] in {"partita", "engine"}
            ]
    assert not faults, "\n".join(faults)


def test_the_package_list_is_the_tree() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    listed = project["tool"]["setuptools"]["packages"]
    in_tree = {
        module_name(path) if path.name == "__init__.py" else module_name(path).rpartition(".")[0]
        for path in source_files()
    }
    assert sorted(listed) == sorted(in_tree)
    assert project["tool"]["setuptools"]["package-dir"] == {
        package: folder for folder, package in FOLDERS.items()
    }


def test_every_package_folder_has_an_init() -> None:
    bare = sorted(
        {
            path.parent
            for path in source_files()
            if not (ROOT / path.parent / "__init__.py").exists()
        }
    )
    assert not bare


BROUGHT_BY_THE_USER = {
    "IPython",
    "dask",
    "distributed",
    "duckdb",
    "polars",
    "fsspec",
    "narwhals",
    "torch",
}
"""Used where they are there: a notebook's own kernel, a frame of theirs that is handed in."""


def test_what_is_imported_is_declared() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    declared = {re.split(r"[<>=!~\[ ]", line)[0] for line in project["dependencies"]}
    imported: set[str] = set()
    for path in source_files():
        for node in ast.walk(ast.parse((ROOT / path).read_text())):
            if isinstance(node, ast.Import):
                imported |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
                imported.add(node.module.split(".")[0])
    third_party = imported - set(sys.stdlib_module_names) - BROUGHT_BY_THE_USER
    assert third_party <= declared

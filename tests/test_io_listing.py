"""Paths, globs, directories and lists become files; what is not there is told."""

from __future__ import annotations

import os
from pathlib import Path
from tempfile import TemporaryDirectory

import fsspec
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import fs

from partita.engine.errors import SourceNotFound
from partita.io.hive import folder_of, parse_folders, partition_schema
from partita.io.listing import resolve


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for name in (
        "year=2023/month=1/a.parquet",
        "year=2023/month=2/b.parquet",
        "year=2024/month=__HIVE_DEFAULT_PARTITION__/c.parquet",
        "year=2024/month=2/_temporary/d.parquet",
        "year=2024/month=2/.hidden",
        "_SUCCESS",
    ):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x" * 10)
    return tmp_path


def names(root: Path, *args: object, **options: object) -> list[str]:
    return [os.path.relpath(file.path, root) for file in resolve(*args, **options).files]


ALL = [
    "year=2023/month=1/a.parquet",
    "year=2023/month=2/b.parquet",
    "year=2024/month=__HIVE_DEFAULT_PARTITION__/c.parquet",
]


def test_a_directory_is_read_with_all_below_but_the_hidden(tree: Path) -> None:
    assert names(tree, tree) == ALL
    assert names(tree, f"{tree}/") == ALL
    found = resolve(str(tree)).files
    assert [file.size for file in found] == [10, 10, 10]
    assert found[2].partition == (("year", "2024"), ("month", None))


def test_globs_and_lists(tree: Path) -> None:
    assert names(tree, f"{tree}/year=2023/*/*.parquet") == ALL[:2]
    assert names(tree, f"{tree}/**/*.parquet") == ALL
    assert names(tree, f"{tree}/year=202[3]") == ALL[:2]
    assert names(tree, [tree / ALL[1], tree / ALL[0]]) == [ALL[1], ALL[0]]


def test_hive_partitioning_is_on_below_directories(tree: Path) -> None:
    def keys(path: object, **options: object) -> list[str]:
        return [key for key, _ in resolve(path, **options).files[0].partition]

    assert keys(tree) == ["year", "month"]
    assert keys(tree, hive_partitioning=False) == []
    assert keys(f"{tree}/**/*.parquet") == []
    assert keys(f"{tree}/**/*.parquet", hive_partitioning=True) == ["year", "month"]
    assert keys(f"{tree}/year=*") == ["year", "month"]
    assert keys(tree / "year=2023") == ["month"]
    assert keys(tree / "year=2023", hive_partitioning=True) == ["year", "month"]


@pytest.mark.parametrize("kind", ["fsspec", "pyarrow"])
def test_other_file_systems_find_the_same(tree: Path, kind: str) -> None:
    local = (
        fsspec.filesystem("file")
        if kind == "fsspec"
        else fs.SubTreeFileSystem("/", fs.LocalFileSystem())
    )
    root = tree if kind == "fsspec" else tree.relative_to("/")
    for asked in (str(root), f"{root}/**/*.parquet", f"{root}/*/month=[12]/?.parquet"):
        found = [
            os.path.relpath(file.path, root) for file in resolve(asked, filesystem=local).files
        ]
        assert found == (ALL[:2] if "?" in asked else ALL)
    with pytest.raises(SourceNotFound, match="year=2023"):
        resolve(f"{root}/nothing", filesystem=local)


def test_a_url_of_a_memory_storage() -> None:
    store = fsspec.filesystem("memory")
    store.pipe("/io_listing/k=1/a.parquet", b"abc")
    listing = resolve("memory://io_listing")
    assert [(file.path, file.size) for file in listing.files] == [("/io_listing/k=1/a.parquet", 3)]
    assert listing.files[0].partition == (("k", "1"),)


def test_home_is_expanded(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tree))
    assert len(resolve("~/year=2023").files) == 2


def test_a_file_named_like_a_glob(tmp_path: Path) -> None:
    (tmp_path / "a[1].parquet").write_bytes(b"x")
    assert len(resolve(tmp_path / "a[1].parquet").files) == 1


def test_a_link_to_a_folder_above_ends(tree: Path) -> None:
    (tree / "year=2023" / "loop").symlink_to(tree)
    assert len(resolve(tree).files) == 3


PARTS = st.sampled_from(
    ["a", "a-b", "a b", "a.b", "A", "a=1", "a=10", "a=2", "é", "%", "_k=1", "z"]
)


@given(st.lists(st.lists(PARTS, min_size=1, max_size=3), min_size=1, max_size=12))
@settings(max_examples=60, deadline=None)
def test_files_come_in_the_order_of_their_folders_names(found: list[list[str]]) -> None:
    with TemporaryDirectory() as folder:
        for parts in found:
            path = Path(folder, *parts[:-1], f"{parts[-1]}.file")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
        below = {os.path.join(at, name) for at, _, names in os.walk(folder) for name in names}
        visible = [p for p in below if not os.path.basename(p).startswith("_") or "=" in p]
        wanted = sorted(visible, key=lambda path: path.split("/"))
        local, generic = resolve(folder), resolve(folder, filesystem=Generic())
        assert [file.path for file in local.files] == wanted
        # That one tells paths without the slash in front.
        assert [(f"/{file.path}", file.partition) for file in generic.files] == [
            (file.path, file.partition) for file in local.files
        ]


class Generic(fs.SubTreeFileSystem):
    """The local file system as one that is not known to be that."""

    def __init__(self) -> None:
        super().__init__("/", fs.LocalFileSystem())


def test_a_link_to_a_folder_beside_is_read_in_its_place(tree: Path) -> None:
    (tree / "year=2022").symlink_to(tree / "year=2023", target_is_directory=True)
    assert names(tree, tree) == ["year=2022/month=1/a.parquet", "year=2022/month=2/b.parquet", *ALL]


def test_what_is_missing_is_told(tree: Path) -> None:
    with pytest.raises(SourceNotFound, match=r"Did you mean 'a\.parquet'"):
        resolve(tree / "year=2023/month=1/a.parqet")
    with pytest.raises(FileNotFoundError, match=r"There is no file or directory .*'year=2023'"):
        resolve(tree / "yaer=2023/x/y.parquet")
    with pytest.raises(SourceNotFound, match=r"No file matches .* holds 'a\.parquet'"):
        resolve(f"{tree}/year=2023/month=1/*.csv")
    with pytest.raises(SourceNotFound, match="is a file, not a directory"):
        resolve(tree / "_SUCCESS" / "x")
    with pytest.raises(SourceNotFound, match="empty list"):
        resolve([])
    (tree / "empty").mkdir()
    with pytest.raises(SourceNotFound, match=r"has no file\. Check"):
        resolve(tree / "empty")
    with pytest.raises(SourceNotFound, match=r"has no file but 1 hidden"):
        resolve(tree / "year=2024/month=2")
    (tree / "empty" / "broken").symlink_to(tree / "gone")
    with pytest.raises(SourceNotFound, match="broken"):
        resolve(tree / "empty")


def test_types_of_folder_values() -> None:
    schema = partition_schema(
        [
            parse_folders(["n=01", "d=2023-01-31", "s=1", "big=99999999999999999999", "z=" + "x"]),
            parse_folders(["n=-7", "d=2023-02-28", "s=x", "z=__HIVE_DEFAULT_PARTITION__"]),
        ]
    )
    assert schema == pa.schema(
        [
            ("n", pa.int64()),
            ("d", pa.date32()),
            ("s", pa.string()),
            ("big", pa.string()),
            ("z", pa.string()),
        ]
    )
    assert partition_schema([(("d", "2023-02-30"),)]).types == [pa.string()]


@pytest.mark.parametrize(
    "value",
    [
        "../../evil",
        "a/b",
        "..",
        ".",
        "",
        "a=b",
        "é\n\x00\x1f",
        "100%",
        "__HIVE_DEFAULT_PARTITION__",
    ],
)
@pytest.mark.parametrize("key", ["k", "../k", "_k", ".k", "a=b", "k/"])
def test_any_key_and_value_is_one_visible_folder(key: str, value: str) -> None:
    folder = folder_of({key: value}, "out")
    assert "/" not in folder
    assert folder not in ("..", ".")
    assert folder[0] not in "._"
    assert folder.isprintable()
    assert parse_folders([folder]) == ((key, value),)

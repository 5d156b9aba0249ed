"""From what the user names (path, glob, directory, list) to a sorted tuple of files."""

from __future__ import annotations

import glob
import os
import re
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any
from urllib.parse import urlsplit

import pyarrow as pa
from pyarrow import fs

from ..engine.errors import SourceNotFound, did_you_mean, listed
from .hive import Partition, parse_folders
from .listed_file import File as File
from .listed_file import fixed_part, in_order, is_hidden, is_visible, parts_below
from .remote_tree import RemoteTree

Paths = str | os.PathLike[str] | Sequence[str | os.PathLike[str]]


@dataclass(frozen=True, kw_only=True)
class Listing:
    """The files that were found for what was asked."""

    asked: str
    """What the user named, for labels."""

    files: tuple[File, ...]
    filesystem: fs.FileSystem | None = None
    """None is the local file system."""


def resolve(
    paths: Paths, *, filesystem: Any = None, hive_partitioning: bool | None = None
) -> Listing:
    """Return the files behind `paths`, sorted within each path that was given.

    Parameters
    ----------
    paths
        A file, a glob (``*``, ``?``, ``[..]``, ``**``), a directory (read with all below it, but
        for names that begin with ``_`` or ``.``), or a list of them. ``~`` is the home directory.
    filesystem
        A pyarrow or fsspec file system; without it, paths are local or URLs.
    hive_partitioning
        Whether ``key=value`` folders make columns; None does so below directories.

    Raises
    ------
    SourceNotFound
        If a path leads to no file; the message says what is there instead.
    """
    asked = [paths] if isinstance(paths, str | os.PathLike) else list(paths)
    if not asked:
        raise SourceNotFound("An empty list of paths was given. Name at least one file.")
    texts = [os.fspath(path) for path in asked]
    store, located = _storage(texts, filesystem)
    files: list[File] = []
    for text in located:
        if store is None:
            files += _files_of(text, _LocalTree(), hive_partitioning)
            continue
        try:
            files += _files_of(text, RemoteTree(store), hive_partitioning)
        except SourceNotFound:
            raise
        except OSError as error:
            raise _not_reached(text, error) from None
    label = texts[0] if len(texts) == 1 else f"{texts[0]} and {len(texts) - 1} more"
    return Listing(asked=label, files=tuple(files), filesystem=store)


def _storage(texts: list[str], filesystem: Any) -> tuple[fs.FileSystem | None, list[str]]:
    """Return the file system (None is local) and the paths in it."""
    if filesystem is not None:
        if not isinstance(filesystem, fs.FileSystem):
            filesystem = fs.PyFileSystem(fs.FSSpecHandler(filesystem))
        texts = [text.split("://", 1)[-1] for text in texts]
        if isinstance(filesystem, fs.LocalFileSystem):
            return None, [_absolute(text) for text in texts]
        return filesystem, texts
    schemes = {urlsplit(text).scheme if "://" in text else "" for text in texts}
    if schemes <= {"", "file"}:
        return None, [_absolute(text.removeprefix("file://")) for text in texts]
    if len(schemes) > 1:
        raise SourceNotFound(f"The paths are of several storages ({listed(sorted(schemes))}).")
    return _remote_storage(texts)


def _absolute(text: str) -> str:
    # Workers may have another working directory.
    return os.path.abspath(os.path.expanduser(text))


def _remote_storage(texts: list[str]) -> tuple[fs.FileSystem, list[str]]:
    magic = re.search(r"[*?\[]", texts[0])
    stem = texts[0][: magic.start()] if magic else texts[0]
    try:
        store, _ = fs.FileSystem.from_uri(stem)
    except OSError as error:
        raise _not_reached(texts[0], error) from None
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        try:
            # fsspec is optional: only storages that pyarrow does not know need it.
            import fsspec

            scheme = urlsplit(texts[0]).scheme
            store = fs.PyFileSystem(fs.FSSpecHandler(fsspec.filesystem(scheme)))
        except (ImportError, ValueError) as error:
            raise SourceNotFound(
                f"{texts[0]!r} is of a storage that is not known here: {error}. Install fsspec and"
                " its package for that storage, or pass filesystem=."
            ) from None
    return store, [text.split("://", 1)[-1] for text in texts]


def _not_reached(text: str, error: OSError) -> SourceNotFound:
    return SourceNotFound(
        f"{text!r} cannot be reached: {' '.join(str(error).split()).removesuffix('.')}. Check the"
        " address, the network and the credentials; filesystem= takes a storage with settings of"
        " your own, such as pyarrow.fs.S3FileSystem(region=...)."
    )


def _files_of(text: str, tree: _LocalTree | RemoteTree, hive: bool | None) -> list[File]:
    kind = tree.kind(text)
    if kind == "file":
        return [_with_partition(tree.file(text), "", hive is True)]
    if kind == "directory":
        return _directory(text, tree, hive, base=text)
    if _is_glob(text):
        return _glob(text, tree, hive)
    raise SourceNotFound(tree.missing(text))


def _directory(
    text: str, tree: _LocalTree | RemoteTree, hive: bool | None, base: str
) -> list[File]:
    hidden = 0
    files = []
    folders: dict[str, tuple[bool, Partition]] = {}
    for file in tree.walk(text):
        # Files are many and folders few: what a folder says is found out once.
        folder, _, name = file.path.rpartition("/")
        known = folders.get(folder)
        if known is None:
            inside = parts_below(folder, text)
            above = inside if base == text and not hive else None
            if above is None:
                above = parts_below(folder, "" if hive else base)
            partition = () if hive is False else parse_folders(above)
            known = folders[folder] = not any(map(is_hidden, inside)), partition
        visible, partition = known
        if not visible or is_hidden(name):
            hidden += 1
        elif partition:
            files.append(File(file.path, file.size, file.modified, partition))
        else:
            files.append(file)
    if not files:
        note = f" but {hidden} hidden (their names begin with '_' or '.')" if hidden else ""
        raise SourceNotFound(
            f"The directory {text!r} has no file{note}. Check the path, or write a dataset there"
            " first."
        )
    return files


def _glob(text: str, tree: _LocalTree | RemoteTree, hive: bool | None) -> list[File]:
    files: list[File] = []
    base = fixed_part(text)
    for path in tree.matches(text):
        found = tree.found(path)
        if isinstance(found, File):
            files.append(_with_partition(found, "", hive is True))
            continue
        try:
            files += _directory(found, tree, hive, base)
        except SourceNotFound:
            # A folder without files among many that match is no mistake; none at all is.
            continue
    if not files:
        raise SourceNotFound(f"No file matches the glob {text!r}. {tree.nearby(base or '.')}")
    return in_order(files)


def _with_partition(file: File, base: str, hive: bool) -> File:
    """Return `file` with the partition that its folders below `base` (all, if empty) name."""
    if not hive:
        return file
    partition = parse_folders(parts_below(file.path, base)[:-1])
    if not partition:
        return file
    return File(path=file.path, size=file.size, modified=file.modified, partition=partition)


def _is_glob(text: str) -> bool:
    return glob.has_magic(text)


_TRIES = 20
"""How often a directory is listed that is replaced meanwhile."""


def _directory_behind(path: str) -> tuple[int, int] | None:
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_dev, found.st_ino


class _LocalTree:
    """The local file system, through the standard library: faster than a generic one."""

    def kind(self, path: str) -> str:
        if os.path.isdir(path):
            return "directory"
        if os.path.exists(path) and not os.path.isfile(path):
            raise SourceNotFound(
                f"{path!r} is a pipe or a device, and no file: datasets are read in parts, and more"
                " than once. Write it to a file first."
            )
        return "file" if os.path.exists(path) else "missing"

    def file(self, path: str) -> File:
        return _file_as(path, _status(path))

    def found(self, path: str) -> File | str:
        """Return the file that `path` is, or `path` if that is a directory; looked at once."""
        status = _status(path)
        return path if stat.S_ISDIR(status.st_mode) else _file_as(path, status)

    def walk(self, path: str) -> list[File]:
        """Return the files below a directory in their order, all of one state of it.

        A writer puts another directory in its place, so that the one behind the path tells.
        """
        real = os.path.realpath(path)
        before = _directory_behind(path)
        for _ in range(_TRIES):
            files: list[File] = []
            try:
                self._walk(path, real, frozenset({real}), files)
            except SourceNotFound:
                if _directory_behind(path) == before:
                    raise
                files = []
            after = _directory_behind(path)
            if after == before:
                break
            before = after
        return files

    def _walk(self, path: str, real: str, above: frozenset[str], found: list[File]) -> None:
        """Put the files below `path`, which is `real` without links, as are those `above`.

        Folder by folder in the order of names, which is that of `in_order`: to sort all behind it
        takes 1 microsecond a file.
        """
        try:
            entries = sorted(os.scandir(path), key=attrgetter("name"))
        except OSError as error:
            raise SourceNotFound(
                f"The directory {path!r} cannot be listed: {error.strerror}."
            ) from None
        inside = real if real.endswith("/") else f"{real}/"
        for entry in entries:
            if entry.is_dir():
                # A link to a folder above would be walked for ever.
                link = entry.is_symlink()
                below = os.path.realpath(entry.path) if link else f"{inside}{entry.name}"
                if below not in above and not is_hidden(entry.name):
                    self._walk(entry.path, below, above | {below}, found)
            else:
                try:
                    status = entry.stat()
                except OSError as error:
                    raise _unreadable(entry.path, error) from None
                found.append(_file_as(entry.path, status))

    def matches(self, pattern: str) -> list[str]:
        base = fixed_part(pattern)
        return [
            path
            for path in glob.glob(pattern, recursive=True)
            if is_visible(path, base) and not ("**" in pattern and os.path.isdir(path))
        ]

    def missing(self, path: str) -> str:
        parent = os.path.dirname(path.rstrip("/")) or "."
        while not os.path.isdir(parent):
            if os.path.isfile(parent):
                return f"There is no {path!r}: {parent!r} is a file, not a directory."
            path, parent = parent, os.path.dirname(parent) or "."
            if parent == path:
                break
        return f"There is no file or directory {path!r}. {self.nearby(parent, path)}"

    def nearby(self, directory: str, wanted: str = "") -> str:
        """Return a sentence about what a directory holds instead."""
        try:
            names = sorted(os.listdir(directory))
        except OSError as error:
            return f"The directory {directory!r} cannot be listed: {error.strerror}."
        if not names:
            return f"The directory {directory!r} is empty."
        hint = did_you_mean(os.path.basename(wanted.rstrip("/")), names)
        return f"The directory {directory!r} holds {listed(names, most=8)}.{hint}"


def _status(path: str) -> os.stat_result:
    try:
        return os.stat(path)
    except OSError as error:
        raise _unreadable(path, error) from None


def _file_as(path: str, status: os.stat_result) -> File:
    return File(path, status.st_size, status.st_mtime_ns)


def _unreadable(path: str, error: OSError) -> SourceNotFound:
    return SourceNotFound(f"{path!r} cannot be read: {error.strerror}.")

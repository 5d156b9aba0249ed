"""Files and folders of any pyarrow file system; local ones are listed by ``listing``."""

from __future__ import annotations

import re

from pyarrow import fs

from ..engine.errors import did_you_mean, listed
from .listed_file import File, fixed_part, in_order, is_visible


class RemoteTree:
    """Any pyarrow file system."""

    def __init__(self, store: fs.FileSystem) -> None:
        self._store = store

    def kind(self, path: str) -> str:
        found = self._info(path).type
        names = {fs.FileType.File: "file", fs.FileType.Directory: "directory"}
        return names.get(found, "missing")

    def _info(self, path: str) -> fs.FileInfo:
        return self._store.get_file_info([path])[0]

    def file(self, path: str) -> File:
        return _file_of(self._info(path))

    def found(self, path: str) -> File | str:
        info = self._info(path)
        return path if info.type == fs.FileType.Directory else _file_of(info)

    def walk(self, path: str) -> list[File]:
        below = self._store.get_file_info(fs.FileSelector(path, recursive=True))
        return in_order(_file_of(info) for info in below if info.type == fs.FileType.File)

    def matches(self, pattern: str) -> list[str]:
        base = fixed_part(pattern)
        if self.kind(base) != "directory":
            return []
        expression = _glob_expression(pattern)
        return [
            info.path
            for info in self._store.get_file_info(fs.FileSelector(base, recursive=True))
            if expression.fullmatch(info.path)
            and is_visible(info.path, base)
            and not ("**" in pattern and info.type == fs.FileType.Directory)
        ]

    def missing(self, path: str) -> str:
        parent = path.rstrip("/").rpartition("/")[0]
        return f"There is no file or directory {path!r}. {self.nearby(parent, path)}"

    def nearby(self, directory: str, wanted: str = "") -> str:
        """Return a sentence about what a directory holds instead."""
        selector = fs.FileSelector(directory, allow_not_found=True)
        names = sorted(info.base_name for info in self._store.get_file_info(selector))
        if not names:
            return f"The directory {directory!r} is empty or does not exist."
        hint = did_you_mean(wanted.rstrip("/").rpartition("/")[2], names)
        return f"The directory {directory!r} holds {listed(names, most=8)}.{hint}"


def _file_of(info: fs.FileInfo) -> File:
    return File(path=info.path, size=info.size or 0, modified=info.mtime_ns or 0)


def _glob_expression(pattern: str) -> re.Pattern[str]:
    """Return a regular expression of a glob, where ``*`` stays within a folder."""
    text = ""
    for token in re.findall(r"\*\*/|\*\*|\*|\?|\[[!^]?\]?[^\]/]*\]|.", pattern, re.DOTALL):
        if token in _GLOB_TOKENS:
            text += _GLOB_TOKENS[token]
        elif token.startswith("[") and len(token) > 1:
            negated = token[1] in "!^"
            members = re.escape(token[1 + negated : -1]).replace(r"\-", "-")
            text += f"[{'^' if negated else ''}{members}]"
        else:
            text += re.escape(token)
    return re.compile(text, re.DOTALL)


_GLOB_TOKENS = {"**/": "(?:[^/]+/)*", "**": ".*", "*": "[^/]*", "?": "[^/]"}

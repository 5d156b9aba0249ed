"""Parquet footers: read once, side by side, and kept.

What a worker needs of a footer it reads itself, once per file: parsing one takes a fraction of a
millisecond, less than sending it.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Lock

import pyarrow as pa
from pyarrow import fs

from ..engine.errors import PartitaError, SourceCorrupt
from .file_errors import UNREADABLE, gone, not_readable
from .footer_reading import FooterRefused, guarded, read_metadata
from .listing import File
from .parquet_footer import Footer, footer_of

KEPT_BYTES = 32 << 20
"""Serialized bytes of the footers kept in a process; the longest unused goes first."""

_THREADS = 16
"""Footers read at once from a storage far away: reading waits more than it computes."""

_LOCAL_THREADS = 4
_TURN = 32
"""Footers that a thread reads before it takes more, of local files; more where these are many."""

_TURNS = 16
"""Turns that many files are read in. Each starts a guarded thread: 10,000 files of 4 columns take
0.61 s of processor time so, 0.81 in turns of 32, and 0.49 if nothing is guarded or checked."""

_WHOLE_BYTES = 1 << 16
"""A local file of no more is read whole, whatever is wanted of it."""


class _Kept:
    """The footers of this process, by path, size and time of change."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._footers: OrderedDict[tuple[object, ...], Footer] = OrderedDict()
        self._bytes = 0

    def get(self, key: tuple[object, ...]) -> Footer | None:
        with self._lock:
            footer = self._footers.get(key)
            if footer is not None:
                self._footers.move_to_end(key)
            return footer

    def put(self, key: tuple[object, ...], footer: Footer) -> None:
        with self._lock:
            if key in self._footers:
                return
            self._footers[key] = footer
            self._bytes += footer.metadata.serialized_size
            while self._bytes > KEPT_BYTES and len(self._footers) > 1:
                _, oldest = self._footers.popitem(last=False)
                self._bytes -= oldest.metadata.serialized_size


_kept = _Kept()


def read_footers(
    files: Sequence[File],
    store: fs.FileSystem | None,
    unreadable: Callable[[File, PartitaError], None] | None = None,
) -> list[Footer]:
    """Return the footers of files, in order; several are read at once.

    Parameters
    ----------
    unreadable
        Is told of each file whose footer cannot be read, which is left out then; without it the
        first one is raised.

    Raises
    ------
    SourceCorrupt
        If a file is not Parquet or is truncated.
    SourceNotFound
        If a file is gone.
    """
    found: list[Footer | PartitaError | None]
    found = [_kept.get(_key(file, store)) if file.modified else None for file in files]
    missing = [place for place, footer in enumerate(found) if footer is None]
    # A few files a turn: handing a file over to a thread takes twice as long as its footer.
    turn = max(_TURN, -(-len(missing) // _TURNS))
    turns = [missing[start : start + turn] for start in range(0, len(missing), turn)]

    def read(places: Sequence[int]) -> None:
        read_now = _read_turn([files[place] for place in places], store)
        for place, footer in zip(places, read_now, strict=True):
            found[place] = footer

    if len(missing) <= 1:
        for places in turns:
            read(places)
    else:
        threads = _THREADS if store is not None else _LOCAL_THREADS
        turns = turns if store is None else [[place] for place in missing]
        with ThreadPoolExecutor(min(threads, len(turns))) as pool:
            list(pool.map(read, turns))
    footers = []
    for file, footer in zip(files, found, strict=True):
        if isinstance(footer, Footer):
            footers.append(footer)
            continue
        assert footer is not None
        if unreadable is None:
            raise footer
        unreadable(file, footer)
    return footers


def _read_turn(files: Sequence[File], store: fs.FileSystem | None) -> list[Footer | PartitaError]:
    """Return the footer of each file, or what is wrong with it."""
    found: list[Footer | PartitaError] = []

    def read() -> None:
        while len(found) < len(files):
            try:
                found.append(_read(files[len(found)], store))
            except PartitaError as error:
                found.append(error)

    while len(found) < len(files):
        try:
            guarded(read)
        except FooterRefused as error:
            # It has stopped the thread; another one goes on behind it.
            found.append(_not_parquet(files[len(found)], error))
    for footer in found:
        if isinstance(footer, Footer):
            keep_footer(footer, store)
    return found


def known_footer(file: File, store: fs.FileSystem | None) -> Footer | None:
    """Return the footer of a file if it has been read before in this process."""
    return _kept.get(_key(file, store)) if file.modified else None


def keep_footer(footer: Footer, store: fs.FileSystem | None) -> None:
    """Keep a footer for `known_footer`."""
    # Files of a storage that tells no time of change are never taken from memory.
    if footer.file.modified:
        _kept.put(_key(footer.file, store), footer)


def _key(file: File, store: fs.FileSystem | None) -> tuple[object, ...]:
    storage = None if store is None else (store.type_name, id(store))
    return (storage, file.path, file.size, file.modified, file.partition)


def open_file(file: File, store: fs.FileSystem | None) -> pa.NativeFile:
    """Return a file to be read at random; a local one is not mapped: see ``parquet_fragment``.

    A small one is read at once: one of 10 kB with its footer and a column takes 71 microseconds
    of processor time, and 86 when it is read piece by piece.
    """
    if store is not None:
        return store.open_input_file(file.path)
    if file.size > _WHOLE_BYTES:
        return pa.OSFile(file.path)
    with open(file.path, "rb", buffering=0) as handle:
        return pa.BufferReader(handle.readall())


def _read(file: File, store: fs.FileSystem | None) -> Footer:
    try:
        with open_file(file, store) as handle:
            return footer_of(file, read_metadata(handle))
    except FileNotFoundError:
        raise gone(file) from None
    except (FooterRefused, *UNREADABLE) as error:
        raise _not_parquet(file, error) from None


def _not_parquet(file: File, error: Exception) -> SourceCorrupt:
    return not_readable(file, "Parquet", error, "*.parquet", "if it is, write it again")

"""Parquet datasets as a source: one schema over all files, and what a scan can leave out.

Reading itself is in ``parquet_fragment``, what footers tell in ``parquet_footer``.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import numpy as np
import pyarrow as pa

from ..engine.errors import SchemaError
from ..engine.source import ColumnStatistics, Pushdown, ScanPlan, Statistics
from .column_statistics import LazyColumns, combined
from .dataset import FileSource, Unreadable, runs
from .kept_sources import KeptSources
from .listing import File, Listing
from .parquet_columns import RowGroups
from .parquet_footer import Footer
from .parquet_footers import KEPT_BYTES, read_footers
from .parquet_fragment import ParquetFragment, Part
from .pruning_columns import matching

_FILE_BYTES = 64 * 1024
"""What opening a file costs, in decoded bytes that could be read meanwhile: it keeps thousands of
tiny files from being one task's work. Four times as much makes four times as many tasks: 10 to 20 %
more processor time for 10,000 files of 1,000 rows."""

_KEPT_PLANS = 16
"""Scans of one dataset whose fragments are remembered."""


@dataclass(frozen=True, eq=False, kw_only=True)
class ParquetSource(FileSource[Footer]):
    """A Parquet dataset: its files with their footers, and one schema over them."""

    format: ClassVar[str] = "parquet"

    @classmethod
    def described(
        cls,
        listing: Listing,
        given: pa.Schema | None,
        options: None,
        unreadable: Unreadable,
    ) -> Sequence[Footer]:
        """Return the footers; nothing else is read."""
        footers = read_footers(listing.files, listing.filesystem, unreadable)
        if given is not None:
            for footer in footers:
                _check_castable(footer, given)
        return footers

    @classmethod
    def kept(cls, asked: Hashable, listing: Listing) -> ParquetSource | None:
        """Return the source that was made for the same files, which has their footers as arrays."""
        known = _kept.get(asked)
        same = known is not None and tuple(known.listed) == listing.files
        return known if same and listing.filesystem is None else None

    def keep(self, asked: Hashable) -> None:
        """Keep the source, unless the storage does not tell when its files change."""
        if self.store is None:
            _kept.put(asked, self, sum(footer.metadata.serialized_size for footer in self.files))

    @property
    def listed(self) -> Iterator[File]:
        """The files as they were listed."""
        return (footer.file for footer in self.files)

    def statistics(self) -> Statistics:
        """Return rows, decoded bytes and, column by column when asked for, what footers tell."""
        return self._statistics

    @cached_property
    def _groups(self) -> RowGroups:
        types = {field.name: field.type for field in self.schema}
        return RowGroups(self.files, types, self.keys)

    @cached_property
    def _statistics(self) -> Statistics:
        groups = self._groups
        return Statistics(
            rows=int(groups.rows.sum()),
            bytes=int(groups.decoded_bytes(self.schema.names).sum()),
            columns=LazyColumns(self.schema.names, self._column_statistics),
        )

    def _column_statistics(self, name: str) -> ColumnStatistics:
        groups = self._groups
        places = np.flatnonzero(groups.rows).tolist()
        distinct = None
        if name in self.keys:
            files = [self.files[number] for number in np.unique(groups.file[places])]
            distinct = len({dict(footer.file.partition).get(name) for footer in files})
        return combined(
            [groups.bounds(name, place) for place in places],
            [groups.nulls(name, place) for place in places],
            self.schema.field(name).type,
            distinct,
        )

    def plan(self, pushdown: Pushdown, partition_bytes: int) -> ScanPlan:
        """Leave out what the predicate is true for nowhere; cut the rest into fragments."""
        asked = pushdown, partition_bytes
        known = self._plans.get(asked)
        if known is None:
            if len(self._plans) >= _KEPT_PLANS:
                self._plans.clear()
            known = self._plans[asked] = self._planned(pushdown, partition_bytes)
        return known

    @cached_property
    def _plans(self) -> dict[tuple[Pushdown, int], ScanPlan]:
        """What was planned before: a query plans a scan several times, and comes back."""
        return {}

    def _planned(self, pushdown: Pushdown, partition_bytes: int) -> ScanPlan:
        wanted = self.wanted(pushdown)
        groups = self._groups
        kept = groups.rows > 0
        if pushdown.predicate is not None:
            kept &= matching(pushdown.predicate, len(groups), groups.column_bounds, groups.bounds)
        elif pushdown.limit is not None and self.on_error == "raise":
            kept &= np.cumsum(groups.rows) - groups.rows < pushdown.limit
        places = np.flatnonzero(kept)
        sizes = groups.decoded_bytes(wanted.names)
        stored = groups.stored_bytes(wanted.names)
        files = groups.file[places]
        opened = np.diff(files, prepend=-1) > 0
        costs = sizes[places] + _FILE_BYTES * opened
        return self.planned(
            (
                self._fragment(np.array(run), wanted, sizes, stored)
                for run in runs(zip(places.tolist(), costs.tolist(), strict=True), partition_bytes)
            ),
            {
                "files": (int(opened.sum()), len(self.files)),
                "row groups": (len(places), len(groups)),
            },
        )

    def _fragment(
        self, run: np.ndarray, wanted: pa.Schema, sizes: np.ndarray, stored: np.ndarray
    ) -> ParquetFragment:
        groups = self._groups
        firsts = np.flatnonzero(np.diff(groups.file[run], prepend=-1) > 0)
        return ParquetFragment(
            parts=tuple(
                Part(
                    file=groups.footer(places[0]).file,
                    groups=tuple(groups.group[places].tolist()),
                    group_rows=tuple(groups.rows[places].tolist()),
                    absent=self._absent(groups.footer(places[0]), wanted),
                )
                for places in np.split(run, firsts[1:])
            ),
            schema=wanted,
            text_as_codes=frozenset(
                field.name
                for field in wanted
                if field.type == pa.string() and self._are_codes(field.name, run)
            ),
            keys=frozenset(self.keys),
            size=int(sizes[run].sum()),
            stored_size=int(stored[run].sum()),
            store=self.store,
            on_error=self.on_error,
        )

    def _absent(self, footer: Footer, wanted: pa.Schema) -> frozenset[str]:
        """Return which of the columns a file lacks."""
        return frozenset(set(wanted.names) - footer.columns.keys() - set(self.keys))

    def _are_codes(self, name: str, run: np.ndarray) -> bool:
        """Return whether each row group that has the text column has it dictionary-encoded."""
        if name in self.keys:
            return False
        chunks = self._groups.chunks(name)
        present = chunks.present[run]
        return bool(present.any() and chunks.is_dictionary[run][present].all())


_kept: KeptSources[ParquetSource] = KeptSources(KEPT_BYTES)


def _check_castable(footer: Footer, given: pa.Schema) -> None:
    """Check that the columns which a file has can be read with the types that the user gave."""
    for field in given:
        index = footer.schema.get_field_index(field.name)
        if index < 0:
            continue
        stored = footer.schema.field(index).type
        try:
            pa.array([], stored).cast(field.type)
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
            raise SchemaError(
                f"Column {field.name!r} is {stored} in {footer.file.path!r} and cannot be read as"
                f" {field.type}, which schema= asks for."
            ) from None

"""A stage that is still open: partitions and the operators that run over them so far."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import pyarrow as pa

from ..plan.node import Site
from .fusing import fused
from .stage import Branch, Operator, Ref, Side, StageOutput, TaskInput


@dataclass(frozen=True, kw_only=True)
class Groups:
    """Which rows are known to be together, said of certain branches.

    Whoever puts an operator behind them makes other branches, and says anew what still holds.
    """

    columns: tuple[frozenset[str], ...]
    branches: tuple[Branch, ...]


@dataclass(frozen=True, kw_only=True)
class Pipeline:
    """What a logical node was lowered to, before an exchange closes it into a stage."""

    branches: tuple[Branch, ...]
    schema: pa.Schema
    """The logical columns it gives."""

    reads: tuple[int, ...] = ()
    """Stages whose output it reads."""

    sites: tuple[Site, ...] = ()

    known_groups: Groups | None = None

    @property
    def groups(self) -> tuple[frozenset[str], ...]:
        """Sets of columns of which is known: rows that are equal in them are in one partition.

        What is grouped by these columns, and perhaps by more, needs no exchange.
        """
        known = self.known_groups
        return known.columns if known is not None and known.branches is self.branches else ()

    @property
    def partitions(self) -> int:
        """How many tasks it would fall into."""
        return sum(len(branch.inputs) for branch in self.branches)

    @property
    def input_bytes(self) -> int:
        """Bytes that its tasks read, decoded; known for refs, estimated for fragments."""
        # Asked several times while a node is lowered, and each time over all refs: 18 % of the
        # driver's time where 4 million pieces had been made, before tasks remembered their sums.
        return sum([task.stored for branch in self.branches for task in branch.inputs])

    def then(
        self, *operators: Operator, schema: pa.Schema | None = None, site: Site | None = None
    ) -> Pipeline:
        """Return the pipeline with more operators behind each branch."""
        branches = tuple(
            replace(branch, operators=fused((*branch.operators, *operators)))
            for branch in self.branches
        )
        return replace(
            self,
            branches=branches,
            schema=self.schema if schema is None else schema,
            sites=merged_sites(self.sites, () if site is None else (site,)),
        )

    def with_groups(self, columns: Iterable[frozenset[str]]) -> Pipeline:
        """Return the pipeline with what is known of its groups; see `groups`."""
        return replace(self, known_groups=Groups(columns=tuple(columns), branches=self.branches))

    def keeping(self, before: Pipeline, names: Mapping[str, str]) -> Pipeline:
        """Return the pipeline with the groups of `before`, which it was made of row by row.

        `names` are the columns of `before` that have kept their values: name there, name here.
        """
        return self.with_groups(
            frozenset(names[name] for name in group)
            for group in before.groups
            if group <= names.keys()
        )

    def holds_groups(self, keys: Iterable[str]) -> bool:
        """Return whether rows that are equal in all `keys` are known to be in one partition."""
        keys = frozenset(keys)
        return any(group <= keys for group in self.groups)

    def with_side(self, side: Side, reads: Sequence[int], sites: Sequence[Site]) -> Pipeline:
        """Return the pipeline with a further side input for every branch."""
        branches = tuple(replace(branch, sides=(*branch.sides, side)) for branch in self.branches)
        return replace(
            self,
            branches=branches,
            reads=(*self.reads, *reads),
            sites=merged_sites(sites, self.sites),
        )


def merged_sites(first: Sequence[Site], second: Sequence[Site]) -> tuple[Site, ...]:
    """Return both without repetition."""
    return tuple(dict.fromkeys((*first, *second)))


def over_refs(
    groups: Sequence[Sequence[Ref]], schema: pa.Schema, reads: Sequence[int], label: str
) -> Pipeline:
    """Return a pipeline that reads one group of refs per partition."""
    inputs = tuple(
        TaskInput(refs=tuple(refs), label=f"{label} {number}") for number, refs in enumerate(groups)
    )
    branch = Branch(inputs=inputs, schema=schema)
    return Pipeline(branches=(branch,), schema=schema, reads=tuple(reads))


def slots_together(output: StageOutput, target: int, label: str) -> Pipeline:
    """Return a pipeline over the slots of a hash exchange, about `target` bytes a partition.

    Rows of one slot come in the order of the partitions that made them.
    """
    groups = output.slot_groups(balanced(output.slot_bytes(), target))
    return over_refs(groups, output.stage.schema, (output.stage.id,), label)


def balanced(sizes: Sequence[int], target: int) -> list[range]:
    """Return runs of neighbouring slots so that each run has about `target` bytes.

    It depends on the sizes alone, so that every run of a query cuts alike.

    >>> balanced([10, 10, 50, 5], 20)
    [range(0, 2), range(2, 3), range(3, 4)]
    """
    runs: list[range] = []
    start, held = 0, 0
    for number, size in enumerate(sizes):
        if number > start and held + size > target:
            runs.append(range(start, number))
            start, held = number, 0
        held += size
    runs.append(range(start, len(sizes)))
    return runs

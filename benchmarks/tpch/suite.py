"""TPC-H as the harness runs it: its switches, its data, its 22 queries."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from pathlib import Path

from ..harness.errors import SetupError
from ..harness.suite import PEERS, Queries, Suite
from .dataset import Dataset, existing, generated
from .floor import floor_queries
from .queries import ORDER_BY, queries


def written(engine: str) -> Queries:
    """Return an engine's queries by name, ``Q1`` to ``Q22``."""
    numbered = floor_queries() if engine == "floor" else queries(engine)
    return {f"Q{number}": query for number, query in numbered.items()}


def select(asked: Sequence[str], names: Sequence[str], engine: str) -> list[str]:
    """Return the queries of ``1,3,6``, ``1-22`` or ``all``."""
    numbers = [int(name[1:]) for name in names]
    found: dict[int, None] = {}
    unknown = []
    for text in asked:
        spanned = numbers if text == "all" else _span(text)
        if spanned and set(spanned) <= set(numbers):
            found |= dict.fromkeys(spanned)
        else:
            unknown.append(text)
    if unknown:
        raise SetupError(
            f"--queries names {', '.join(unknown)}; written for {engine}:"
            f" {', '.join(map(str, numbers))}."
        )
    return [f"Q{number}" for number in found]


def prepare(asked: Namespace) -> Dataset:
    """Return the tables that the switches name."""
    if asked.data is None:
        return generated(asked.sf, asked.decimals or "keep")
    dataset = existing(asked.data)
    if asked.decimals not in (None, dataset.decimals):
        raise SetupError(
            f"--decimals {asked.decimals} was asked for, and the prices in {asked.data} are of the"
            f" kind {dataset.decimals!r}: leave the switch out, or leave out --data."
        )
    return dataset


def details(asked: Namespace, dataset: Dataset) -> dict[str, str]:
    """Return what a report says of the tables."""
    scale = f"{asked.sf:g}" if asked.data is None else f"of {asked.data}"
    return {"scale": scale, "decimals": dataset.decimals}


def add_options(parser: ArgumentParser) -> None:
    """Add the switches that say which tables."""
    add = parser.add_argument
    add("--sf", type=float, default=1.0, help="scale factor of the generated data (1)")
    add(
        "--decimals",
        choices=("keep", "double"),
        help="prices as the standard has them, or rewritten to doubles (keep)",
    )
    add("--data", type=Path, metavar="DIR", help="read these tables, generate nothing")


def _span(text: str) -> list[int]:
    """Return the numbers of ``7`` or ``7-9``; none of what is neither."""
    first, dash, last = text.partition("-")
    ends = (first, last if dash else first)
    return list(range(int(ends[0]), int(ends[1]) + 1)) if all(map(str.isdigit, ends)) else []


SUITE = Suite(
    name="tpch",
    title="TPC-H",
    queries=written,
    prepare=prepare,
    dataset=Dataset,
    details=details,
    add_options=add_options,
    quick={"sf": 0.01},
    engines=("partita", *PEERS, "floor"),
    order_by={f"Q{number}": columns for number, columns in ORDER_BY.items()},
    select=select,
)

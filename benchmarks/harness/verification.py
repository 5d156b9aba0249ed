"""Whether engines give the rows that they have to: those of DuckDB, which reads the standard's SQL.

An engine's figures are worth nothing where its rows are wrong, so every answer is held against the
reference's, those of timed rounds as well; `verify` does nothing else, once for each query.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from .client import Answer, EngineProcess
from .comparison import difference
from .engines import UNCOMPARED
from .errors import EngineFailedError, RowsDifferError

REFERENCE = "duckdb"
"""The engine whose rows are the right ones."""


def check_rows(
    query: str, order_by: Sequence[str], expected: Answer, answers: Mapping[str, Answer]
) -> None:
    """Raise a `RowsDifferError` unless each engine gave the rows that are expected."""
    for name, answer in answers.items():
        if name in UNCOMPARED:
            continue
        found = difference(expected.rows, answer.rows, order_by=order_by)
        if found is not None:
            raise RowsDifferError(f"{query}: {REFERENCE} and {name} differ: {found}")


def verify(
    engines: Sequence[EngineProcess],
    reference: EngineProcess,
    queries: Sequence[str],
    order_by: Mapping[str, Sequence[str]],
    say: Callable[[str], None],
) -> None:
    """Ask every query once of every engine that has it written, and check the rows.

    Parameters
    ----------
    engines, reference
        Started engines; the reference may be one of them.
    queries, order_by
        Their names, and the orders that they prescribe.
    say
        Told a line when a query is done: its rows, and what every engine took, this once.

    Raises
    ------
    RowsDifferError
        When all queries are done, if rows differed or an engine failed: says each of them.
    """
    wrong = []
    for query in queries:
        expected = reference.ask(query)
        taken = [f"{reference.name} {expected.seconds:.2f}"]
        for engine in engines:
            unasked = engine is reference or engine.name in UNCOMPARED
            if unasked or query not in engine.queries:
                continue
            try:
                answer = engine.ask(query)
                check_rows(query, order_by.get(query, ()), expected, {engine.name: answer})
            except (EngineFailedError, RowsDifferError) as error:
                wrong.append(f"{error}")
                taken.append(f"{engine.name} WRONG")
            else:
                taken.append(f"{engine.name} {answer.seconds:.2f}")
        say(f"{query}: {expected.rows.num_rows} rows; seconds, once: {', '.join(taken)}")
    if wrong:
        raise RowsDifferError("\n".join(wrong))

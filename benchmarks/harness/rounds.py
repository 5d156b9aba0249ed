"""Who is asked when: every engine one query at a time, in turns, so that all meet the same noise.

For each query: a first round that is not timed (libraries load, files come into the page cache),
the timed rounds, and one in which memory is sampled. The rows of every round are checked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from .client import Answer, EngineProcess
from .comparison import digest
from .engines import UNCOMPARED
from .memory import Memory, PeakSampler
from .verification import check_rows

ENOUGH_SAMPLES = 10
"""Samples of memory that a query of few milliseconds is repeated for."""


@dataclass(frozen=True, kw_only=True)
class Measurement:
    """What one engine took for one query."""

    engine: str
    query: str
    seconds: tuple[float, ...]
    """Of every timed round, in order."""

    memory: Memory
    """At the peak, over the engine's processes."""

    rows: int
    """Rows of the answer."""

    digests: tuple[str, ...]
    """Fingerprints of the answers, without repeats: one, where each run gave the same bits."""


def measure(
    engines: Sequence[EngineProcess],
    reference: EngineProcess,
    queries: Sequence[str],
    order_by: Mapping[str, Sequence[str]],
    runs: int,
    say: Callable[[str], None],
    *,
    samples: int = ENOUGH_SAMPLES,
) -> list[Measurement]:
    """Ask every query of every engine, and return what each took.

    Parameters
    ----------
    engines
        Started engines.
    reference
        The engine whose rows all others have to give; it may be one of them, and is not timed
        where it is not.
    queries, order_by
        Their names, and the orders that they prescribe; an engine that has not written a query is
        left out of it.
    runs
        How many rounds are timed.
    say
        Told a line when a query is done.
    samples
        Samples of memory that a short query is repeated for.

    Raises
    ------
    RowsDifferError
        When an engine gave other rows than the reference, in any round.
    """
    owned: dict[str, set[str]] = {engine.name: set() for engine in engines}
    measurements = []
    for query in queries:
        order = order_by.get(query, ())
        expected = reference.ask(query)
        able = [engine for engine in engines if query in engine.queries]
        answers: dict[str, list[Answer]] = {engine.name: [] for engine in able}
        peaks: dict[str, Memory] = {}
        for turn in range(1 + runs):
            answered = {engine.name: engine.ask(query) for engine in _in_turn(able, turn)}
            check_rows(query, order, expected, answered)
            for name, answer in answered.items():
                answers[name].append(answer)
        for engine in able:
            last, peaks[engine.name] = _peak(engine, query, owned[engine.name], samples)
            answers[engine.name].append(last)
        check_rows(query, order, expected, {name: given[-1] for name, given in answers.items()})
        measurements += [
            Measurement(
                engine=name,
                query=query,
                seconds=tuple(answer.seconds for answer in given[1:-1]),
                memory=peaks[name],
                rows=given[0].rows.num_rows,
                digests=tuple(dict.fromkeys(digest(answer.rows) for answer in given)),
            )
            for name, given in answers.items()
        ]
        compared = [name for name in answers if name not in UNCOMPARED]
        rows = expected.rows.num_rows
        say(
            f"{query}: {', '.join(dict.fromkeys([*compared, reference.name]))} agree on {rows} rows"
        )
    return measurements


def _peak(
    engine: EngineProcess, query: str, owned: set[str], samples: int
) -> tuple[Answer, Memory]:
    """Ask a query, again where it is short, until its memory has been sampled often enough."""
    with PeakSampler(engine.pid, owned) as sampler:
        answer = engine.ask(query)
        while sampler.samples < samples:
            answer = engine.ask(query)
    assert sampler.peak is not None
    return answer, sampler.peak


def _in_turn(engines: Sequence[EngineProcess], turn: int) -> Iterator[EngineProcess]:
    """Yield the engines beginning with another one each turn: none always runs after the same."""
    start = turn % len(engines)
    yield from engines[start:]
    yield from engines[:start]

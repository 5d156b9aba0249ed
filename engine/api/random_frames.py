"""``pt.random``: frames of random numbers.

The numbers are the same for the same seed, however the rows are cut into partitions and whatever
runs them; another version of numpy may draw others.

>>> import partita as pt
>>> frame = pt.random.uniform(1000, seed=7)
>>> frame.to_arrow().equals(frame.to_arrow())
True
"""

from __future__ import annotations

import secrets
from typing import Any

from ...io.made import Distribution, RandomSource
from ..errors import InvalidExpression
from ..plan.node import caller_site
from ..plan.nodes import Scan
from .dataframe import DataFrame

__all__ = ["integers", "normal", "uniform"]


def uniform(
    n: int, seed: int | None = None, *, low: float = 0.0, high: float = 1.0, name: str = "value"
) -> DataFrame:
    """Return `n` random doubles between `low` and `high`, any as likely as another.

    Parameters
    ----------
    n : int
        How many.
    seed : int, optional
        What makes them the same ones again; without it the frame has one of its own, so that it
        gives the same each time it runs.
    low, high : float
        `low` may come out, `high` does not.
    name : str
        The name of the column.

    Examples
    --------
    >>> import partita as pt
    >>> pt.random.uniform(10_000, seed=1).select(pt.col("value").mean().round(1)).to_pydict()
    {'value': [0.5]}
    """
    return _frame("uniform", n, seed, float(low), float(high), name)


def normal(
    n: int, seed: int | None = None, *, mean: float = 0.0, std: float = 1.0, name: str = "value"
) -> DataFrame:
    """Return `n` random doubles around `mean`, with the standard deviation `std`.

    Parameters
    ----------
    n, seed, name
        As for `uniform`.
    mean, std : float

    Examples
    --------
    >>> import partita as pt
    >>> pt.random.normal(10_000, seed=1, mean=5).select(pt.col("value").mean().round(1)).to_pydict()
    {'value': [5.0]}
    """
    return _frame("normal", n, seed, float(mean), float(std), name)


def integers(
    n: int,
    seed: int | None = None,
    *,
    low: int = 0,
    high: int = 2**63,
    name: str = "value",
) -> DataFrame:
    """Return `n` random whole numbers from `low` up to, but without, `high`.

    Parameters
    ----------
    n, seed, name
        As for `uniform`.
    low, high : int
        Within ``int64``; by default any number that is not negative.

    Examples
    --------
    >>> import partita as pt
    >>> dice = pt.random.integers(1000, seed=1, low=1, high=7)
    >>> sorted(dice.unique().to_pydict()["value"])
    [1, 2, 3, 4, 5, 6]
    """
    if not -(2**63) <= low < high <= 2**63:
        raise InvalidExpression(
            f"integers(low={low!r}, high={high!r}): low is less than high, both within int64."
        )
    return _frame("integers", n, seed, low, high - 1, name)


def _frame(kind: str, n: int, seed: int | None, low: Any, high: Any, name: str) -> DataFrame:
    for what, value in (("n", n), ("seed", 0 if seed is None else seed)):
        if isinstance(value, bool) or not isinstance(value, int) or value < 0:
            raise InvalidExpression(f"{kind}({what}={value!r}): it is a number of at least 0.")
    source = RandomSource(
        count=n,
        seed=secrets.randbits(63) if seed is None else seed,
        distribution=Distribution(kind=kind, low=low, high=high),
        name=name,
    )
    return DataFrame._from_plan(Scan(source=source, site=caller_site()))


def __dir__() -> list[str]:
    return __all__

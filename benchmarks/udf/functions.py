"""The functions of a user: plain Python, row by row, inside of a function of a batch.

Every engine is given these, and hands them lists of the values of a batch.
"""

from __future__ import annotations


def rating(price: float, quantity: int) -> float:
    """Return what one row is worth."""
    if quantity == 0:
        return 0.0
    each = price / quantity
    if each > 100.0:
        return 100.0
    return each * 0.5 if quantity % 3 == 0 else each


def ratings(prices: list[float], quantities: list[int]) -> list[float]:
    """Return what each row of a batch is worth."""
    return [rating(price, quantity) for price, quantity in zip(prices, quantities, strict=True)]


def family(code: str) -> str:
    """Return the family of an article by its code."""
    prefix, _, number = code.partition("-")
    return prefix.upper() if number.endswith("7") else prefix


def families(codes: list[str]) -> list[str]:
    """Return the family of each article of a batch."""
    return [family(code) for code in codes]

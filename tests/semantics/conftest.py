"""What is opened for the tables of the page is closed behind them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from .page import let_go


@pytest.fixture(scope="session", autouse=True)
def nothing_is_held() -> Iterator[None]:
    """Close DuckDB after the last test."""
    yield
    let_go()

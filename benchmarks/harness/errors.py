"""What ends a benchmark early, each with the exit code of the command."""

from __future__ import annotations

from typing import ClassVar


class BenchmarkError(Exception):
    """A run that cannot be trusted or cannot go on; the message says what to do."""

    exit_code: ClassVar[int] = 1


class SetupError(BenchmarkError):
    """A switch, a library or a dataset is not as the run needs it; nothing was measured."""

    exit_code: ClassVar[int] = 2


class EngineFailedError(BenchmarkError):
    """An engine raised or died while it answered a query."""


class RowsDifferError(BenchmarkError):
    """Two engines gave different rows for one query."""

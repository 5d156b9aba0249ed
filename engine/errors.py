"""The one hierarchy of errors that a user may meet.

Every error says what was asked, what was found and what to do. Those that also are a well-known
builtin (a missing path, a wrong type) inherit from it, so that ``except FileNotFoundError`` works.
"""

from __future__ import annotations

import difflib
import errno
import os
from collections.abc import Iterable


class PartitaError(Exception):
    """Base of all errors that Partita raises on purpose."""


class ConfigError(PartitaError, ValueError):
    """A setting has a name or a value that does not exist."""


class SchemaError(PartitaError, ValueError):
    """Schemas contradict each other, or a result does not have the schema that was declared."""


class ColumnNotFound(SchemaError, KeyError):
    """A column was named that does not exist; the message offers the nearest names."""

    def __str__(self) -> str:
        # KeyError shows the repr of its argument, which would escape the line breaks.
        return str(self.args[0]) if self.args else ""


class DuplicateColumn(SchemaError):
    """Two columns of one frame would have the same name."""


class InvalidExpression(PartitaError, TypeError):
    """An expression is put together in a way that has no meaning, such as ``bool(expr)``."""


class TypeMismatch(InvalidExpression):
    """An operation is not defined for the types it was given."""


class NotOffered(PartitaError, AttributeError):
    """A name of pandas that means nothing here, such as ``iloc``; the message says what to use."""


class ComputeError(PartitaError, ValueError):
    """A value could not be computed: overflow, a cast that loses, a string that does not parse."""


class RepeatedKey(ComputeError):
    """A key occurs more often than ``join(validate=...)`` allows; it is named, with its rows."""


class SourceNotFound(PartitaError, FileNotFoundError):
    """A path, glob or directory leads to no file that could be read."""

    def __str__(self) -> str:
        return str(self.args[0]) if self.args else ""


class SourceCorrupt(PartitaError, ValueError):
    """A file is not of the format it was read as, is truncated, or is damaged."""


class SkippedWarning(UserWarning):
    """Parts of a dataset could not be read and were left out, as ``on_error="skip"`` asks for."""


class IndexWarning(UserWarning):
    """The index of a pandas frame was left out, though it may hold what is wanted."""


class SinkError(PartitaError, OSError):
    """A target cannot be written."""

    def __str__(self) -> str:
        return str(self.args[0]) if self.args else ""


class SinkExists(SinkError, FileExistsError):
    """The target exists and ``mode="error"`` (the default) forbids to replace it."""


class UserFunctionError(PartitaError, RuntimeError):
    """A function of the user raised; the message names its line, the partition and its file."""


class ExecutionError(PartitaError, RuntimeError):
    """A query could not be run to its end."""


class WorkerLost(ExecutionError):
    """Worker processes died and the attempts allowed for their task are used up."""


class TaskPoisoned(WorkerLost):
    """One task killed every worker that tried it."""


class QueryCancelled(ExecutionError):
    """The query was cancelled before its end."""


class MemoryLimitExceeded(ExecutionError, MemoryError):
    """Something that cannot be had in parts does not fit into what ``memory_limit`` allows."""


class StorageFull(ExecutionError, OSError):
    """The run directory has no space left for what stages hand to each other."""

    def __str__(self) -> str:
        return str(self.args[0]) if self.args else ""


class PlanError(PartitaError, RuntimeError):
    """A plan broke one of its own rules: a defect of Partita, worth a report."""


class MissingDependency(PartitaError, ImportError):
    """An optional library is not installed; the message names the extra that brings it."""


SCARCE = (errno.ENOMEM, errno.EMFILE, errno.ENFILE)
"""What the system says where a process has all that it may have."""


def is_refusal(error: BaseException, *numbers: int) -> bool:
    """Return whether an error is one of these of the system; Arrow may tell them as text only.

    >>> is_refusal(OSError("Memory mapping file failed: Cannot allocate memory"), errno.ENOMEM)
    True
    """
    if isinstance(error, MemoryError):
        return errno.ENOMEM in numbers
    if not isinstance(error, OSError):
        return False
    if error.errno is not None:
        return error.errno in numbers
    return any(os.strerror(number) in str(error) for number in numbers)


def is_scarcity(error: BaseException) -> bool:
    """Return whether the system has refused something that the process has too much of."""
    return is_refusal(error, *SCARCE)


def refused(error: BaseException) -> ExecutionError:
    """Return what to raise where the system has refused memory, a file or another thing."""
    if is_refusal(error, errno.ENOMEM):
        return MemoryLimitExceeded(
            f"A process got no more memory from the system: {error}. Set memory_limit below what"
            " this machine, its container or ulimit allows, or take fewer workers."
        )
    if is_refusal(error, errno.EMFILE, errno.ENFILE):
        return ExecutionError(
            f"A process may open no more files: {error}. Raise the number that it may open"
            " (ulimit -n), or close some."
        )
    return ExecutionError(f"The system refused what the query needs: {error}.")


def nearest(name: str, candidates: Iterable[str], most: int = 3) -> list[str]:
    """Return the candidates that `name` was most likely meant to be, best first.

    >>> nearest("amuont", ["region", "amount", "year"])
    ['amount']
    """
    names = list(candidates)
    folded = {candidate.lower(): candidate for candidate in reversed(names)}
    close = difflib.get_close_matches(name.lower(), folded, n=most, cutoff=0.6)
    return [folded[match] for match in close]


def did_you_mean(name: str, candidates: Iterable[str]) -> str:
    """Return `` Did you mean 'x'?`` with a leading space, or an empty string.

    >>> did_you_mean("amuont", ["amount"])
    " Did you mean 'amount'?"
    """
    close = nearest(name, candidates)
    if not close:
        return ""
    quoted = [repr(match) for match in close]
    listed = quoted[0] if len(quoted) == 1 else ", ".join(quoted[:-1]) + " or " + quoted[-1]
    return f" Did you mean {listed}?"


def listed(names: Iterable[str], most: int = 20) -> str:
    """Return names quoted and joined for an error message, shortened past `most`.

    >>> listed(["a", "b"])
    "'a', 'b'"
    >>> listed("abc", most=2)
    "'a', 'b', ... (3 in all)"
    """
    names = list(names)
    shown = ", ".join(repr(name) for name in names[:most])
    return shown if len(names) <= most else f"{shown}, ... ({len(names)} in all)"


def column_not_found(name: str, existing: Iterable[str], where: str = "") -> ColumnNotFound:
    """Return (not raise) the error for an unknown column, with the names that exist.

    >>> print(column_not_found("amuont", ["region", "amount"]))
    Column 'amuont' is not found. Did you mean 'amount'? Existing columns: 'region', 'amount'.
    """
    existing = list(existing)
    place = f" in {where}" if where else ""
    return ColumnNotFound(
        f"Column {name!r} is not found{place}.{did_you_mean(name, existing)}"
        f" Existing columns: {listed(existing)}."
    )

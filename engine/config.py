"""Settings: defaults, then ``PARTITA_*`` of the environment, then ``config.set(...)``.

A setting is one field of `Settings`. ``config.set`` changes settings for the process when called,
and only inside the block when used as a context manager.
"""

from __future__ import annotations

import os
import typing
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from types import TracebackType

from .errors import ConfigError, did_you_mean, listed
from .machine import known_cpus, known_memory

MiB = 1024 * 1024


@dataclass(frozen=True, kw_only=True)
class Settings:
    """All settings with their defaults; a value once made is never changed."""

    executor: str = "auto"
    """``auto`` (small inputs in this process, others in the pool), ``serial`` or ``process``; for a
    Dask cluster ``dask`` (one on this machine), ``dask://host:port``, or a `distributed.Client`."""

    workers: int = 0
    """Worker processes; 0 takes what the affinity mask and the cgroup allow. There are no more than
    one for each 64 MiB of `memory_limit`."""

    memory_limit: int = 0
    """Bytes for driver, workers and shared memory together, beyond what they take that do nothing,
    64 MiB at least; 0 takes 70 % of what there is, see `memory_limit`."""

    run_directory: str = ""
    """Where partitions go when shared memory is full; empty takes the system's temporary one."""

    partition_bytes: int = 32 * MiB
    """Decoded bytes of the needed columns that one scan task should read."""

    batch_rows: int = 393_216
    """Most rows in one record batch inside a stage: three row groups of the usual 122,880. With one
    of them a batch, the 22 TPC-H queries took 20 % more beyond decoding (1.61 s and not 1.35)."""

    small_query_bytes: int = 8 * MiB
    """``auto``: a query that reads less than this runs in the driver's process, with no pool."""

    broadcast_bytes: int = 64 * MiB
    """A join's build side up to this size is handed whole to every task of the probe side."""

    exchange_bytes: int = 16 * MiB
    """Bytes that one partition behind a hash or range exchange should have."""

    chunk_bytes: int = 16 * MiB
    """A task hands its output on in pieces of about this size, as they are made."""

    shared_memory_share: float = 0.4
    """Share of `memory_limit` that partitions may take in shared memory before they go to disk."""

    task_attempts: int = 3
    """How many workers a task may lose before it is given up as poisoned."""

    task_stall_seconds: float = 1800.0
    """How long a task may give no batch and use no CPU time before its worker is killed and the
    task is tried elsewhere; 0 waits for ever."""

    start_early: bool = True
    """Whether the pool starts beside the script when it scans files that are not small."""

    optimize: bool = True
    """Whether plans go through the optimizer."""

    progress: str = "auto"
    """``auto`` (on a terminal and in a notebook, after a second), ``on`` or ``off``."""


_CHOICES: Mapping[str, tuple[str, ...]] = {
    "executor": ("auto", "serial", "process", "dask"),
    "progress": ("auto", "on", "off"),
}
_CLUSTER = ("dask://", "tcp://", "tls://", "ws://", "wss://")
"""How the address of a Dask scheduler begins."""

_POSITIVE = ("partition_bytes", "batch_rows", "exchange_bytes", "chunk_bytes", "task_attempts")
_TYPES = typing.get_type_hints(Settings)
_KINDS = {
    int: "a whole number, or a size such as '512MiB' or '2GB'",
    float: "a number",
    bool: "True or False",
    str: "text",
}


def _checked(name: str, value: object, origin: str) -> object:
    """Return `value` as the setting's type, or raise a `ConfigError` that names `origin`."""
    if name not in _TYPES:
        raise ConfigError(
            f"There is no setting {name!r} ({origin}).{did_you_mean(name, _TYPES)}"
            f" Settings: {listed(_TYPES)}."
        )
    wanted = _TYPES[name]
    converted: object
    if wanted is bool and isinstance(value, str):
        converted = {"1": True, "true": True, "0": False, "false": False}.get(value.lower())
    elif wanted is int and not isinstance(value, bool) and isinstance(value, int | str):
        converted = _parse_int(value)
    elif wanted is float and not isinstance(value, bool) and isinstance(value, int | float | str):
        converted = _parse_float(value)
    elif wanted is str and isinstance(value, os.PathLike):
        converted = os.fspath(value)
    else:
        # True is a number to Python alone.
        is_one = isinstance(value, wanted) and isinstance(value, bool) == (wanted is bool)
        converted = value if is_one else None
    if name == "executor" and is_cluster(value):
        return value
    if converted is None:
        kind = _KINDS.get(wanted, wanted.__name__)
        raise ConfigError(f"Setting {name!r} wants {kind}, {origin} gave {value!r}.")
    if name in _CHOICES and converted not in _CHOICES[name]:
        also = ", 'dask://host:port' or a distributed.Client" if name == "executor" else ""
        raise ConfigError(
            f"Setting {name!r} is one of {listed(_CHOICES[name])}{also}, {origin} gave {value!r}."
        )
    least = 1 if name in _POSITIVE else 0
    if isinstance(converted, int | float) and converted < least:
        raise ConfigError(f"Setting {name!r} is at least {least}, {origin} gave {value!r}.")
    return converted


def is_cluster(executor: object) -> bool:
    """Return whether a setting ``executor`` is the address or a client of a Dask cluster."""
    if isinstance(executor, str):
        return executor.startswith(_CLUSTER)
    # Not isinstance: distributed takes half a second to load, and whoever has one has loaded it.
    kinds = [f"{kind.__module__}.{kind.__name__}" for kind in type(executor).__mro__]
    return "distributed.client.Client" in kinds


def _parse_int(value: int | str) -> int | None:
    """Return an integer; a string may carry a size suffix such as ``512MiB`` or ``2GB``."""
    if isinstance(value, int):
        return value
    units = {"kib": 2**10, "mib": 2**20, "gib": 2**30, "kb": 10**3, "mb": 10**6, "gb": 10**9}
    text = value.strip().lower()
    factor = 1
    for suffix, size in units.items():
        if text.endswith(suffix):
            text, factor = text[: -len(suffix)].strip(), size
            break
    try:
        return int(float(text) * factor) if factor > 1 else int(text)
    except (ValueError, OverflowError):
        # Infinity is none either.
        return None


def size_in_bytes(value: int | str, where: str) -> int:
    """Return a number of bytes of what a user gave: a number, or text such as ``"64MiB"``.

    >>> size_in_bytes("2kib", "bytes=")
    2048
    """
    found = _parse_int(value) if isinstance(value, int | str) else None
    if found is None or isinstance(value, bool):
        raise ConfigError(f"{where} wants {_KINDS[int]}, found {value!r}.")
    return found


def _parse_float(value: float | str) -> float | None:
    try:
        return float(value)
    except ValueError:
        return None


def _from_environment() -> Settings:
    """Return the defaults with every ``PARTITA_<NAME>`` of the environment applied."""
    changes: dict[str, typing.Any] = {}
    for field in fields(Settings):
        variable = f"PARTITA_{field.name.upper()}"
        if variable in os.environ:
            changes[field.name] = _checked(field.name, os.environ[variable], variable)
    return replace(Settings(), **changes)


_settings: Settings | None = None


def get() -> Settings:
    """Return the settings in force.

    Raises
    ------
    ConfigError
        If a ``PARTITA_*`` variable of the environment has a value that is not allowed.
    """
    global _settings
    if _settings is None:
        _settings = _from_environment()
    return _settings


class set:  # noqa: A001, N801 - the public name is ``pt.config.set``
    """Change settings, for good or inside a ``with`` block.

    Parameters
    ----------
    **changes
        Names and values of `Settings`; sizes may be strings such as ``"512MiB"``.

    Raises
    ------
    ConfigError
        If a name is not a setting or a value is not allowed; nothing is changed then.

    Examples
    --------
    >>> from partita.engine import config
    >>> with config.set(executor="serial"):
    ...     config.get().executor
    'serial'
    """

    def __init__(self, **changes: object) -> None:
        global _settings
        self._before = get()
        checked: dict[str, typing.Any] = {
            name: _checked(name, value, "config.set") for name, value in changes.items()
        }
        _settings = replace(self._before, **checked)

    def __enter__(self) -> Settings:
        return get()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        global _settings
        _settings = self._before


def worker_count(settings: Settings) -> int:
    """Return how many workers `settings` ask for, or fewer where the memory is too little.

    What a process takes beside its rows follows from no limit, so more of them would not keep it.
    """
    wanted = settings.workers or known_cpus()
    return min(wanted, max(memory_limit(settings) // LEAST_MEMORY, 1))


def memory_limit(settings: Settings) -> int:
    """Return the bytes that `settings` allow in all.

    By default 70 % of what there is, and on a small machine less: processes and libraries, which
    do not count, want room as well.
    """
    if settings.memory_limit:
        return settings.memory_limit
    there = known_memory()
    return max(int(there * 0.25), min(int(there * 0.7), there - _LIBRARIES))


LEAST_MEMORY = 64 * MiB
"""The least that one worker keeps: beside a thirty-second of the limit for a batch, and a few of
these in hand, a process takes 10 to 25 MiB of its own with the first query, whatever the limit.
Over eight times 64 MiB of rows a sort and a join took 1.5 and 1.3 times the limit with two workers,
1.1 and 0.95 times with one."""

_LIBRARIES = 512 * MiB
"""What the driver, the helper and two workers take that do nothing: 300 MiB, and as much again
where pandas is loaded."""


def batch_bytes(settings: Settings) -> int:
    """Return how many bytes a batch should have at most, by the limit alone as other sizes are.

    Rows have to be wide, or the limit small, for `batch_rows` of them to be more.
    """
    return max(memory_limit(settings) // 32, MiB // 2)


def within_limit(settings: Settings) -> Settings:
    """Return `settings` with sizes that suit the memory limit, which only a small one changes.

    They follow from the limit alone, and not from the number of workers: partitions are cut by
    them, and answers shall have the same bits.
    """
    limit = memory_limit(settings)

    def least(wanted: int, share: int, floor: int) -> int:
        return min(wanted, max(limit // share, floor))

    return replace(
        settings,
        partition_bytes=least(settings.partition_bytes, 16, MiB),
        exchange_bytes=least(settings.exchange_bytes, 32, MiB // 2),
        chunk_bytes=least(settings.chunk_bytes, 32, MiB // 2),
        broadcast_bytes=least(settings.broadcast_bytes, 16, MiB),
        small_query_bytes=least(settings.small_query_bytes, 16, MiB),
        batch_rows=least(settings.batch_rows, 4096, 8192),
    )

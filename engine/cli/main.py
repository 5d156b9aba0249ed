"""The command `partita`: reads the arguments, starts the command, says errors plainly."""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import textwrap
from collections.abc import Sequence
from importlib.metadata import version

from ..errors import PartitaError

USER_ERROR = 2
INTERRUPTED = 130
"""128 + SIGINT, as a shell reports it."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Parameters
    ----------
    arguments : sequence of str, optional
        What follows the program's name; by default that of this process.

    Returns
    -------
    int
        The exit code: 0 when all went well, 1 when the demo's check found a difference, 2 for
        what the user can put right, 130 after Ctrl-C.
    """
    chosen = parser().parse_args(arguments)
    try:
        code = _COMMANDS[chosen.command](chosen)
        # Here and not at exit, where a closed pipe could no longer be answered for.
        sys.stdout.flush()
        return code
    except PartitaError as error:
        print(_folded(f"partita {chosen.command}: {error}"), file=sys.stderr)
        return USER_ERROR
    except KeyboardInterrupt:
        # What was being shown on the line that the terminal wrote its ^C to is cleared.
        clear = "\r\x1b[K" if sys.stderr.isatty() else ""
        print(f"{clear}partita {chosen.command}: interrupted", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        # The reader, such as `| head`, has seen enough. Nothing may be written any more.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def _folded(message: str) -> str:
    """Return a message with its lines folded between words, where a terminal shows it."""
    if not sys.stderr.isatty():
        return message
    width = shutil.get_terminal_size((80, 24)).columns
    fill = textwrap.TextWrapper(width, break_long_words=False, break_on_hyphens=False).fill
    return "\n".join(fill(line) for line in message.splitlines())


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    top = argparse.ArgumentParser(
        prog="partita",
        description="A lazy task-graph dataframe engine: first looks and a demonstration.",
        epilog="In Python: import partita as pt",
    )
    top.add_argument("--version", action="version", version=f"partita {version('partita')}")
    commands = top.add_subparsers(dest="command", metavar="COMMAND", required=True)

    demo = commands.add_parser(
        "demo",
        help="make a dataset, run a whole job on it, check the answer against pandas",
        description="Make a hive-partitioned Parquet dataset of made-up taxi trips, ask what each"
        " zone earned, write the answer as Parquet, and check it against pandas on the same files.",
    )
    demo.add_argument(
        "--rows", type=_count, default=5_000_000, help="trips to make (default: 5,000,000)"
    )
    demo.add_argument(
        "--out",
        metavar="DIR",
        help="keep dataset and result here, and use a dataset again that is already here"
        " (default: a temporary directory that is removed)",
    )
    demo.add_argument(
        "--workers",
        type=_count,
        help="run on so many worker processes (default: the CPUs of this machine, and none for"
        " few rows)",
    )

    schema = commands.add_parser(
        "schema",
        help="show the columns of a dataset and their types",
        description="Show the columns of a dataset and their types. Reads metadata alone.",
    )
    head = commands.add_parser(
        "head", help="show the first rows of a dataset", description="Show the first rows."
    )
    for command in (schema, head):
        command.add_argument(
            "path", metavar="PATH", help="a file, a directory or a glob of Parquet, CSV or Arrow"
        )
    head.add_argument("-n", "--rows", type=_count, default=10, help="how many rows (default: 10)")
    return top


def _count(text: str) -> int:
    """Read a positive number as people write it: 5000000, 5_000_000 or 5,000,000."""
    digits = text.replace(",", "").replace("_", "")
    if not digits.isascii() or not digits.isdigit() or int(digits) == 0:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number above zero")
    return int(digits)


def _demo(chosen: argparse.Namespace) -> int:
    # Late: the demo is loaded for the demo alone, so that the first looks start sooner.
    from .demo import run_demo

    return run_demo(rows=chosen.rows, out=chosen.out, workers=chosen.workers)


def _schema(chosen: argparse.Namespace) -> int:
    from .look import print_schema

    return print_schema(chosen.path)


def _head(chosen: argparse.Namespace) -> int:
    from .look import print_head

    return print_head(chosen.path, chosen.rows)


_COMMANDS = {"demo": _demo, "schema": _schema, "head": _head}

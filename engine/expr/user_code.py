"""What is told when a function of the user raises: its line, its traceback, nothing of ours."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..errors import UserFunctionError

# Not resolved, since the frames of a traceback are not either.
_PACKAGE = str(Path(__file__).parents[1])


def name_of(function: Callable[..., Any]) -> str:
    """Return what to call a function in a message.

    >>> name_of(len)
    'len'
    """
    return getattr(function, "__qualname__", type(function).__name__)


def user_failure(
    function: Callable[..., Any], error: BaseException, place: str
) -> UserFunctionError:
    """Return (not raise) the error that tells of `error`.

    Parameters
    ----------
    function
        The function that raised.
    error
        What it raised, also by `sys.exit`. The text holds its traceback, which no pickle carries.
    place
        What follows the line of the user, such as ``, on partition 3``.
    """
    frames = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if not frame.filename.startswith(_PACKAGE)
    ]
    own = _innermost_of_the_user(frames)
    where = f" in {own.filename}:{own.lineno}" if own is not None else ""
    trimmed = "".join(traceback.format_list(frames)).rstrip()
    kind = type(error).__name__
    return UserFunctionError(
        f"{name_of(function)} raised {kind}: {error}{where}{place}."
        + (f"\n{trimmed}\n{kind}: {error}" if trimmed else "")
    )


def _innermost_of_the_user(frames: list[traceback.FrameSummary]) -> traceback.FrameSummary | None:
    """Return the last frame that is not in an installed library, else the last one."""
    own = [frame for frame in frames if "site-packages" not in frame.filename]
    return own[-1] if own else (frames[-1] if frames else None)

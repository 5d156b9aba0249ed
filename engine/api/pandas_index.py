"""A pandas frame's index has no place here: where it may hold something, that is said."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

from ..errors import IndexWarning
from ..plan.node import caller_site

if TYPE_CHECKING:
    import pandas as pd


def tell_of_index(frame: pd.DataFrame, what: str) -> None:
    """Warn if the index of `frame`, which is left out, holds more than numbers of rows.

    Parameters
    ----------
    frame
        Its index has a name, as that of what ``groupby`` gives, or is of other than numbers, or
        nothing is said.
    what
        What to call the frame.
    """
    index = frame.index
    named = [str(name) for name in index.names if name is not None]
    if not named and ((index.nlevels == 1 and index.dtype.kind in "iu") or not len(index)):
        return
    called = ", ".join(map(repr, named)) or f"of {index.dtype}"
    said = (
        f"The index {called} of {what} is left out. Make columns of it with .reset_index() first;"
        " if it is not wanted, .reset_index(drop=True)."
    )
    site = caller_site()
    if site is None:
        warnings.warn(said, IndexWarning, stacklevel=2)
    else:
        warnings.warn_explicit(said, IndexWarning, site.file, site.line)

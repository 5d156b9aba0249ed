"""One row put beside every row: the scalar subqueries of Q11, Q15 and Q22."""

from __future__ import annotations

import partita as pt


def beside(frame: pt.DataFrame, one_row: pt.DataFrame) -> pt.DataFrame:
    """Return `frame` with the columns of `one_row` in each of its rows."""
    one = {"_one": pt.lit(1)}
    return frame.with_columns(**one).join(one_row.with_columns(**one), on="_one").drop("_one")

"""The functions in Dask: `map_partitions`."""

from __future__ import annotations

from typing import Any

import pandas as pd

from ..functions import families, ratings


def _rated(rows: pd.DataFrame) -> pd.Series:
    values = ratings(rows.price.tolist(), rows.quantity.tolist())
    return pd.Series(values, index=rows.index, name="rating", dtype="float64")


def _families(rows: pd.DataFrame) -> pd.DataFrame:
    values = pd.array(families(rows.code.tolist()), "string[pyarrow]")
    return pd.DataFrame({"family": values}, index=rows.index)


def numbers(t: Any) -> Any:
    rating = t.sales[["price", "quantity"]].map_partitions(_rated, meta=("rating", "float64"))
    return {"rows": rating.size, "total": rating.sum(), "most": rating.max()}


def text(t: Any) -> Any:
    family = t.sales[["code"]].map_partitions(_families, meta={"family": "string[pyarrow]"})
    return family.groupby("family").size().reset_index().rename(columns={0: "rows"})

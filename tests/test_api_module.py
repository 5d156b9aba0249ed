"""What ``import partita as pt`` offers, and what it does not load."""

from __future__ import annotations

import inspect
import json
import subprocess
import sys
from importlib.metadata import version

import pytest

import partita as pt

NAMES = """
    DataFrame Expression GroupBy Result Session all any approx_n_unique approx_quantile coalesce
    col compute concat concat_str config corr count cov delayed errors exclude first from_arrow
    from_batches from_items from_pandas from_polars from_pydict generate implode kurtosis last len
    lit max max_horizontal mean median merge_asof min min_horizontal mode n_unique null_count
    product quantile random range read_csv read_ipc read_json read_orc read_parquet scan_csv
    scan_ipc scan_json scan_orc scan_parquet skew std sum udf var when
"""


def test_the_names_are_there_and_listed() -> None:
    names = NAMES.split()
    assert sorted([*names, "__version__"]) == sorted(pt.__all__)
    for name in names:
        assert inspect.getdoc(getattr(pt, name))
    assert dir(pt) == pt.__all__
    assert pt.__version__ == version("partita")


def test_an_unknown_name_offers_the_nearest() -> None:
    with pytest.raises(AttributeError, match="'scan_parquet'"):
        pt.scan_parqet  # noqa: B018 - the look-up is the test


@pytest.mark.parametrize("kind", [pt.DataFrame, pt.GroupBy, pt.Result])
def test_public_methods_say_what_they_do(kind: type) -> None:
    for name, member in inspect.getmembers(kind):
        if not name.startswith("_") and callable(member):
            assert inspect.getdoc(member), f"{kind.__name__}.{name}"


def test_a_whole_query_loads_no_heavy_library() -> None:
    # pyarrow itself imports pandas, where there is one, when it makes an array of a list.
    script = """
import json, sys
before = set(sys.modules)
import partita as pt
df = pt.from_pydict({"k": ["a", "b"], "v": [1, 2]})
query = df.filter(pt.col("v") > 1).group_by("k").agg(pt.col("v").sum()).sort("k")
query.collect().to_pydict(), repr(query), query._repr_html_(), query.explain(steps=True)
print(json.dumps(sorted(set(sys.modules) - before)))
"""
    run = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60
    )
    brought = {name.split(".")[0] for name in json.loads(run.stdout)}
    assert "pyarrow" in brought
    assert not brought & {"networkx", "polars", "IPython", "matplotlib"}


def test_a_session_of_ones_own_has_its_own_settings() -> None:
    df = pt.from_pydict({"a": [1, 2]})
    with pt.Session(executor="process", workers=1):
        profile = df.collect().profile
    assert profile is not None
    assert (profile.executor, profile.workers) == ("process", 1)
    assert df.profile().executor == "serial"

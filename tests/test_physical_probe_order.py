"""A selective semi join looks before the joins it was written behind; the rows stay the same."""

from __future__ import annotations

from pathlib import Path

import pytest

import partita as pt

ROWS = 30_000


@pytest.fixture
def orders(tmp_path: Path) -> pt.DataFrame:
    made = pt.from_pydict(
        {
            "o": list(range(ROWS)),
            "c": [None if n % 97 == 0 else n % 300 for n in range(ROWS)],
            "x": [n / 4 for n in range(ROWS)],
        }
    )
    made.sink_parquet(tmp_path / "orders.parquet")
    return pt.scan_parquet(tmp_path / "orders.parquet")


@pytest.fixture
def customers() -> pt.DataFrame:
    # Some have no order, and one is there twice.
    numbers = [*range(250), 7, 1000]
    return pt.from_pydict({"c": numbers, "name": [f"name {n % 5}" for n in numbers]})


def many_of(orders: pt.DataFrame, keys: int) -> pt.DataFrame:
    """Return keys of orders, so few that nothing but their number tells."""
    sums = orders.group_by(k=pt.col("o")).agg(total=pt.col("x").sum())
    return sums.filter(pt.col("total") < keys / 4)


@pytest.mark.parametrize("keys", [0, 40, ROWS - 10])
@pytest.mark.parametrize("how", ["semi", "anti"])
@pytest.mark.parametrize("executor", ["serial", "process"])
def test_the_rows_are_those_of_the_plan_as_written(
    orders: pt.DataFrame, customers: pt.DataFrame, keys: int, how: str, executor: str
) -> None:
    named = orders.join(customers, on="c").select("name", "o", y=pt.col("x") * 2, order="o")
    query = named.join(many_of(orders, keys), left_on="order", right_on="k", how=how)
    ordered = query.sort("o", "name")
    with pt.config.set(optimize=False, executor="serial"):
        expected = ordered.collect().to_arrow()
    with pt.config.set(executor=executor):
        assert ordered.collect().to_arrow().equals(expected)


def test_few_keys_go_first_and_many_do_not(orders: pt.DataFrame, customers: pt.DataFrame) -> None:
    def label(keys: int) -> str:
        named = orders.join(customers, on="c")
        query = named.join(many_of(orders, keys), left_on="o", right_on="k", how="semi")
        # As it is written: the optimizer would put it first by what it expects.
        with pt.config.set(executor="serial", optimize=False):
            profile = query.collect().profile
        (stage,) = [each.label for each in profile.stages if "semi join" in each.label]
        return stage

    few, many = label(40), label(ROWS)
    assert few.index("semi join") < few.index("inner join")
    assert many.index("semi join") > many.index("inner join")

"""What the reference APISmith's filters and sort mean, against a plain and slow reference."""

from decimal import Decimal

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from syncflow.sandbox.apismith.catalog import PublishedTable
from syncflow.sandbox.apismith.definition import parse_definition
from syncflow.sandbox.apismith.number_keys import number_keys
from syncflow.sandbox.apismith.query import parse_query
from syncflow.sandbox.apismith.sort_keys import sort_keys
from syncflow.sandbox.apismith.table import table_from_frame
from syncflow.sandbox.errors import ApiError

pytestmark = pytest.mark.unit

TYPES = {"ID": "NUMBER(10)", "NAME": "VARCHAR2(40)", "CODE": "CHAR(3)", "QTY": "NUMBER(12,2)", "AT": "DATE"}
ROWS = [
    ("1", "beta", "EA ", "10", "2026-03-01"),
    ("2", "Alpha", "KG ", "9.5", "01-MAR-26"),
    ("3", None, None, None, None),
    ("4", "", "EA ", "1,234.50", "28-FEB-2026 23:59:59"),
    ("5", "ی", "M  ", "N/A", "31-FEB-2026"),
    ("6", "\U0001f600", "EA ", "-3", "1999-12-31T10:00:00+03:30"),
    ("7", "Alpha ", "KG ", ".5", "31-DEC-9999"),
]


@pytest.fixture(scope="module")
def table() -> PublishedTable:
    frame = pl.DataFrame(ROWS, schema=dict.fromkeys(TYPES, pl.String), orient="row")
    columns = [{"name": name, "data_type": data_type} for name, data_type in TYPES.items()]
    return PublishedTable(table_from_frame(parse_definition({"slug": "t", "columns": columns}), frame))


def ids(
    table: PublishedTable, *filters: tuple[str, str, object], sort: str | None = None, direction: str = "asc"
) -> str:
    body: dict[str, object] = {"page": 1, "page_size": 100}
    body["filters"] = [{"field": f, "operator": o, "value": v} for f, o, v in filters]
    if sort is not None:
        body["sort"] = {"field": sort, "direction": direction}
    rows = table.select(parse_query(body, list(TYPES)))
    return "".join(table.table.texts["ID"].gather(rows))


@pytest.mark.parametrize(
    ("sort", "ascending", "descending"),
    [
        ("QTY", "6721453", "5412763"),
        ("AT", "6412753", "5712463"),
        ("NAME", "2715634", "6517234"),
        ("CODE", "1462753", "5271463"),
    ],
)
def test_sort_is_by_type_bad_values_behind_good_ones_nulls_last(
    table: PublishedTable, sort: str, ascending: str, descending: str
) -> None:
    assert ids(table, sort=sort) == ascending
    assert ids(table, sort=sort, direction="desc") == descending


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        (("QTY", "=", "9.50"), "2"),
        (("QTY", "=", 10), "1"),
        (("QTY", "=", "1234.5"), "4"),
        (("QTY", ">=", "9.5"), "1245"),
        (("QTY", ">", "9.5"), "145"),
        (("QTY", "<", "0.5"), "6"),
        (("QTY", "<=", "0.5"), "67"),
        (("QTY", "!=", "10"), "24567"),
        (("QTY", ">=", "N/A"), "5"),
        (("QTY", "=", "N/A"), "5"),
        (("QTY", "in", ["10.0", "N/A", "77"]), "15"),
        (("QTY", "is_null", True), "3"),
        (("QTY", "is_null", False), "124567"),
        (("NAME", "is_null", True), "34"),
        (("NAME", ">", "Alpha"), "1567"),
        (("NAME", "like", "_l%a"), "2"),
        (("NAME", "like", "%"), "12567"),
        (("CODE", "=", "EA"), "146"),
        (("CODE", "=", "EA "), "146"),
        (("AT", "=", "2026-03-01 00:00:00"), "12"),
        (("AT", ">=", "28-FEB-26"), "12457"),
        (("AT", "<", "1999-12-31T06:30:01Z"), "6"),
        (("AT", "=", "31-FEB-2026"), "5"),
        (("NAME", "=", ""), ""),
    ],
)
def test_filters(table: PublishedTable, condition: tuple[str, str, object], expected: str) -> None:
    assert ids(table, condition) == expected
    assert "".join(sorted(ids(table, condition, sort="QTY"))) == expected, "bounds found by binary search agree"
    assert "".join(sorted(ids(table, condition, sort=condition[0]))) == expected
    assert "".join(sorted(ids(table, condition, sort=condition[0], direction="desc"))) == expected


def test_filters_are_anded(table: PublishedTable) -> None:
    assert ids(table, ("CODE", "=", "EA"), ("QTY", ">", 0), sort="QTY") == "14"
    assert ids(table, ("QTY", ">=", 0), ("QTY", "<", 10), sort="QTY") == "72"
    assert ids(table, ("QTY", ">", 10), ("QTY", "<", 10), sort="QTY") == ""


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ([], 400),
        ({"page": 1}, 400),
        ({"page": 1, "page_size": 1, "limit": 3}, 400),
        ({"page": 0, "page_size": 1}, 422),
        ({"page": True, "page_size": 1}, 422),
        ({"page": 1, "page_size": 10_001}, 422),
        ({"page": 1, "page_size": 1, "sort": {"field": "NO"}}, 422),
        ({"page": 1, "page_size": 1, "sort": {"field": "ID", "direction": "up"}}, 422),
        ({"page": 1, "page_size": 1, "filters": {}}, 422),
        ({"page": 1, "page_size": 1, "filters": [{"field": "ID", "operator": "~", "value": 1}]}, 422),
        ({"page": 1, "page_size": 1, "filters": [{"field": "ID", "operator": "=", "value": None}]}, 422),
        ({"page": 1, "page_size": 1, "filters": [{"field": "ID", "operator": "is_null", "value": 1}]}, 422),
        ({"page": 1, "page_size": 1, "filters": [{"field": "ID", "operator": "in", "value": ["1"] * 1001}]}, 422),
    ],
)
def test_wrong_requests_are_told(body: object, status: int) -> None:
    with pytest.raises(ApiError) as told:
        parse_query(body, list(TYPES))
    assert told.value.status == status


numbers = st.decimals(allow_nan=False, allow_infinity=False, places=6, min_value=-(10**30), max_value=10**30)


@settings(max_examples=60)
@given(st.lists(numbers | st.sampled_from([Decimal("0"), Decimal("-0.5"), Decimal("0.05")]), min_size=1, max_size=12))
def test_number_keys_order_as_numbers_do(values: list[Decimal]) -> None:
    plain = number_keys(pl.Series([f"{value:f}" for value in values]))
    assert plain.to_list() == number_keys(pl.Series([f"{value:,f}" for value in values])).to_list()
    by_key = [value for _, value in sorted(zip(plain, values, strict=True))]
    assert by_key == sorted(values)


@given(st.lists(st.text(min_size=1, max_size=6), max_size=8))
def test_every_value_has_a_place_in_a_total_order(values: list[str]) -> None:
    encodable = [v for v in values if v.isprintable()]
    for kind in ("number", "date"):
        keys = sort_keys(pl.Series(encodable, dtype=pl.String), kind)
        assert keys.null_count() == 0

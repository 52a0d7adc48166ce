"""The three forms of a page say the same: the sandbox's rows through each decoder, and over HTTP."""

import json
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncflow.connectors.apismith import ApiSmith as Source
from syncflow.connectors.auth import Credentials
from syncflow.connectors.exchange import Answer, Call, Neighbour
from syncflow.connectors.page_answer import ACCEPT, JSON, NDJSON, read_page
from syncflow.connectors.page_arrow import decode_arrow
from syncflow.connectors.page_decoder import decode_page
from syncflow.connectors.page_ndjson import decode_ndjson
from syncflow.connectors.registry import Endpoint, open_source
from syncflow.connectors.retrying import RetryPolicy
from syncflow.errors import ConfigurationError, PageError, RetriableError
from syncflow.protocols import PageRequest
from syncflow.sandbox.apismith.catalog import PublishedTable
from syncflow.sandbox.apismith.definition import parse_definition
from syncflow.sandbox.apismith.server import ApiSmith
from syncflow.sandbox.apismith.table import BareToken, Table, table_from_frame, table_from_rows
from syncflow.sandbox.apismith.wires import ALL_WIRES, Wire, negotiate
from syncflow.sandbox.faults import Fault
from syncflow.sandbox.running import RunningServer
from syncflow.sandbox.tokens import TokenOptions

COLUMNS = ("ID", "QTY", "NOTE")
DEFINITION = parse_definition(
    {
        "slug": "parts",
        "columns": [{"name": name, "data_type": "VARCHAR2(4000)"} for name in COLUMNS],
        "business_key_columns": ["ID"],
    }
)
HOSTILE = st.sampled_from(
    ['"', "\\", '":', ':"', "},{", "}\n{", "\r\n", "\x00", "\x1f", "null", "\u2028", "é😀علی", '","QTY":', "1.50"]
)
TEXTS = st.lists(HOSTILE | st.text(st.characters(exclude_categories=["Cs"]), max_size=3), max_size=3).map("".join)
NUMBERS = st.from_regex(r"-?(0|[1-9][0-9]{0,44})(\.[0-9]{1,25})?([eE][+-]?[0-9]{1,3})?", fullmatch=True).map(BareToken)
ROWS = st.lists(
    st.fixed_dictionaries({}, optional=dict.fromkeys(COLUMNS, st.none() | TEXTS | NUMBERS | st.booleans())), max_size=5
)


@pytest.mark.unit
@given(ROWS, st.booleans())
def test_the_same_rows_in_every_form_are_the_same_page(rows: list[dict[str, object]], decimal_comma: bool) -> None:
    table = PublishedTable(table_from_rows(DEFINITION, rows))
    numbers = np.arange(len(rows), dtype=np.int64)[::-1]
    json_page = b'{"success":true,"data":' + table.page(numbers, Wire.JSON) + b"}"
    as_json = decode_page(json_page, COLUMNS, decimal_comma=decimal_comma).rows
    as_lines = decode_ndjson(table.page(numbers, Wire.NDJSON), COLUMNS, decimal_comma=decimal_comma).rows
    assert as_lines.equals(as_json)
    if not decimal_comma:
        # The sandbox's Arrow columns are text, in which a number is written as its source writes all texts.
        assert decode_arrow(table.page(numbers, Wire.ARROW), COLUMNS).rows.equals(as_json)


@contextmanager
def served(table: Table, *wires: Wire) -> Iterator[tuple[ApiSmith, Source]]:
    smith = ApiSmith([table], tokens=TokenOptions(service_token="t"), wires=wires)
    with RunningServer(smith.app) as server:
        endpoint = Endpoint(server.url, Credentials(token="t"), retry=RetryPolicy(attempts=2, wait_initial=0.01))
        source = open_source(endpoint)
        yield smith, source
        source.close()


@pytest.fixture(scope="module")
def parts() -> Table:
    frame = pl.DataFrame(
        {"ID": range(25), "QTY": ["12345678901234567890.10"] * 25, "NOTE": ['3" é\n', None] * 12 + ["x"]}
    )
    return table_from_frame(DEFINITION, frame, bare=["QTY"])


@pytest.mark.integration
@pytest.mark.parametrize("wire", ALL_WIRES)
def test_pages_faults_and_refusals_over_http(wire: Wire, parts: Table) -> None:
    with served(parts, wire) as (smith, source):
        page = source.page(PageRequest("parts", 10, page=3, columns=COLUMNS))
        assert page.rows.equals(parts.texts.slice(20))
        assert (page.total_rows, page.observed) == (25, {})
        unknown = source.page(PageRequest("parts", 10, columns=("ID", "GONE")))
        assert unknown.rows.columns == ["ID", "GONE", "QTY", "NOTE"]
        assert set(unknown.observed) == {"QTY", "NOTE"}
        smith.faults.add(Fault("total_rows", path="parts", text="missing"))
        assert source.page(PageRequest("parts", 10, columns=COLUMNS)).total_rows is None
        smith.faults.add(Fault("empty", path="parts"))
        empty = source.page(PageRequest("parts", 10, columns=COLUMNS))
        assert (empty.rows.columns, empty.rows.height, empty.total_rows) == (list(COLUMNS), 0, 0)
        for fault in (Fault("truncate", path="parts", bytes=100), Fault("html", path="parts")):
            smith.faults.add(fault)
            assert source.page(PageRequest("parts", 10, columns=COLUMNS)).rows.height == 10
        smith.faults.add(Fault("truncate", path="parts", bytes=100, times=None))
        with pytest.raises(RetriableError, match="broke the connection"):
            source.page(PageRequest("parts", 10, columns=COLUMNS))
        smith.faults.clear()
        smith.faults.add(Fault("not_success", path="parts", text="ORA-01555", times=None))
        with pytest.raises(PageError, match="ORA-01555"):
            source.page(PageRequest("parts", 10, columns=COLUMNS))


@pytest.mark.integration
@pytest.mark.parametrize("wire", ALL_WIRES)
def test_another_page_than_was_asked_for_is_read_again(wire: Wire, parts: Table) -> None:
    with served(parts, wire) as (smith, source):
        source.page(PageRequest("parts", 10, columns=COLUMNS))
        smith.faults.add(Fault("repeat_page", path="parts"))
        assert source.page(PageRequest("parts", 10, page=2, columns=COLUMNS)).rows.equals(parts.texts.slice(10, 10))
        smith.faults.add(Fault("repeat_page", path="parts", times=None))
        with pytest.raises(PageError, match=r"it is page '?2'?, but page 3 was asked for"):
            source.page(PageRequest("parts", 10, page=3, columns=COLUMNS))


@pytest.mark.parametrize("name", ["", "@row", "@unreadable", "a\0b"])
@pytest.mark.parametrize("form", [JSON, NDJSON])
@pytest.mark.unit
def test_a_column_that_can_be_no_field_is_refused_by_name(form: str, name: str) -> None:
    row = json.dumps({"ID": "1", name: "x"}).encode()
    body = b'{"success": true, "data": [%s]}' % row if form == JSON else row + b"\n"
    headers = httpx.Headers({"content-type": form})
    call = Call("POST", "/api/v1/runtime/parts/execute", "reading page 1 of parts")
    answer = Answer(Neighbour("APISmith", "http://smith", "APISMITH"), call, 200, headers, body)
    with pytest.raises(ConfigurationError, match="give it an alias in the API"):
        read_page(answer, PageRequest("parts", 100, columns=COLUMNS))


@pytest.mark.unit
def test_the_best_form_that_both_sides_know_is_taken() -> None:
    offers = (ALL_WIRES, (Wire.JSON, Wire.NDJSON), (Wire.JSON, Wire.ARROW), (Wire.JSON,))
    assert [negotiate(ACCEPT, offered) for offered in offers] == [Wire.ARROW, Wire.NDJSON, Wire.ARROW, Wire.JSON]

"""The forms of a page of the reference APISmith: what is negotiated, and what each of them holds."""

import json
from collections.abc import Iterator
from decimal import Decimal
from io import BytesIO

import httpx
import numpy as np
import polars as pl
import pytest

from syncflow.sandbox.apismith.arrow_rows import ArrowRows
from syncflow.sandbox.apismith.definition import parse_definition
from syncflow.sandbox.apismith.server import ApiSmith
from syncflow.sandbox.apismith.table import table_from_frame
from syncflow.sandbox.apismith.wires import ALL_WIRES, Wire, negotiate, parse_wires
from syncflow.sandbox.errors import ApiError, SandboxError
from syncflow.sandbox.faults import Fault
from syncflow.sandbox.running import RunningServer
from tests.sandbox.clients import logged_in

DEFINITION = parse_definition(
    {
        "slug": "parts",
        "columns": [{"name": name, "data_type": "VARCHAR2(40)"} for name in ("ID", "QTY", "N")],
        "business_key_columns": ["ID"],
    }
)
FRAME = pl.DataFrame({"ID": ["1", "2", "3"], "QTY": ["1.50", None, "12345678901234567890.10"], "N": [1, 2, None]})
JSON, NDJSON, ARROW = (wire.media_type for wire in ALL_WIRES)


@pytest.fixture
def smith() -> ApiSmith:
    return ApiSmith([table_from_frame(DEFINITION, FRAME, bare=["QTY"])])


@pytest.fixture
def client(smith: ApiSmith) -> Iterator[httpx.Client]:
    with RunningServer(smith.app) as server, logged_in(server.url) as client:
        yield client


def execute(client: httpx.Client, accept: str, **more: object) -> httpx.Response:
    body = {"page": 1, "page_size": 2, "sort": {"field": "ID", "direction": "desc"}, **more}
    return client.post("/runtime/parts/execute", json=body, headers={"Accept": accept})


@pytest.mark.unit
@pytest.mark.parametrize(
    ("accept", "offered", "taken"),
    [
        (None, ALL_WIRES, Wire.JSON),
        ("", ALL_WIRES, Wire.JSON),
        ("*/*", ALL_WIRES, Wire.JSON),
        ("application/*", ALL_WIRES, Wire.JSON),
        (ARROW, ALL_WIRES, Wire.ARROW),
        (f"{ARROW}, {NDJSON};q=0.9, {JSON};q=0.8", ALL_WIRES, Wire.ARROW),
        (f"{JSON};q=0.8,{NDJSON} ; Q=0.9", ALL_WIRES, Wire.NDJSON),
        (f"{ARROW};q=0, */*;q=0.1", ALL_WIRES, Wire.JSON),
        (f"{JSON};q=0.1, */*;q=0.5", ALL_WIRES, Wire.NDJSON),
        (f"{JSON};q=0.1, application/*;q=0.5, */*", (Wire.JSON, Wire.ARROW), Wire.ARROW),
        (f"{ARROW}, {JSON};q=0.5", (Wire.JSON, Wire.NDJSON), Wire.JSON),
        (f"{ARROW};q=x, {JSON};q=0.5", ALL_WIRES, Wire.JSON),
        (None, (Wire.ARROW,), Wire.ARROW),
    ],
)
def test_the_form_that_is_liked_best_is_taken(accept: str | None, offered: tuple[Wire, ...], taken: Wire) -> None:
    assert negotiate(accept, offered) is taken


@pytest.mark.unit
@pytest.mark.parametrize("accept", ["text/html", f"{JSON};q=0", "text/*"])
def test_none_of_the_forms_is_a_406(accept: str) -> None:
    with pytest.raises(ApiError, match=f"there is: {JSON}, {NDJSON}") as told:
        negotiate(accept, ALL_WIRES)
    assert told.value.status == 406


@pytest.mark.unit
def test_the_names_on_the_command_line() -> None:
    assert parse_wires("all") == ALL_WIRES
    assert parse_wires("arrow, json") == (Wire.JSON, Wire.ARROW)
    for wrong in ("xml", "json,xml", ""):
        with pytest.raises(SandboxError, match="choose of json, ndjson, arrow with commas between, or all"):
            parse_wires(wrong)


@pytest.mark.integration
def test_each_form_holds_the_page_and_what_there_is_to_say_of_it(client: httpx.Client) -> None:
    as_json = execute(client, JSON)
    assert as_json.json()["metadata"].items() >= {"total_rows": 3, "page": 1, "page_size": 2}.items()
    lines = execute(client, NDJSON)
    assert lines.text == '{"ID":"3","QTY":12345678901234567890.10,"N":null}\n{"ID":"2","QTY":null,"N":"2"}\n'
    arrow = execute(client, ARROW)
    expected = FRAME.with_columns(pl.col("N").cast(pl.String))
    assert pl.read_ipc_stream(BytesIO(arrow.content)).equals(expected[[2, 1]])
    for answer, media_type in ((lines, NDJSON), (arrow, ARROW)):
        assert answer.headers["content-type"].partition(";")[0] == media_type
        assert [answer.headers[name] for name in ("X-Total-Rows", "X-Page", "X-Page-Size")] == ["3", "1", "2"]
    for media_type, empty in ((JSON, b"[]"), (NDJSON, b"")):
        assert empty in execute(client, media_type, page=9).content
    assert pl.read_ipc_stream(BytesIO(execute(client, ARROW, page=9).content)).schema == expected.schema


@pytest.mark.integration
@pytest.mark.parametrize("accept", [NDJSON, ARROW])
def test_faults_in_forms_without_an_envelope(client: httpx.Client, smith: ApiSmith, accept: str) -> None:
    for text, told in (("missing", None), ("7", "7"), ("changing", "4")):
        smith.faults.add(Fault("total_rows", path="parts", text=text))
        assert execute(client, accept).headers.get("X-Total-Rows") == told
    first = execute(client, accept)
    smith.faults.add(Fault("repeat_page", path="parts"))
    repeated = execute(client, accept, page=2)
    assert (repeated.content, repeated.headers["X-Page"]) == (first.content, "1")
    smith.faults.add(Fault("truncate", path="parts", bytes=20))
    with pytest.raises(httpx.RemoteProtocolError):
        execute(client, accept)
    smith.faults.add(Fault("not_success", path="parts"))
    assert json.loads(execute(client, accept).content)["success"] is False
    assert client.post("/runtime/parts/execute", json={}, headers={"Accept": accept}).json()["success"] is False


@pytest.mark.integration
def test_a_table_may_bring_types_for_arrow() -> None:
    typed = FRAME.with_columns(pl.col("QTY").cast(pl.Decimal(38, 2)))
    smith = ApiSmith([table_from_frame(DEFINITION, typed, typed=True)])
    with RunningServer(smith.app) as server, logged_in(server.url) as client:
        assert pl.read_ipc_stream(BytesIO(execute(client, ARROW).content)).equals(typed[[2, 1]])
        assert execute(client, JSON).json()["data"][0]["QTY"] == "12345678901234567890.10"
        smith.service.change_rows("parts", [{"ID": "3", "QTY": "x", "N": None}], [])
        assert pl.read_ipc_stream(BytesIO(execute(client, ARROW).content))["QTY"][0] == "x"


@pytest.mark.unit
def test_undeclared_columns_of_bare_values_have_the_type_that_they_show() -> None:
    columns = {
        "D": ["1.5", "-12345678901234567890.10", None],
        "B": ["true", None, "false"],
        "E": ["1e5", "1", None],
        "L": ["9" * 38, "0.1", None],
        "X": ["1", "x", None],
        "0": [None, None, None],
    }
    bare = [name for name in columns if name != "X"]
    undeclared = parse_definition({"slug": "parts"})
    frame = pl.DataFrame(columns, schema=dict.fromkeys(columns, pl.String))
    stream = ArrowRows(table_from_frame(undeclared, frame, bare=bare)).page(np.arange(3))
    read = pl.read_ipc_stream(BytesIO(stream))
    assert read.schema == {**dict.fromkeys(columns, pl.String), "D": pl.Decimal(38, 2), "B": pl.Boolean}
    assert read["D"].to_list() == [Decimal("1.50"), Decimal("-12345678901234567890.10"), None]
    assert read["B"].to_list() == [True, None, False]
    assert read.drop("D", "B").equals(frame.drop("D", "B"))


@pytest.mark.integration
def test_a_server_may_offer_less() -> None:
    smith = ApiSmith([table_from_frame(DEFINITION, FRAME)], wires=[Wire.JSON])
    with RunningServer(smith.app) as server, logged_in(server.url) as client:
        assert execute(client, f"{ARROW}, {JSON};q=0.1").headers["content-type"] == JSON
        assert execute(client, ARROW).status_code == 406

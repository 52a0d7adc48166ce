"""The fault switches: each can be set by a control call, and what is left to chance is the same for the same seed."""

from collections.abc import Iterator
from typing import get_args

import httpx
import pytest

from syncflow.sandbox.apismith.definition import parse_definition
from syncflow.sandbox.apismith.server import ApiSmith
from syncflow.sandbox.apismith.table import table_from_rows
from syncflow.sandbox.faults import Fault, FaultBoard, FaultKind
from syncflow.sandbox.running import RunningServer
from tests.sandbox.clients import logged_in

COLUMNS = [{"name": "ID", "data_type": "NUMBER(10)"}, {"name": "QTY", "data_type": "NUMBER(5)"}]
DEFINITION = {"slug": "parts", "name": "Parts", "columns": COLUMNS, "business_key_columns": ["ID"]}


@pytest.fixture
def url() -> Iterator[str]:
    rows: list[dict[str, object]] = [{"ID": str(number), "QTY": "1"} for number in range(50)]
    with RunningServer(ApiSmith([table_from_rows(parse_definition(DEFINITION), rows)]).app) as server:
        yield server.url


@pytest.fixture
def client(url: str) -> Iterator[httpx.Client]:
    with logged_in(url) as client:
        yield client


def page(client: httpx.Client, number: int) -> list[dict[str, str]]:
    body = {"page": number, "page_size": 10, "sort": {"field": "ID"}}
    rows: list[dict[str, str]] = client.post("/runtime/parts/execute", json=body).json()["data"]
    return rows


def switch(url: str, **fault: object) -> None:
    httpx.delete(f"{url}/control/faults")
    httpx.post(f"{url}/control/faults", json={"path": "parts", "times": None, **fault}).raise_for_status()


def hits(**options: object) -> list[int]:
    board = FaultBoard()
    board.add(Fault("reset", **options))  # type: ignore[arg-type]
    return [call for call in range(100) if board.take("GET", "/api/v1/apis")]


@pytest.mark.unit
def test_chance_is_the_same_for_the_same_seed() -> None:
    some = hits(chance=0.2, seed=1, times=None)
    assert 5 < len(some) < 45
    assert some == hits(chance=0.2, seed=1, times=None) != hits(chance=0.2, seed=2, times=None)
    assert hits(chance=0.2, seed=1, times=3) == some[:3]
    assert hits(chance=0.2, seed=1, times=3, skip=7) == [call + 7 for call in some[:3]]
    assert hits(times=2, skip=1) == [1, 2]


@pytest.mark.integration
def test_every_fault_can_be_set_by_a_control_call(url: str) -> None:
    for kind in get_args(FaultKind):
        fault = {"kind": kind, "path": "nobody", "chance": 0.5, "seed": 3}
        assert httpx.post(f"{url}/control/faults", json=fault).status_code == 200, kind
    told = httpx.get(f"{url}/control/faults").json()["faults"]
    assert [fault["kind"] for fault in told] == list(get_args(FaultKind))


@pytest.mark.integration
def test_pages_shift(client: httpx.Client, url: str) -> None:
    switch(url, kind="shift_rows", value=3)
    assert [row["ID"] for row in page(client, 1)] == [str(number) for number in range(10)]
    assert [row["ID"] for row in page(client, 2)] == [str(number) for number in range(7, 17)]
    switch(url, kind="shift_rows", value=-3)
    assert [row["ID"] for row in page(client, 2)] == [str(number) for number in range(13, 23)]


@pytest.mark.integration
def test_columns_drift_in_definition_and_pages(client: httpx.Client, url: str) -> None:
    def declared() -> dict[str, str]:
        columns = client.get("/apis/slug/parts").json()["columns"]
        return {column["name"]: column["data_type"] for column in columns}

    switch(url, kind="column_appears", field="COLOUR", value="red")
    assert declared() == {"ID": "NUMBER(10)", "QTY": "NUMBER(5)", "COLOUR": "VARCHAR2(40)"}
    assert page(client, 1)[0] == {"ID": "0", "QTY": "1", "COLOUR": "red"}
    switch(url, kind="column_vanishes", field="QTY")
    assert declared() == {"ID": "NUMBER(10)"}
    assert page(client, 2)[0] == {"ID": "10"}
    switch(url, kind="column_type", field="QTY", text="VARCHAR2(9)")
    assert declared() == {"ID": "NUMBER(10)", "QTY": "VARCHAR2(9)"}
    assert page(client, 1)[0] == {"ID": "0", "QTY": "1"}

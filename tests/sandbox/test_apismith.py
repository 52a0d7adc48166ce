"""The reference APISmith over HTTP: version 1 of the wire contract, and its fault switches."""

import json
import time
from collections.abc import Iterator
from datetime import timedelta
from functools import partial
from pathlib import Path

import httpx
import jwt
import polars as pl
import pytest

from syncflow.sandbox.apismith.definition import parse_definition
from syncflow.sandbox.apismith.server import ApiSmith
from syncflow.sandbox.apismith.table import table_from_frame
from syncflow.sandbox.errors import SandboxError
from syncflow.sandbox.faults import Fault
from syncflow.sandbox.running import RunningServer, ServerProcess
from syncflow.sandbox.servers import ApiSmithSettings, advance_day, apismith_app, make_apismith
from syncflow.sandbox.tokens import TokenOptions
from tests.sandbox.clients import logged_in

pytestmark = pytest.mark.integration

INTERNAL_SECRET = "an internal secret of 32 characters"
DEFINITION = {
    "slug": "parts",
    "name": "Parts",
    "connector_uid": "erp-1",
    "columns": [{"name": "ID", "data_type": "NUMBER(10)"}, {"name": "QTY", "data_type": "NUMBER"}],
    "business_key_columns": ["ID"],
}


@pytest.fixture
def smith() -> ApiSmith:
    frame = pl.DataFrame({"ID": range(100), "QTY": [f"{i}.10" for i in range(100)]})
    tokens = TokenOptions(service_token="static", internal_secret=INTERNAL_SECRET)
    return ApiSmith([table_from_frame(parse_definition(DEFINITION), frame, bare=["QTY"])], tokens=tokens)


@pytest.fixture
def url(smith: ApiSmith) -> Iterator[str]:
    with RunningServer(smith.app) as server:
        yield server.url


@pytest.fixture
def client(url: str) -> Iterator[httpx.Client]:
    with logged_in(url) as client:
        yield client


def execute(client: httpx.Client, **more: object) -> httpx.Response:
    return client.post("/runtime/parts/execute", json={"page": 1, "page_size": 10, "sort": {"field": "ID"}, **more})


def test_definitions(client: httpx.Client) -> None:
    assert client.get("/health").json() == {"status": "healthy", "service": "apismith", "version": "1.0.0"}
    assert client.get("/connectors").json()[0]["uid"] == "erp-1"
    assert client.get("/apis", params={"page": 1, "page_size": 1}).json() == {
        "items": [DEFINITION],
        "total": 1,
        "page": 1,
        "page_size": 1,
        "total_pages": 1,
    }
    assert client.get("/apis/slug/parts").json() == DEFINITION
    assert client.get("/apis/slug/unheard").status_code == 404
    assert client.get("/apis", params={"page": "x"}).status_code == 422


def test_pages_are_exact_and_complete(client: httpx.Client) -> None:
    page = execute(client, filters=[{"field": "ID", "operator": ">=", "value": "95"}])
    assert page.text.startswith('{"success":true,"data":[{"ID":"95","QTY":95.10},')
    assert (page.json()["metadata"]["total_rows"], len(page.json()["data"])) == (5, 5)
    seen = [row["ID"] for n in range(1, 12) for row in execute(client, page=n).json()["data"]]
    assert seen == [str(i) for i in range(100)]


def test_wrong_requests(client: httpx.Client) -> None:
    path = "/runtime/parts/execute"
    assert client.post(path, content=b"{}").status_code == 415
    assert client.post(path, content=b"{", headers={"Content-Type": "application/json"}).status_code == 400
    assert client.post("/runtime/unheard/execute", json={"page": 1, "page_size": 1}).status_code == 404
    assert execute(client, page_size=0).status_code == 422
    assert client.get("/nothing/here").json()["code"] == "unknown_call"


def test_tokens(url: str, smith: ApiSmith) -> None:
    def status(token: str) -> int:
        return httpx.get(f"{url}/api/v1/apis", headers={"Authorization": f"Bearer {token}"}).status_code

    login = httpx.post(f"{url}/api/v1/auth/login", json={"username": "syncflow", "password": "syncflow"}).json()
    claims = {"iss": "syncflow", "sub": "syncflow", "exp": int(time.time()) + 60}
    internal = jwt.encode(claims, INTERNAL_SECRET, "HS256")
    assert [status(t) for t in (login["access_token"], "static", internal)] == [200, 200, 200]
    others = [login["refresh_token"], "junk", jwt.encode(claims, "another secret of 32 characters..", "HS256")]
    assert [status(t) for t in others] == [401, 401, 401]
    smith.faults.add(Fault("expire_tokens", path="apis"))
    assert [status(t) for t in (login["access_token"], "static", internal)] == [401, 200, 401]
    again = httpx.post(f"{url}/api/v1/auth/refresh", json={"refresh_token": login["refresh_token"]}).json()
    assert status(again["access_token"]) == 200
    wrong = {"username": "syncflow", "password": "no"}
    assert httpx.post(f"{url}/api/v1/auth/login", json=wrong).status_code == 401
    assert smith.calls.snapshot()["calls"]["POST /api/v1/auth/login"] == 2  # type: ignore[index]


def test_tokens_expire() -> None:
    smith = ApiSmith(tokens=TokenOptions(lifetime=timedelta(seconds=1)))
    with RunningServer(smith.app) as server, logged_in(server.url) as client:
        time.sleep(1.1)
        assert client.get("/apis").json()["code"] == "token_expired"


def test_faults_of_any_call(client: httpx.Client, smith: ApiSmith) -> None:
    smith.faults.add(Fault("status", path="parts", status=429, retry_after="7", times=2))
    assert [execute(client).status_code for _ in range(3)] == [429, 429, 200]
    smith.faults.add(Fault("status", path="/api/v1/runtime/*", skip=1))
    assert [execute(client).status_code for _ in range(3)] == [200, 503, 200]
    smith.faults.add(Fault("html", path="parts"))
    assert execute(client).headers["content-type"].startswith("text/html")
    smith.faults.add(Fault("content_type", path="parts", text="text/plain"))
    assert execute(client).headers["content-type"] == "text/plain"
    smith.faults.add(Fault("not_success", path="parts"))
    assert execute(client).json()["success"] is False
    smith.faults.add(Fault("delay", path="parts", seconds=0.2), Fault("drip", path="parts", bytes=2000))
    started = time.monotonic()
    assert execute(client).json()["success"]
    assert time.monotonic() - started > 0.3
    smith.faults.add(Fault("truncate", path="parts", bytes=50))
    with pytest.raises(httpx.RemoteProtocolError):
        execute(client)
    smith.faults.add(Fault("reset", path="parts"))
    with pytest.raises(httpx.ReadError):
        execute(client)
    smith.faults.add(Fault("refuse_login"))
    body = {"username": "syncflow", "password": "syncflow"}
    assert [client.post("/auth/login", json=body).status_code for _ in range(2)] == [401, 200]


def test_faults_of_pages(client: httpx.Client, smith: ApiSmith) -> None:
    first = execute(client).json()["data"]
    smith.faults.add(Fault("repeat_page", path="parts"))
    assert execute(client, page=2).json()["data"] == first
    assert execute(client, page=2).json()["data"][0]["ID"] == "10"
    smith.faults.add(Fault("ignore_sort", path="parts", times=None))
    shuffled = [row["ID"] for n in range(1, 11) for row in execute(client, page=n).json()["data"]]
    assert shuffled != sorted(shuffled, key=int)
    assert sorted(shuffled, key=int) == [str(i) for i in range(100)]
    smith.faults.clear()
    smith.faults.add(Fault("empty", path="parts"))
    assert (execute(client).json()["data"], execute(client).json()["metadata"]["total_rows"]) == ([], 100)
    totals = []
    for text in ("missing", "changing", "changing", "7"):
        smith.faults.add(Fault("total_rows", path="parts", text=text))
        totals.append(execute(client).json()["metadata"].get("total_rows"))
    assert totals == [None, 101, 102, 7]


def test_control_calls(client: httpx.Client, url: str) -> None:
    fault = {"kind": "status", "path": "parts", "status": 500, "times": None}
    assert httpx.post(f"{url}/control/faults", json=fault).json()["faults"][0]["status"] == 500
    assert execute(client).status_code == 500
    assert httpx.delete(f"{url}/control/faults").json() == {"faults": []}
    assert httpx.post(f"{url}/control/faults", json={"kind": "earthquake"}).status_code == 422
    assert execute(client).status_code == 200
    counted = httpx.get(f"{url}/control/calls").json()
    assert counted["statuses"]["POST /api/v1/runtime/parts/execute 500"] == 1
    assert counted["calls"]["POST /api/v1/runtime/parts/execute"] == 2
    assert counted["max_concurrency"] == 1
    assert httpx.delete(f"{url}/control/calls").json()["calls"] == {}
    assert httpx.post(f"{url}/control/advance-day").status_code == 422


def test_rows_change_by_key(client: httpx.Client, url: str) -> None:
    body = '{"upserts": [{"ID": "5", "QTY": 1.0000000000000000000000000000000000001}, {"ID": "1000"},'
    body += ' {"ID": "1001", "QTY": "\\ud800"}], "deletes": [{"ID": 7}, {"ID": "8"}]}'
    assert httpx.post(f"{url}/control/rows/parts", content=body).json() == {"upserts": 3, "deletes": 2}
    text = execute(client, page_size=1000).text
    assert '{"ID":"5","QTY":1.0000000000000000000000000000000000001},{"ID":"6",' in text
    assert '{"ID":"1000"},{"ID":"1001","QTY":"\\ud800"}]' in text
    assert '"ID":"7"' not in text
    table = {"definition": {**DEFINITION, "columns": []}, "rows": [{"ID": 1, "NEW": {"a": [1]}}]}
    assert httpx.put(f"{url}/control/tables/parts", json=table).json() == {"rows": 1}
    assert execute(client).json()["data"] == [{"ID": 1, "NEW": {"a": [1]}}]


def test_the_built_in_erp_in_a_process_of_its_own() -> None:
    process = ServerProcess(partial(apismith_app, ApiSmithSettings(seed=3, rows=400)))
    with process as server, logged_in(server.url) as client:
        assert client.get("/apis").json()["total"] == 10
        assert advance_day(server.url)["work_orders"]["inserted"] > 0
        answer = client.post("/runtime/sales_orders/execute", json={"page": 1, "page_size": 100}).json()
        assert answer["metadata"]["total_rows"] == 102
    with pytest.raises(SandboxError, match="No sandbox APISmith answers"):
        advance_day(server.url)


def test_a_port_in_use_is_told_in_a_sentence(url: str) -> None:
    port = int(url.rpartition(":")[2])
    with pytest.raises(SandboxError, match=rf"Port {port} on 127.0.0.1 is in use: .*--port"):
        RunningServer(ApiSmith().app, port=port)


GOOD = {"definition": {"slug": "x", "columns": [{"name": n, "data_type": "VARCHAR2(9)"} for n in "AB"]}}


def test_a_folder_is_served_to_the_character(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_bytes('A,B\n"a ""q"" \r\n,\\",.0000\n,ی\n'.encode())
    (tmp_path / "x.json").write_text(json.dumps(GOOD))
    smith = make_apismith(ApiSmithSettings(data=tmp_path))
    with RunningServer(smith.app) as server, logged_in(server.url) as client:
        data = client.post("/runtime/x/execute", json={"page": 1, "page_size": 9}).json()["data"]
    assert data == [{"A": 'a "q" \r\n,\\', "B": ".0000"}, {"A": None, "B": "ی"}]


@pytest.mark.parametrize(
    ("csv", "definition", "told"),
    [
        (b"A,B\n1,2\n3\n", GOOD, r"x.csv, line 3: 1 fields, but the header names 2"),
        (b'A,B\n1,"2\n', GOOD, r"x.csv, line 2: this is not CSV"),
        (b"A,B\n1,\xff\n", GOOD, r"x.csv, line 2: the file is not UTF-8"),
        (b"A,C\n", GOOD, r"x.csv, line 1: the column C is not in the definition"),
        (b"A\n", GOOD, r"x.csv, line 1: the column B of the definition is missing"),
        (b"A,A\n", GOOD, r"the column A is named twice"),
        (b"", GOOD, r"the file is empty"),
        (b"A,B\n", {}, r"x.json: the file must hold"),
        (b"A,B\n", {"definition": {"slug": "y"}}, r"the slug is 'y'"),
        (b"A,B\n", {"definition": {"slug": "x", "columns": [{"name": "A"}]}}, r"needs a 'name' and a 'data_type'"),
    ],
)
def test_a_wrong_folder_is_told_with_file_and_line(tmp_path: Path, csv: bytes, definition: object, told: str) -> None:
    (tmp_path / "x.csv").write_bytes(csv)
    (tmp_path / "x.json").write_text(json.dumps(definition))
    with pytest.raises(SandboxError, match=told):
        make_apismith(ApiSmithSettings(data=tmp_path))


def test_a_folder_without_definitions_or_files(tmp_path: Path) -> None:
    with pytest.raises(SandboxError, match=r"holds no \.csv or \.parquet file"):
        make_apismith(ApiSmithSettings(data=tmp_path))
    (tmp_path / "x.csv").write_text("A\n")
    with pytest.raises(SandboxError, match=r"x.json is missing"):
        make_apismith(ApiSmithSettings(data=tmp_path))
    with pytest.raises(SandboxError, match="There is no data folder"):
        make_apismith(ApiSmithSettings(data=tmp_path / "nowhere"))

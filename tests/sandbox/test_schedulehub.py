"""The reference ScheduleHub over HTTP against a real PostgreSQL."""

import json
import time
from pathlib import Path
from uuid import UUID

import httpx
import psycopg
import pytest

from syncflow.sandbox.errors import SandboxError
from syncflow.sandbox.faults import Fault
from syncflow.sandbox.running import RunningServer
from syncflow.sandbox.schedulehub.server import ScheduleHub, ScheduleHubOptions
from tests.sandbox.clients import logged_in

pytestmark = pytest.mark.integration

COLUMNS = [
    {"name": "item_no", "type": "text", "nullable": False},
    {"name": "qty", "type": "numeric"},
    {"name": "pieces", "type": "integer"},
    {"name": "active", "type": "boolean"},
    {"name": "made_on", "type": "date"},
    {"name": "made_at", "type": "timestamp"},
    {"name": "seen_at", "type": "timestamptz"},
    {"name": "drawing", "type": "bytes"},
    {"name": "more", "type": "json"},
]
SITES = {"columns": [{"name": "site_code", "type": "text"}]}
ITEMS = {
    "columns": COLUMNS,
    "parent_refs": [{"name": "site", "entity": "sites"}, {"name": "container", "entity": "items"}],
}


@pytest.fixture
def client(hub_client: httpx.Client) -> httpx.Client:
    assert hub_client.put("/tables/sites", json=SITES).json()["created"]
    assert hub_client.put("/tables/items", json=ITEMS).json()["created"]
    return hub_client


def record(key: str, **members: object) -> dict[str, object]:
    return {"item_no": key, "erp_key_hash": key, "erp_data_hash": f"d{key}", "erp_ref_str": f"item_no={key}", **members}


def insert(client: httpx.Client, *records: dict[str, object], call: str = "insert") -> dict[str, object]:
    answer = client.post(f"/items/batch/{call}", json={"records": list(records)})
    assert answer.status_code == 200, answer.text
    return answer.json()


def find(client: httpx.Client, key: str) -> dict[str, object]:
    return client.get("/items", params={"erp_key_hash": key}).json()


def test_every_type_comes_back_as_it_was_sent(client: httpx.Client) -> None:
    body = (
        '{"item_no": "پیچ \\\\ \\"x\\"", "qty": 12345678901234567890.12345678901234567800, "pieces": 9007199254740993,'
        ' "active": true, "made_on": "2026-03-01", "made_at": "2026-03-01T10:00:00.123456",'
        ' "seen_at": "2026-03-01T10:00:00+03:30", "drawing": "00ff", "more": {"a": [1.10]},'
        ' "erp_key_hash": "k", "erp_data_hash": "d", "erp_rowversion": "7", "erp_ref_str": "item_no=k"}'
    )
    created = client.post("/items", content=body, headers={"Content-Type": "application/json"})
    assert created.status_code == 201, created.text
    text = client.get("/items", params={"erp_key_hash": "k"}).text
    assert '"qty":12345678901234567890.12345678901234567800' in text
    assert '"pieces":9007199254740993' in text
    found = json.loads(text)
    assert UUID(found["uid"]).version == 7
    assert (found["item_no"], found["drawing"], found["active"]) == ('پیچ \\ "x"', "00ff", True)
    assert found["seen_at"] == "2026-03-01T06:30:00+00:00"
    assert found["made_at"] == "2026-03-01T10:00:00.123456"
    assert (found["erp_rowversion"], found["deleted_at"], found["site_uid"]) == ("7", None, None)


def test_single_calls(client: httpx.Client) -> None:
    created = client.post("/items", json=record("a", qty="1.50")).json()
    assert client.post("/items", json=record("a")).status_code == 409
    changed = client.patch(f"/items/{created['uid']}", json={"qty": 2, "erp_data_hash": "new"})
    assert (changed.json()["qty"], changed.json()["erp_data_hash"]) == (2, "new")
    assert client.patch(f"/items/{UUID(int=1)}", json={"qty": 2}).status_code == 404
    assert client.delete(f"/items/{created['uid']}").json() == {"uid": created["uid"], "deleted": True}
    assert client.delete(f"/items/{created['uid']}").status_code == 404
    assert client.get("/items", params={"erp_key_hash": "a"}).status_code == 404
    orphan = client.post("/items", json=record("b", parent_refs={"site": "nowhere"}))
    assert (orphan.status_code, orphan.json()["code"], orphan.json()["ref"]) == (422, "parent_not_found", "site")


@pytest.mark.parametrize("call", ["insert", "upsert"])
def test_a_batch_succeeds_in_part(client: httpx.Client, call: str) -> None:
    bad = [
        record("nul", qty=1, item_no="a\0b"),
        record("number", qty="N/A"),
        record("fraction", pieces=1.5),
        record("date", made_on="2026-02-31"),
        record("naive", seen_at="2026-03-01T10:00:00"),
        record("column", colour="red"),
        record("null", item_no=None),
        record("orphan", parent_refs={"site": "nowhere"}),
        {"item_no": "no key"},
        record("far", made_at="2026-13-01T00:00:00"),
    ]
    answer = insert(client, record("good1"), *bad, record("good2"), call=call)
    assert (answer["success_count"], answer["failure_count"]) == (2, len(bad))
    assert [one["record"] for one in answer["failures"]] == bad
    codes = {one["record"].get("erp_key_hash"): one.get("code") for one in answer["failures"]}
    assert codes["orphan"] == "parent_not_found"
    assert codes["column"] == "unknown_column"
    assert find(client, "good2")["item_no"] == "good2"


def test_a_lone_surrogate_fails_its_record_alone(client: httpx.Client) -> None:
    body = json.dumps({"records": [record("good"), record("odd", item_no="x\ud800")]}).encode("ascii")
    answer = client.post("/items/batch/insert", content=body, headers={"Content-Type": "application/json"}).json()
    assert (answer["success_count"], answer["failures"][0]["record"]["erp_key_hash"]) == (1, "odd")
    assert "surrogate" in answer["failures"][0]["error"]


def test_known_and_repeated_keys(client: httpx.Client) -> None:
    insert(client, record("a", qty=1))
    answer = insert(client, record("a", qty=2), record("b"), record("b"))
    assert [one["code"] for one in answer["failures"]] == ["duplicate_key", "duplicate_key"]
    uid = find(client, "a")["uid"]
    answer = insert(client, record("a", qty=3), record("c", qty=1), record("c", qty=9), call="upsert")
    assert (answer["success_count"], answer["inserted_count"], answer["updated_count"]) == (3, 1, 2)
    assert (find(client, "a")["uid"], find(client, "a")["qty"], find(client, "c")["qty"]) == (uid, 3, 9)
    insert(client, record("a"), call="upsert")
    assert find(client, "a")["qty"] is None, "a record is whole: what it does not say is NULL"


def test_parents(client: httpx.Client) -> None:
    site = client.post("/sites", json={"site_code": "S1", "erp_key_hash": "s1"}).json()
    chain = [record("c0", parent_refs={"site": "s1"})]
    chain += [record(f"c{i}", parent_refs={"container": f"c{i - 1}", "site": None}) for i in range(1, 5)]
    assert insert(client, *chain)["success_count"] == 5
    assert find(client, "c0")["site_uid"] == site["uid"]
    assert find(client, "c4")["container_uid"] == find(client, "c3")["uid"]
    answer = insert(client, record("early", parent_refs={"container": "later"}), record("later"))
    assert [(one["code"], one["ref"]) for one in answer["failures"]] == [("parent_not_found", "container")]
    refused = client.delete(f"/sites/{site['uid']}")
    assert (refused.status_code, refused.json()["code"]) == (409, "has_children")
    uids = [find(client, f"c{i}")["uid"] for i in range(5)]
    answer = client.post("/items/batch/delete", json={"uids": uids[:2]}).json()
    assert {one["uid"]: one["code"] for one in answer["failures"]} == dict.fromkeys(uids[:2], "has_children")
    assert client.post("/items/batch/delete", json={"uids": uids}).json()["failure_count"] == 0
    assert client.delete(f"/sites/{site['uid']}").status_code == 200


def test_updates(client: httpx.Client) -> None:
    insert(client, record("a", qty=1, pieces=5), record("b"))
    a, b = find(client, "a")["uid"], find(client, "b")["uid"]
    updates = [
        {"uid": a, "data": {"qty": "2.50", "parent_refs": {"container": "b"}}},
        {"uid": b, "data": {"qty": "oops"}},
        {"uid": str(UUID(int=5)), "data": {"qty": 1}},
        {"uid": a, "data": {"qty": 3}},
        {"uid": b, "data": {"erp_key_hash": "a"}},
        {"uid": b, "data": {"parent_refs": {"site": "nowhere"}}},
    ]
    answer = client.post("/items/batch/update", json={"updates": updates}).json()
    codes = [(one["uid"], one["code"]) for one in answer["failures"]]
    expected = [(b, "value"), (str(UUID(int=5)), "not_found"), (b, "duplicate_key"), (b, "parent_not_found")]
    assert (codes, answer["success_count"]) == (expected, 2)
    found = find(client, "a")
    assert (found["qty"], found["pieces"], found["container_uid"]) == (3, 5, b)


def test_soft_deletion_frees_a_parent(client: httpx.Client) -> None:
    insert(client, record("p"), record("c", parent_refs={"container": "p"}))
    parent, child = find(client, "p")["uid"], find(client, "c")["uid"]
    gone = {"uid": child, "data": {"deleted_at": "2026-03-01T10:00:00Z"}}
    assert client.post("/items/batch/update", json={"updates": [gone]}).json()["failure_count"] == 0
    lines = [json.loads(line) for line in client.get("/items/identities").text.splitlines()]
    assert {line["erp_key_hash"]: "deleted_at" in line for line in lines} == {"p": False, "c": True}
    assert client.delete(f"/items/{parent}").status_code == 200
    assert find(client, "c")["container_uid"] is None
    client.patch(f"/items/{child}", json={"deleted_at": None})
    assert find(client, "c")["deleted_at"] is None


def test_tables_widen_and_never_narrow(client: httpx.Client) -> None:
    wider = {"columns": [{"name": "note", "type": "text"}], "parent_refs": [{"name": "owner", "entity": "sites"}]}
    assert client.put("/tables/items", json=wider).json() == {
        "entity": "items",
        "created": False,
        "added": ["note", "owner_uid"],
    }
    assert client.put("/tables/items", json=ITEMS).json()["added"] == []
    other = {"columns": [{"name": "qty", "type": "text"}]}
    assert client.put("/tables/items", json=other).status_code == 409
    assert insert(client, record("a", note="n", qty=1))["success_count"] == 1
    for wrong in (
        {"columns": [{"name": "uid", "type": "text"}]},
        {"columns": [{"name": "x", "type": "money"}]},
        {"columns": [{"name": "x", "type": "text"}] * 2},
    ):
        assert client.put("/tables/others", json=wrong).status_code == 422


def test_envelopes_are_checked(client: httpx.Client) -> None:
    assert client.post("/items/batch/insert", json={"records": [], "mode": "x"}).status_code == 400
    assert (
        client.post("/items/batch/insert", content=b"{", headers={"Content-Type": "application/json"}).status_code
        == 400
    )
    assert client.post("/items/batch/insert", content=b'{"records":[]}').status_code == 415
    assert client.post("/items/batch/query", json={"erp_key_hashes": ["x"] * 10_001}).status_code == 413
    assert client.post("/unheard_of/batch/insert", json={"records": []}).json()["code"] == "unknown_entity"
    assert (
        client.post("/items/batch/query", json={"erp_key_hashes": []}, headers={"Authorization": "x"}).status_code
        == 401
    )
    assert client.post("/items/batch/query", json={"erp_key_hashes": ["a\0b"]}).json() == []


def test_faults_of_writes(client: httpx.Client, hub: ScheduleHub) -> None:
    hub.faults.add(Fault("reject", path="items", field="qty", value=7, error="No sevens.", code="rule", times=None))
    answer = insert(client, record("a", qty=7), record("b", qty=8))
    assert [(one["error"], one["code"], one["record"]["erp_key_hash"]) for one in answer["failures"]] == [
        ("No sevens.", "rule", "a")
    ]
    hub.faults.clear()
    hub.faults.add(Fault("fail_request", field="qty", value=13, status=500, times=None))
    assert client.post("/items/batch/insert", json={"records": [record("c", qty=13)]}).status_code == 500
    assert client.post("/items/batch/insert", json={"records": [record("d", qty=12)]}).status_code == 200
    hub.faults.clear()
    hub.faults.add(Fault("too_large", bytes=100))
    assert client.post("/items/batch/insert", json={"records": [record("e")] * 9}).status_code == 413
    hub.faults.add(Fault("timeout_after_apply", path="insert", seconds=0.2))
    with pytest.raises(httpx.TransportError):
        insert(client, record("applied"))
    assert find(client, "applied")["item_no"] == "applied"


def test_version_1_alone(postgres_url: str, schema: str, tmp_path: Path) -> None:
    tables = tmp_path / "tables.json"
    tables.write_text(json.dumps({"items": ITEMS, "sites": SITES}))
    hub = ScheduleHub(postgres_url, schema, options=ScheduleHubOptions(capabilities=(), tables_file=tables))
    with RunningServer(hub.app) as server, logged_in(server.url) as client:
        assert client.get("/health").json()["capabilities"] == []
        assert client.put("/tables/sites", json=SITES).status_code == 404
        assert client.get("/items/identities").status_code == 404
        assert client.post("/items/batch/upsert", json={"records": []}).status_code == 404
        assert insert(client, record("a"))["success_count"] == 1


def test_ten_thousand_records_in_well_under_a_second(client: httpx.Client, postgres_url: str, schema: str) -> None:
    client.post("/sites", json={"site_code": "S1", "erp_key_hash": "s1"})
    rows = [
        record(f"{i:032x}", qty=f"{i}.25", pieces=i, made_at="2026-03-01T10:00:00", parent_refs={"site": "s1"})
        for i in range(10_000)
    ]
    started = time.perf_counter()
    assert insert(client, *rows)["success_count"] == 10_000
    assert time.perf_counter() - started < 2.0
    assert len(client.get("/items/identities").text.splitlines()) == 10_000
    assert (
        len(client.post("/items/batch/query", json={"erp_key_hashes": [r["erp_key_hash"] for r in rows]}).json())
        == 10_000
    )
    with psycopg.connect(postgres_url) as db:
        row = db.execute(f"SELECT count(DISTINCT _bridge_uid), count(site_uid) FROM {schema}.items").fetchone()
        assert row == (10_000, 10_000)


def test_no_database_is_told_in_a_sentence() -> None:
    with pytest.raises(SandboxError, match=r"cannot be reached.*--database-url"):
        ScheduleHub("postgresql://nobody@127.0.0.1:1/none")

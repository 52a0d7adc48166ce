"""The reference ScheduleHub's capability `arrow`: the same as in JSON, in columns."""

import io
import uuid

import httpx
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from syncflow.sandbox.running import RunningServer
from syncflow.sandbox.schedulehub.server import ScheduleHub, ScheduleHubOptions
from tests.sandbox.clients import logged_in

pytestmark = pytest.mark.integration

STREAM = "application/vnd.apache.arrow.stream"
TYPES = ("text", "numeric", "integer", "boolean", "date", "timestamp", "timestamptz", "bytes", "json")
NAMES = tuple(f"a_{kind}" for kind in TYPES)
COLUMNS = {"columns": [{"name": name, "type": kind} for name, kind in zip(NAMES, TYPES, strict=True)]}
HOSTILE = (
    "", " ", "1", "-0", "1e3", "1E-130", "9" * 38, "9" * 400, "9007199254740993", "0x10", "NaN", "Infinity", "true",
    "2026-02-28", "2026-02-31", "2026-03-01T10:00:00", "2026-03-01T10:00:00.1234567", "2026-03-01T10:00:00+03:30",
    "00ff", "0G",
    '{"a":[1.10]}', "{", "a\0b", "پیچ", "\u2028", "infinity", "now", "epoch", "1_000", "١٢", "\\N", '"', ",", "\n",
)  # fmt: skip
VALUES = st.sampled_from(HOSTILE) | st.text(max_size=5) | st.none()
RECORDS = st.lists(st.tuples(*(VALUES for _ in TYPES)), min_size=1, max_size=8)


def stream(frame: pl.DataFrame) -> bytes:
    sink = io.BytesIO()
    frame.write_ipc_stream(sink)
    return sink.getvalue()


def post(client: httpx.Client, path: str, frame: pl.DataFrame) -> httpx.Response:
    headers = {"Content-Type": STREAM, "Accept": STREAM}
    return client.post(path, content=stream(frame), headers=headers)


@pytest.fixture
def client(hub_client: httpx.Client) -> httpx.Client:
    hub_client.put("/tables/in_json", json=COLUMNS)
    hub_client.put("/tables/in_arrow", json=COLUMNS)
    return hub_client


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(records=RECORDS)
def test_a_batch_fares_alike_in_both_forms(client: httpx.Client, records: list[tuple[str | None, ...]]) -> None:
    whole = [
        {"erp_key_hash": uuid.uuid4().hex, "erp_data_hash": "d", **dict(zip(NAMES, record, strict=True))}
        for record in records
    ]
    told = client.post("/in_json/batch/insert", json={"records": whole})
    assert told.status_code == 200, told.text
    failures = [(one["record"]["erp_key_hash"], one["error"], one.get("code")) for one in told.json()["failures"]]
    answer = post(client, "/in_arrow/batch/insert", pl.DataFrame(whole, schema=dict.fromkeys(whole[0], pl.String)))
    assert answer.status_code == 200, answer.text
    failed = pl.read_ipc_stream(answer.content)
    assert failed.select("erp_key_hash", "error", "code").rows() == failures
    assert int(answer.headers["X-Success-Count"]) == told.json()["success_count"] == len(whole) - len(failures)
    query = {"erp_key_hashes": [record["erp_key_hash"] for record in whole]}
    stored = [client.post(f"/{table}/batch/query", json=query).json() for table in ("in_json", "in_arrow")]
    first, second = ({one["erp_key_hash"]: values(one) for one in found} for found in stored)
    assert first == second


def values(record: dict[str, object]) -> dict[str, object]:
    return {name: record[name] for name in NAMES}


def test_updates_deletions_and_identities(client: httpx.Client) -> None:
    keys = [f"k{n}" for n in range(5)]
    records = pl.DataFrame({"erp_key_hash": keys, "erp_data_hash": "d", "a_text": "old"})
    assert post(client, "/in_arrow/batch/upsert", records).headers["X-Inserted-Count"] == "5"
    again = post(client, "/in_arrow/batch/insert", records[:2])
    assert (again.headers["X-Success-Count"], again.headers["X-Failure-Count"]) == ("0", "2")
    assert pl.read_ipc_stream(again.content).select("position", "code").rows() == [
        (0, "duplicate_key"),
        (1, "duplicate_key"),
    ]
    found = pl.read_ipc_stream(post(client, "/in_arrow/batch/query", pl.DataFrame({"erp_key_hash": keys[:3]})).content)
    changes = found.select("uid", data=pl.struct(a_text=pl.lit("new")))
    assert post(client, "/in_arrow/batch/update", changes).headers["X-Success-Count"] == "3"
    assert post(client, "/in_arrow/batch/delete", found.select("uid")[:1]).headers["X-Success-Count"] == "1"
    listed = pl.read_ipc_stream(client.get("/in_arrow/identities", headers={"Accept": STREAM}).content)
    assert sorted(listed["erp_key_hash"]) == sorted(set(keys) - {found["erp_key_hash"][0]})
    left = client.post("/in_arrow/batch/query", json={"erp_key_hashes": keys}).json()
    assert sorted(one["a_text"] for one in left) == ["new", "new", "old", "old"]


@pytest.mark.parametrize(
    ("frame", "cut", "said"),
    [
        (pl.DataFrame({"erp_key_hash": ["k"]}), 8, "end is missing"),
        (pl.DataFrame({"other": ["k"]}), 0, "these columns and no others: erp_key_hash"),
        (pl.DataFrame({"erp_key_hash": [1]}), 0, "must be text without nulls"),
    ],
)
def test_streams_are_checked(client: httpx.Client, frame: pl.DataFrame, cut: int, said: str) -> None:
    body = stream(frame)[: -cut or None]
    answer = client.post("/in_arrow/batch/query", content=body, headers={"Content-Type": STREAM})
    assert answer.status_code in {400, 422}
    assert said in answer.text


def test_where_it_is_not_offered_a_stream_is_an_unsupported_media_type(postgres_url: str, schema: str) -> None:
    hub = ScheduleHub(postgres_url, schema, options=ScheduleHubOptions(("tables", "upsert")))
    with RunningServer(hub.app) as server, logged_in(server.url) as client:
        client.put("/tables/in_arrow", json=COLUMNS)
        answer = post(client, "/in_arrow/batch/insert", pl.DataFrame({"erp_key_hash": ["k"]}))
        assert answer.status_code in {406, 415}

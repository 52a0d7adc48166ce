"""ScheduleHub over HTTP, against the sandbox's server: version 1 alone, and with its capabilities."""

import json
from collections.abc import Iterator
from contextlib import contextmanager

import polars as pl
import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncflow.chunk import DATA, KEY, ROW, ROWVERSION, UID, Operation
from syncflow.connectors import schedulehub_wire as wire
from syncflow.connectors.auth import Credentials
from syncflow.connectors.exchange import Timeouts
from syncflow.connectors.registry import Endpoint, open_target
from syncflow.connectors.retrying import RetryPolicy
from syncflow.connectors.schedulehub import ScheduleHub as Target
from syncflow.errors import ConfigurationError, RetriableError
from syncflow.identities import Known, hexadecimal, words
from syncflow.model import DriftMode, TargetColumn, TargetTable
from syncflow.protocols import FOUND_SCHEMA, OUTCOME_SCHEMA, WriteState
from syncflow.sandbox.faults import Fault
from syncflow.sandbox.running import RunningServer
from syncflow.sandbox.schedulehub.server import CAPABILITIES, ScheduleHub, ScheduleHubOptions
from tests.connectors.rows import chunk, key_of, states

pytestmark = pytest.mark.integration

Session = psycopg.Connection[tuple[object, ...]]
THINGS = TargetTable(
    "things",
    (
        TargetColumn("id", "text"),
        TargetColumn("state", "integer"),
        TargetColumn("amount", "numeric"),
        TargetColumn("flag", "boolean"),
        TargetColumn("seen", "timestamp"),
        TargetColumn("at", "timestamptz"),
        TargetColumn("raw", "bytes"),
    ),
)
PARTS = TargetTable("parts", (TargetColumn("id", "text"), TargetColumn("up", "text")), (("parent", "parts"),))


@pytest.fixture
def server(postgres_url: str, schema: str) -> ScheduleHub:
    return ScheduleHub(postgres_url, schema)


@contextmanager
def running(hub: ScheduleHub, max_batch_size: int = 10_000, seconds: float = 10) -> Iterator[Target]:
    with RunningServer(hub.app) as server:
        endpoint = Endpoint(
            server.url,
            Credentials(username="syncflow", password="syncflow"),
            Timeouts(exchange=seconds),
            RetryPolicy(attempts=3, wait_initial=0.01),
            max_batch_size=max_batch_size,
        )
        target = open_target(endpoint)
        assert isinstance(target, Target)
        yield target
        target.close()


@pytest.fixture(params=[(), tuple(name for name in CAPABILITIES if name != "arrow"), CAPABILITIES, ("arrow",)], ids=str)
def each(request: pytest.FixtureRequest, postgres_url: str, schema: str) -> ScheduleHub:
    """Version 1 alone, with the capabilities in JSON, with all of them, with Arrow and inserts and updates apart."""
    hub = ScheduleHub(postgres_url, schema, options=ScheduleHubOptions(request.param))
    for table in (THINGS, PARTS):
        hub.hub.put_table(
            table.entity,
            {
                "columns": [{"name": c.name, "type": c.type} for c in table.columns],
                "parent_refs": [{"name": n, "entity": e} for n, e in table.parents],
            },
        )
    return hub


def calls(hub: ScheduleHub, batch: str) -> int:
    counted = hub.calls.snapshot()["calls"]
    assert isinstance(counted, dict)
    return sum(count for name, count in counted.items() if name.startswith(f"POST /api/v1/things/batch/{batch}"))


def one(connection: Session, statement: str) -> object:
    row = connection.execute(statement.encode()).fetchone()
    return row and row[0]


def test_values_arrive_exactly(each: ScheduleHub, connection: Session) -> None:
    rows = [
        {
            "id": 'a "b" \\ \n\t\u2028 علی 😀',
            "state": "-99999999999999999999999999999999999999",
            "amount": "-12345678901234567890123456789012.345678",
            "flag": "false",
            "seen": "2021-03-28T02:30:00.123456789",
            "at": "2021-03-28T02:30:00.9999999Z",
            "raw": "00ff",
            "rv": "7",
        },
        {"id": "empty"},
    ]
    with running(each) as target:
        assert target.prepare(THINGS, DriftMode.EVOLVE) == ()
        outcomes = target.write(THINGS, chunk(THINGS, *rows))
        assert outcomes.schema == OUTCOME_SCHEMA
        assert states(outcomes) == [WriteState.DONE] * 2
        found = target.find(THINGS, pl.Series([key_of(str(rows[0]["id"])), key_of("nobody")]))
        assert found.schema == FOUND_SCHEMA
        assert found[ROWVERSION].to_list() == ["7"]
        assert target.lists_identities == (each.hub is not None and "identities" in target.capabilities)
        if target.lists_identities:
            listed = Known.sorted(target.identities(THINGS, with_rowversion=True))
            sent = chunk(THINGS, *rows)
            places = listed.places(words(sent[KEY], 2))
            assert hexadecimal(listed.data[places]).to_list() == sent[DATA].to_list()
            assert listed.rowversion is not None
            assert listed.rowversion.gather(places).to_list() == ["7", None]
    stored = connection.execute(
        b"SELECT id, state::text, amount::text, flag, seen::text, at::text, raw FROM things ORDER BY _bridge_uid"
    ).fetchall()
    assert stored == [
        (
            rows[0]["id"],
            rows[0]["state"],
            rows[0]["amount"],
            False,
            "2021-03-28 02:30:00.123456",
            "2021-03-28 02:30:00.999999+00",
            b"\x00\xff",
        ),
        ("empty", *[None] * 6),
    ]


def test_inserts_updates_and_deletions(each: ScheduleHub, connection: Session) -> None:
    with running(each, max_batch_size=2) as target:
        target.write(THINGS, chunk(THINGS, *({"id": str(n)} for n in range(5))))
        changed = chunk(THINGS, {"id": "0", "amount": "7"}, {"id": "3", "amount": "8"}, operation=Operation.UPDATE)
        assert states(target.write(THINGS, changed)) == [WriteState.DONE] * 2
        assert one(connection, "SELECT string_agg(amount::text, ' ' ORDER BY id) FROM things") == "7 8"
        uid = target.find(THINGS, pl.Series([key_of("1")]))[UID][0]
        doomed = pl.DataFrame({KEY: [key_of("0"), key_of("1"), key_of("never")], UID: [None, uid, None]})
        assert target.delete(THINGS, doomed, soft=True)["state"].to_list() == ["deleted"] * 3
        assert target.find(THINGS, doomed[KEY]).is_empty()
        assert states(target.write(THINGS, chunk(THINGS, {"id": "0"}, {"id": "new"}))) == [WriteState.DONE] * 2
        assert target.find(THINGS, pl.Series([key_of("0")])).height == 1
        assert target.delete(THINGS, doomed, soft=False)["state"].to_list() == ["deleted"] * 3
    assert (
        one(connection, "SELECT string_agg(id, ' ' ORDER BY id) FROM things WHERE _bridge_deleted_at IS NULL")
        == "2 3 4 new"
    )


def test_version_1_tells_of_known_and_unknown_keys(postgres_url: str, schema: str, connection: Session) -> None:
    hub = ScheduleHub(postgres_url, schema, options=ScheduleHubOptions(()))
    hub.hub.put_table("things", {"columns": [{"name": c.name, "type": c.type} for c in THINGS.columns]})
    connection.execute(b"ALTER TABLE things ADD UNIQUE (amount)")
    with running(hub) as target:
        target.write(THINGS, chunk(THINGS, {"id": "a", "amount": "1"}))
        again = target.write(THINGS, chunk(THINGS, {"id": "a"}, {"id": "b"}, {"id": "c", "amount": "1"}))
        assert states(again) == [WriteState.KEY_EXISTS, WriteState.DONE, WriteState.REJECTED]
        gone = target.write(THINGS, chunk(THINGS, {"id": "a"}, {"id": "x"}, operation=Operation.UPDATE))
        assert states(gone) == [WriteState.DONE, WriteState.KEY_GONE]


def test_children_come_after_their_parents_and_rings_wait(each: ScheduleHub) -> None:
    rows = [{"id": str(n), "up": str(n + 1) if n < 5 else None} for n in range(6)]
    ring = [{"id": "x", "up": "y"}, {"id": "y", "up": "x"}, {"id": "s", "up": "s"}, {"id": "o", "up": "nobody"}]
    with running(each, max_batch_size=3) as target:
        outcomes = target.write(PARTS, chunk(PARTS, *rows, *ring, parents={"parent": "up"}))
        assert states(outcomes) == [WriteState.DONE] * 6 + [WriteState.PARENT_MISSING] * 4
        assert outcomes["field"].to_list()[6:] == ["parent"] * 4
        parent = pl.DataFrame({KEY: [key_of("1")], UID: [None]}, schema={KEY: pl.String, UID: pl.String})
        told = target.delete(PARTS, parent, soft=False)
        assert told["state"].to_list() == ["refused"]
        assert "refer to" in told["message"][0]


def test_exactly_the_rejected_and_the_poison_rows_fail(each: ScheduleHub, connection: Session) -> None:
    each.faults.add(
        Fault("reject", times=None, field="id", value="13", error="not this one", code="rule"),
        Fault("fail_request", times=None, field="id", value="40", status=500),
        Fault("fail_request", times=None, field="id", value="77", status=422),
        Fault("too_large", times=1, bytes=1000),
    )
    with running(each) as target:
        outcomes = target.write(THINGS, chunk(THINGS, *({"id": str(n)} for n in range(100))))
    failed = outcomes.filter(pl.col("state") != WriteState.DONE).select(ROW, "state", "error_type", "temporary")
    assert failed.rows() == [
        (13, "rejected", "rule", False),
        (40, "rejected", "status_500", True),
        (77, "rejected", "status_422", False),
    ]
    assert one(connection, "SELECT count(*) FROM things") == 97


def test_a_write_without_an_answer_is_in_doubt_and_an_upsert_is_sent_again(
    each: ScheduleHub, connection: Session
) -> None:
    each.faults.add(Fault("timeout_after_apply", path="things", method="POST", skip=0, seconds=3))
    with running(each, max_batch_size=2, seconds=1) as target:
        upsert = "upsert" in target.capabilities
        outcomes = target.write(THINGS, chunk(THINGS, *({"id": str(n)} for n in range(4))))
        found = target.find(THINGS, pl.Series([key_of(str(n)) for n in range(4)]))
    expected = WriteState.DONE if upsert else WriteState.UNKNOWN
    assert states(outcomes) == [expected] * 2 + [WriteState.DONE] * 2
    assert found.height == 4
    assert calls(each, "upsert" if upsert else "insert") == 2 + upsert


@pytest.mark.parametrize(
    "fault",
    [
        Fault("html", path="/api/v1/things/batch/insert"),
        Fault("truncate", path="/api/v1/things/batch/insert", bytes=10),
    ],
)
def test_an_unreadable_answer_is_no_answer(postgres_url: str, schema: str, fault: Fault) -> None:
    hub = ScheduleHub(postgres_url, schema, options=ScheduleHubOptions(()))
    hub.hub.put_table("things", {"columns": [{"name": c.name, "type": c.type} for c in THINGS.columns]})
    hub.faults.add(fault)
    with running(hub) as target:
        assert states(target.write(THINGS, chunk(THINGS, {"id": "a"}))) == [WriteState.UNKNOWN]


def test_a_server_that_only_fails_is_not_halved_to_the_end(each: ScheduleHub, connection: Session) -> None:
    rows = chunk(THINGS, *({"id": str(n)} for n in range(2000)))
    failing = Fault("fail_request", path="things", method="POST", times=32, status=500)
    with running(each) as target:
        each.faults.add(failing)
        assert states(target.write(THINGS, rows[:3])) == [WriteState.REJECTED] * 3
        each.faults.clear()
        each.faults.add(failing)
        assert set(states(target.write(THINGS, rows))) == {WriteState.DONE}
        each.faults.add(Fault("fail_request", path="things", method="POST", times=None, status=500))
        each.calls.reset()
        with pytest.raises(RetriableError, match="answered 500"):
            target.write(THINGS, rows)
    assert one(connection, "SELECT count(*) FROM things") == 2000
    assert calls(each, "") < 50


def test_busy_and_expired_tokens_pass_by_themselves(each: ScheduleHub) -> None:
    each.faults.add(
        Fault("status", path="things", status=429, retry_after="0"),
        Fault("expire_tokens", path="things", text="refresh", skip=1),
        Fault("status", path="things", status=503, retry_after="0", skip=2),
    )
    with running(each) as target:
        assert states(target.write(THINGS, chunk(THINGS, {"id": "a"}))) == [WriteState.DONE]


@pytest.mark.parametrize("fault", [Fault("truncate", bytes=200), Fault("html"), Fault("reset")])
def test_a_stream_of_identities_is_whole_or_an_error(server: ScheduleHub, fault: Fault) -> None:
    with running(server) as target:
        assert target.prepare(THINGS, DriftMode.FREEZE) == ("ScheduleHub made the table things.",)
        target.write(THINGS, chunk(THINGS, *({"id": str(n)} for n in range(100))))
        path = "/api/v1/things/identities"
        server.faults.add(Fault(fault.kind, path=path, bytes=fault.bytes))
        if fault.kind != "html":
            assert sum(map(len, target.identities(THINGS, with_rowversion=False))) == 100
        server.faults.add(Fault(fault.kind, path=path, bytes=fault.bytes, times=None))
        with pytest.raises(RetriableError):
            list(target.identities(THINGS, with_rowversion=False))


def test_a_missing_or_another_table_is_a_configuration_error(
    server: ScheduleHub, postgres_url: str, schema: str
) -> None:
    with running(server) as target:
        target.prepare(TargetTable("things", (TargetColumn("amount", "text"),)), DriftMode.EVOLVE)
        with pytest.raises(ConfigurationError, match=r"cannot take the columns of things: .*amount"):
            target.prepare(TargetTable("things", (TargetColumn("amount", "numeric"),)), DriftMode.EVOLVE)
        with pytest.raises(ConfigurationError, match="ScheduleHub's own"):
            target.prepare(TargetTable("things", (TargetColumn("uid", "text"),)), DriftMode.EVOLVE)
        with pytest.raises(ConfigurationError, match="has no table nothing"):
            target.write(TargetTable("nothing", (TargetColumn("id", "text"),)), chunk(THINGS, {"id": "1"}))
    version_1 = ScheduleHub(postgres_url, schema, options=ScheduleHubOptions(()))
    with (
        running(version_1) as target,
        pytest.raises(ConfigurationError, match=r"has no table nothing\. Create it there"),
    ):
        target.prepare(TargetTable("nothing", ()), DriftMode.EVOLVE)


@given(st.lists(st.tuples(st.text(), st.none() | st.text(max_size=5)), min_size=1, max_size=5))
def test_bodies_are_json_for_any_text(rows: list[tuple[str, str | None]]) -> None:
    table = TargetTable("t", (TargetColumn('na"me', "text"), TargetColumn("flag", "boolean")), (("up", "t"),))
    frame = chunk(PARTS, *({"id": text, "up": other} for text, other in rows), parents={"parent": "up"})
    frame = frame.rename({"id": 'na"me', "@parent:parent": "@parent:up", "up": "flag"})
    sent = json.loads(wire.records(table, frame).as_json())["records"]
    assert [record['na"me'] for record in sent] == [text for text, _ in rows]
    assert [record["parent_refs"]["up"] for record in sent] == frame["@parent:up"].to_list()
    assert [record["flag"] for record in sent] == [None if other is None else other == "true" for _, other in rows]

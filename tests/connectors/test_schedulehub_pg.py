"""ScheduleHub's database as a target, against a real PostgreSQL."""

from urllib.parse import urlsplit

import polars as pl
import psycopg
import pytest

from syncflow.chunk import DATA, KEY, ROWVERSION, UID, Operation
from syncflow.connectors.postgres import Database
from syncflow.connectors.retrying import Retrier, RetryPolicy
from syncflow.connectors.schedulehub_pg import ScheduleHubPostgres
from syncflow.errors import ConfigurationError, RetriableError
from syncflow.identities import Known, hexadecimal, words
from syncflow.model import ChildRef, DriftMode, TargetColumn, TargetTable
from syncflow.protocols import FOUND_SCHEMA, OUTCOME_SCHEMA, WriteState
from tests.connectors.lossy_proxy import LossyProxy, socket_path
from tests.connectors.rows import chunk, key_of, states

pytestmark = pytest.mark.integration

Session = psycopg.Connection[tuple[object, ...]]
KINDS = ("text", "integer", "numeric", "boolean", "timestamp", "timestamptz", "bytes")
THINGS = TargetTable(
    "things",
    (TargetColumn("id", "text"), *(TargetColumn(f"a_{kind}", kind) for kind in KINDS), TargetColumn("SIZE", "text")),
)
PARTS = TargetTable("parts", (TargetColumn("id", "text"), TargetColumn("up", "text")), (("parent", "parts"),))
SITES = TargetTable("sites", (TargetColumn("id", "text"),), children=(ChildRef("areas", "site"),))
AREAS = TargetTable("areas", (TargetColumn("id", "text"), TargetColumn("of", "text")), (("site", "sites"),))


def with_columns(**types: str) -> TargetTable:
    return TargetTable("things", tuple(TargetColumn(name, type_) for name, type_ in types.items()))


def ready(hub: ScheduleHubPostgres, table: TargetTable) -> None:
    """With its indexes, as a table that is not loaded for the first time."""
    hub.prepare(table, DriftMode.EVOLVE)
    hub.finish_load(table)


def one(connection: Session, statement: str) -> object:
    row = connection.execute(statement.encode()).fetchone()
    assert row is not None
    return row[0]


def test_values_arrive_exactly(hub: ScheduleHubPostgres, connection: Session) -> None:
    assert len(hub.prepare(THINGS, DriftMode.FREEZE)) == 1
    assert hub.prepare(THINGS, DriftMode.FREEZE) == ()
    rows = [
        {
            "id": "1",
            "a_text": "a \"quoted\", \\N \\. علی\n\\.\nnext, 'line'",
            "a_integer": "-9223372036854775808",
            "a_numeric": "-12345678901234567890123456789012.345678",
            "a_boolean": "true",
            "a_timestamp": "2021-03-28T02:30:00.123456789",
            "a_timestamptz": "2021-03-28T02:30:00.999999999Z",
            "a_bytes": "00ff",
            "SIZE": "\\.",
            "rv": "a\tb\\n\nc",
        },
        {"id": "2"},
        {"id": "", "a_text": "\u2028\x7f"},
    ]
    outcomes = hub.write(THINGS, chunk(THINGS, *rows))
    assert outcomes.schema == OUTCOME_SCHEMA
    assert states(outcomes) == [WriteState.DONE] * 3
    found = connection.execute(
        b"SELECT id, a_text, a_integer, a_numeric::text, a_boolean, a_timestamp::text, "
        b'a_timestamptz::text, a_bytes, "SIZE", _bridge_erp_ref_str FROM things ORDER BY _bridge_uid'
    ).fetchall()
    assert found[0] == (
        "1",
        rows[0]["a_text"],
        -(2**63),
        rows[0]["a_numeric"],
        True,
        "2021-03-28 02:30:00.123456",
        "2021-03-28 02:30:00.999999+00",
        b"\x00\xff",
        "\\.",
        "id=1",
    )
    assert found[1] == ("2", *[None] * 8, "id=2")
    assert found[2][:2] == ("", "\u2028\x7f")
    looked_up = hub.find(THINGS, pl.Series([key_of("1"), key_of("nobody")]))
    assert looked_up.schema == FOUND_SCHEMA
    assert looked_up[ROWVERSION].to_list() == ["a\tb\\n\nc"]
    assert looked_up[UID].to_list() == [str(one(connection, "SELECT _bridge_uid FROM things WHERE id = '1'"))]


def known(hub: ScheduleHubPostgres, table: TargetTable, *, with_rowversion: bool = False) -> Known:
    return Known.sorted(hub.identities(table, with_rowversion=with_rowversion))


@pytest.mark.parametrize("with_rowversion", [False, True])
def test_the_identities_of_many_rows_are_those_that_were_written(
    hub: ScheduleHubPostgres, connection: Session, *, with_rowversion: bool
) -> None:
    """Over several ranges of pages; what somebody wrote into the columns by hand is unknown, or nobody's."""
    ready(hub, SITES)
    rows = chunk(SITES, *({"id": str(number)} for number in range(3_000))).with_columns(
        pl.int_range(pl.len()).cast(pl.String).alias(ROWVERSION)
    )
    hub.write(SITES, rows)
    connection.execute(b"UPDATE sites SET id = repeat(md5(random()::text), 800) WHERE id::int % 3 = 0")
    by_hand = {2: "repeat('0', 63) || ' '", 4: "'x'", 5: "NULL", 7: "repeat('g', 64)"}
    for number, value in by_hand.items():
        connection.execute(f"UPDATE sites SET _bridge_erp_data_hash = {value} WHERE id = '{number}'".encode())
    connection.execute(b"UPDATE sites SET _bridge_erp_key_hash = 'by hand' WHERE id = '8'")
    connection.execute(b"UPDATE sites SET _bridge_erp_key_hash = repeat('z', 32) WHERE id = '10'")
    expected = rows.filter(~pl.col(ROWVERSION).is_in(["8", "10"])).with_columns(
        pl.when(pl.col(ROWVERSION).is_in([str(number) for number in by_hand]))
        .then(pl.lit("0" * 64))
        .otherwise(DATA)
        .alias(DATA)
    )
    listed = known(hub, SITES, with_rowversion=with_rowversion)
    places = listed.places(words(expected[KEY], 2))
    assert len(listed) == len(expected)
    assert hexadecimal(listed.data[places]).to_list() == expected[DATA].to_list()
    if with_rowversion:
        assert listed.rowversion is not None
        assert listed.rowversion.gather(places).to_list() == expected[ROWVERSION].to_list()


INDEXES = "SELECT array_agg(indexname::text ORDER BY length(indexname)) FROM pg_indexes WHERE tablename = 'sites'"
BOTH = ["sites_pkey", "sites__bridge_erp_key_hash"]


def test_an_empty_table_is_loaded_without_indexes_and_gets_them_at_the_end(
    hub: ScheduleHubPostgres, connection: Session
) -> None:
    ready(hub, SITES)
    assert one(connection, INDEXES) == BOTH
    hub.prepare(SITES, DriftMode.EVOLVE)
    assert one(connection, INDEXES) is None
    hub.write(SITES, chunk(SITES, {"id": "a"}, {"id": "b"}))
    assert hub.prepare(SITES, DriftMode.EVOLVE) == ()
    assert one(connection, INDEXES) is None
    assert hub.finish_load(SITES) == 0
    assert one(connection, INDEXES) == BOTH
    assert one(connection, "SELECT contype::text FROM pg_constraint WHERE conname = 'sites_pkey'") == "p"
    hub.prepare(SITES, DriftMode.EVOLVE)
    assert one(connection, INDEXES) == BOTH


def test_rows_that_somebody_inserted_during_a_first_load_are_merged(
    hub: ScheduleHubPostgres, connection: Session
) -> None:
    """The row that was there first keeps its uid and gets the values of the last."""
    hub.prepare(SITES, DriftMode.EVOLVE)
    strange = "0190163d-8694-739b-aea5-966c26f8ad90"
    connection.execute(
        "INSERT INTO sites (_bridge_uid, _bridge_erp_key_hash, id) VALUES (%s, %s, 'strange')", (strange, key_of("b"))
    )
    rows = chunk(SITES, {"id": "a"}, {"id": "b"}, {"id": "c"})
    hub.write(SITES, rows)
    assert hub.finish_load(SITES) == 1
    assert one(connection, INDEXES) == BOTH
    assert one(connection, "SELECT array_agg(id ORDER BY id) FROM sites") == ["a", "b", "c"]
    assert hub.find(SITES, pl.Series([key_of("b")])).select(UID, DATA).row(0) == (strange, rows[DATA][1])


@pytest.mark.parametrize("rows_left", [0, 2])
def test_a_first_load_that_was_broken_off_leaves_nothing_without_indexes(
    hub: ScheduleHubPostgres, connection: Session, postgres_url: str, rows_left: int
) -> None:
    hub.prepare(SITES, DriftMode.EVOLVE)
    hub.write(SITES, chunk(SITES, *({"id": str(number)} for number in range(rows_left))))
    schema = str(one(connection, "SELECT current_schema()"))
    after = ScheduleHubPostgres(Database(postgres_url, Retrier(RetryPolicy(attempts=1))), schema)
    assert len(after.prepare(SITES, DriftMode.EVOLVE)) == (2 if rows_left else 0)
    after.finish_load(SITES)
    assert one(connection, INDEXES) == BOTH
    after.close()


def test_a_table_that_refers_to_itself_or_that_is_referred_to_keeps_its_indexes(
    hub: ScheduleHubPostgres, connection: Session
) -> None:
    hub.prepare(PARTS, DriftMode.EVOLVE)
    ready(hub, SITES)
    connection.execute(b"CREATE TABLE plans (site uuid REFERENCES sites)")
    hub.prepare(SITES, DriftMode.EVOLVE)
    assert one(connection, INDEXES) == BOTH
    assert one(connection, INDEXES.replace("sites", "parts")) == [name.replace("sites", "parts") for name in BOTH]


def test_insert_of_a_known_key_and_update_of_an_unknown_one_are_told(
    hub: ScheduleHubPostgres, connection: Session
) -> None:
    ready(hub, SITES)
    hub.write(SITES, chunk(SITES, {"id": "a"}, {"id": "b"}))
    again = hub.write(SITES, chunk(SITES, {"id": "b"}, {"id": "c"}, {"id": "c"}))
    assert states(again) == [WriteState.KEY_EXISTS, WriteState.DONE, WriteState.KEY_EXISTS]
    updated = hub.write(SITES, chunk(SITES, {"id": "a"}, {"id": "x"}, operation=Operation.UPDATE))
    assert states(updated) == [WriteState.DONE, WriteState.KEY_GONE]
    assert one(connection, "SELECT count(*) FROM sites") == 3


def test_soft_deleted_keys_are_gone_until_an_insert_revives_them(hub: ScheduleHubPostgres, connection: Session) -> None:
    ready(hub, SITES)
    hub.write(SITES, chunk(SITES, {"id": "a"}, {"id": "b"}))
    uid = one(connection, "SELECT _bridge_uid FROM sites WHERE id = 'a'")
    gone = hub.delete(SITES, pl.DataFrame({KEY: [key_of("a"), key_of("never")], UID: [None, None]}), soft=True)
    assert gone["state"].to_list() == ["deleted", "deleted"]
    assert hub.find(SITES, pl.Series([key_of("a")])).is_empty()
    assert hexadecimal(known(hub, SITES).keys).to_list() == [key_of("b")]
    assert states(hub.write(SITES, chunk(SITES, {"id": "a"}, operation=Operation.UPDATE))) == [WriteState.KEY_GONE]
    assert states(hub.write(SITES, chunk(SITES, {"id": "a"}, {"id": "c"}))) == [WriteState.DONE, WriteState.DONE]
    assert one(connection, "SELECT _bridge_uid FROM sites WHERE id = 'a' AND _bridge_deleted_at IS NULL") == uid


def test_exactly_the_poison_rows_are_rejected(hub: ScheduleHubPostgres, connection: Session) -> None:
    table = with_columns(id="text", note="text", amount="integer")
    ready(hub, table)
    connection.execute(b"ALTER TABLE things ADD CHECK (amount <> 13), ALTER note SET NOT NULL, ADD UNIQUE (note)")
    rows: list[dict[str, str | None]] = [
        {"id": str(n), "note": f"{n}\nand\nmore" if n % 7 == 0 else str(n), "amount": str(n)} for n in range(500)
    ]
    rows[100]["amount"] = "9223372036854775808"
    rows[200]["note"] = None
    rows[300]["note"] = "299"
    outcomes = hub.write(table, chunk(table, *rows))
    refused = outcomes.filter(pl.col("state") != WriteState.DONE)
    assert refused.select("@row", "state", "field", "error_type").rows() == [
        (13, "rejected", None, "CheckViolation"),
        (100, "rejected", "amount", "NumericValueOutOfRange"),
        (200, "rejected", "note", "NotNullViolation"),
        (300, "rejected", None, "UniqueViolation"),
    ]
    assert one(connection, "SELECT count(*) FROM things") == 496
    changed = hub.write(table, chunk(table, *[{**row, "amount": "13"} for row in rows[:3]], operation=Operation.UPDATE))
    assert states(changed) == [WriteState.REJECTED] * 3


def test_children_come_after_their_parents_in_one_call(hub: ScheduleHubPostgres, connection: Session) -> None:
    ready(hub, PARTS)
    chain = [{"id": str(n), "up": str(n + 1) if n < 5 else None} for n in range(6)]
    ring = [
        {"id": "x", "up": "y"},
        {"id": "y", "up": "x"},
        {"id": "s", "up": "s"},
        {"id": "o", "up": "orphan's parent"},
    ]
    outcomes = hub.write(PARTS, chunk(PARTS, *chain, *ring, parents={"parent": "up"}))
    assert states(outcomes) == [WriteState.DONE] * 6 + [WriteState.PARENT_MISSING] * 4
    assert outcomes["field"].to_list()[6:] == ["parent"] * 4
    depth = """WITH RECURSIVE t AS (SELECT _bridge_uid, 1 AS n FROM parts WHERE parent_uid IS NULL UNION ALL
               SELECT p._bridge_uid, n + 1 FROM parts p JOIN t ON p.parent_uid = t._bridge_uid) SELECT max(n) FROM t"""
    assert one(connection, depth) == 6
    ringless = [{"id": "x", "up": None}, {"id": "y", "up": None}]
    assert states(hub.write(PARTS, chunk(PARTS, *ringless, parents={"parent": "up"}))) == [WriteState.DONE] * 2
    closed = hub.write(PARTS, chunk(PARTS, *ring[:2], operation=Operation.UPDATE, parents={"parent": "up"}))
    assert states(closed) == [WriteState.DONE] * 2


def test_a_child_of_a_rejected_parent_waits(hub: ScheduleHubPostgres, connection: Session) -> None:
    ready(hub, PARTS)
    connection.execute(b"ALTER TABLE parts ADD CHECK (id <> 'bad')")
    rows = [{"id": "grandchild", "up": "child"}, {"id": "child", "up": "bad"}, {"id": "bad"}, {"id": "good"}]
    outcomes = hub.write(PARTS, chunk(PARTS, *rows, parents={"parent": "up"}))
    assert states(outcomes) == [
        WriteState.PARENT_MISSING,
        WriteState.PARENT_MISSING,
        WriteState.REJECTED,
        WriteState.DONE,
    ]


def test_a_parent_with_living_children_is_refused(hub: ScheduleHubPostgres) -> None:
    ready(hub, SITES)
    doomed = pl.DataFrame({KEY: [key_of("a"), key_of("b")], UID: [None, None]}, schema={KEY: pl.String, UID: pl.String})
    hub.write(SITES, chunk(SITES, {"id": "a"}, {"id": "b"}))
    ready(hub, AREAS)
    rows = ({"id": "1", "of": "a"}, {"id": "2", "of": "a"}, {"id": "3", "of": "nowhere"})
    assert states(hub.write(AREAS, chunk(AREAS, *rows, parents={"site": "of"})))[2] == WriteState.PARENT_MISSING
    told = {key: (state, message) for key, state, message in hub.delete(SITES, doomed, soft=False).rows()}
    assert told[key_of("a")] == ("refused", "2 living areas refer to it (site)")
    assert told[key_of("b")] == ("deleted", None)
    children = pl.DataFrame({KEY: [key_of("1"), key_of("2")], UID: [None, None]}, schema=doomed.schema)
    hub.delete(AREAS, children, soft=True)
    assert hub.delete(SITES, doomed, soft=False)["state"].to_list() == ["deleted", "deleted"]


def test_what_the_database_holds_on_to_is_refused_alone(hub: ScheduleHubPostgres, connection: Session) -> None:
    ready(hub, SITES)
    hub.write(SITES, chunk(SITES, *({"id": str(n)} for n in range(9))))
    connection.execute(
        b"CREATE TABLE plans (site uuid REFERENCES sites); "
        b"INSERT INTO plans SELECT _bridge_uid FROM sites WHERE id = '4'"
    )
    told = hub.delete(SITES, pl.DataFrame({KEY: [key_of(str(n)) for n in range(9)]}), soft=False)
    refused = told.filter(state="refused")
    assert refused[KEY].to_list() == [key_of("4")]
    assert "still referenced" in refused["message"][0]
    assert one(connection, "SELECT count(*) FROM sites") == 1


def test_a_branch_is_deleted_whole_but_not_above_what_stays(hub: ScheduleHubPostgres, connection: Session) -> None:
    table = TargetTable(PARTS.entity, PARTS.columns, PARTS.parents, (ChildRef("parts", "parent"),))
    ready(hub, table)
    rows = ({"id": "a"}, {"id": "b", "up": "a"}, {"id": "c", "up": "b"}, {"id": "A"}, {"id": "B", "up": "A"})
    hub.write(table, chunk(table, *rows, parents={"parent": "up"}))
    doomed = pl.DataFrame({KEY: [key_of(i) for i in ("a", "b", "A", "B")]})
    refused = hub.delete(table, doomed, soft=False).filter(state="refused")
    assert set(refused[KEY]) == {key_of("a"), key_of("b")}
    assert one(connection, "SELECT string_agg(id, '' ORDER BY id) FROM parts") == "abc"


@pytest.mark.parametrize(
    ("existing", "value", "wanted", "new", "kept"),
    [
        ("varchar(3)", "'abc'", "text", "text", "abc"),
        ("integer", "7", "integer", "bigint", "7"),
        ("bigint", "7", "numeric", "numeric", "7"),
        ("numeric(6,2)", "1.10", "numeric", "numeric", "1.10"),
        ("numeric", "1.10", "text", "text", "1.1"),
        ("timestamp", "'2024-01-02 03:04:05.5'", "text", "text", "2024-01-02T03:04:05.5"),
        ("timestamptz", "'2024-01-02 03:04:05Z'", "text", "text", "2024-01-02T03:04:05Z"),
        ("timestamp", "'2024-01-02 03:04:05'", "timestamptz", "text", "2024-01-02T03:04:05"),
        ("bytea", "'\\x00ff'", "text", "text", "00ff"),
        ("boolean", "true", "integer", "text", "true"),
        ("double precision", "0.1", "numeric", "numeric", "0.1"),
        ("text", "'1'", "numeric", "text", "1"),
        ("numeric", "1", "integer", "numeric", "1"),
    ],
)
def test_a_column_is_widened_without_loss_or_refused_when_frozen(
    hub: ScheduleHubPostgres, connection: Session, existing: str, value: str, wanted: str, new: str, kept: str
) -> None:
    ready(hub, with_columns(id="text"))
    hub.write(with_columns(id="text"), chunk(with_columns(id="text"), {"id": "1"}))
    connection.execute(f"ALTER TABLE things ADD c {existing}; UPDATE things SET c = {value}".encode())
    table = with_columns(id="text", c=wanted)
    before = one(connection, "SELECT pg_typeof(c)::text FROM things")
    if before != new or "(" in existing:
        with pytest.raises(ConfigurationError, match=r"things.* has the column c as .*evolve"):
            hub.prepare(table, DriftMode.FREEZE)
        assert "widened" in hub.prepare(table, DriftMode.EVOLVE)[0]
    assert hub.prepare(table, DriftMode.FREEZE) == ()
    assert (
        one(
            connection,
            "SELECT format_type(atttypid, atttypmod) FROM pg_attribute "
            "WHERE attrelid = 'things'::regclass AND attname = 'c'",
        )
        == new
    )
    assert one(connection, "SELECT c::text FROM things") == kept


def test_what_somebody_dropped_comes_back_and_is_filled_again(hub: ScheduleHubPostgres, connection: Session) -> None:
    table = with_columns(id="text", name="text")
    ready(hub, table)
    rows = chunk(table, {"id": "1", "name": "one"})
    hub.write(table, rows)
    connection.execute(b"ALTER TABLE things DROP name; DROP INDEX things__bridge_erp_key_hash")
    with pytest.raises(ConfigurationError, match="has no column name"):
        hub.prepare(table, DriftMode.FREEZE)
    said = hub.prepare(table, DriftMode.EVOLVE)
    assert [sentence.split(" had no ")[-1] for sentence in said][::2] == [
        "column name (text): it was added.",
        "unique index on _bridge_erp_key_hash: it was made.",
    ]
    assert hexadecimal(known(hub, table).data).to_list() != rows[DATA].to_list()


@pytest.mark.parametrize(
    ("statement", "reason"),
    [
        ("CREATE TABLE things (id text)", "not a table that SyncFlow can load"),
        ("CREATE VIEW things AS SELECT 1 AS id", "not a table that SyncFlow can load"),
    ],
)
def test_a_table_of_somebody_else_is_left_alone(
    hub: ScheduleHubPostgres, connection: Session, schema: str, statement: str, reason: str
) -> None:
    connection.execute(f'CREATE SCHEMA "{schema}"'.encode())
    connection.execute(statement.encode())
    with pytest.raises(ConfigurationError, match=reason):
        hub.prepare(with_columns(id="text"), DriftMode.EVOLVE)


def test_a_table_that_cannot_be_loaded_is_refused_with_the_remedy(
    hub: ScheduleHubPostgres, connection: Session
) -> None:
    table = with_columns(id="text")
    ready(hub, table)
    connection.execute(b"ALTER TABLE things ADD planner text NOT NULL; CREATE VIEW v AS SELECT id FROM things")
    with pytest.raises(ConfigurationError, match="requires a value for planner"):
        hub.prepare(table, DriftMode.EVOLVE)
    connection.execute(
        b"ALTER TABLE things ALTER planner DROP NOT NULL, ADD n bigint; CREATE VIEW w AS SELECT n FROM things"
    )
    with pytest.raises(ConfigurationError, match=r"cannot be widened to numeric.*view"):
        hub.prepare(with_columns(id="text", n="numeric"), DriftMode.EVOLVE)
    for name in ("_bridge_uid", "x" * 64):
        with pytest.raises(ConfigurationError):
            hub.prepare(with_columns(**{name: "text"}), DriftMode.EVOLVE)


def test_a_killed_connection_is_replaced(hub: ScheduleHubPostgres, connection: Session) -> None:
    ready(hub, SITES)
    connection.execute(b"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'syncflow'")
    assert states(hub.write(SITES, chunk(SITES, {"id": "a"}))) == [WriteState.DONE]


def through(proxy: LossyProxy, postgres_url: str, schema: str) -> ScheduleHubPostgres:
    user = urlsplit(postgres_url).username
    url = f"postgresql://{user}@127.0.0.1:{proxy.port}/{urlsplit(postgres_url).path[1:]}?sslmode=disable"
    return ScheduleHubPostgres(Database(url, Retrier(RetryPolicy(attempts=3, wait_initial=0.01))), schema)


@pytest.mark.parametrize("forwarded", [True, False])
def test_a_connection_lost_at_commit_leaves_its_rows_in_doubt(
    hub: ScheduleHubPostgres, postgres_url: str, schema: str, forwarded: bool
) -> None:
    ready(hub, SITES)
    with LossyProxy(socket_path(postgres_url), b"COMMIT", forwarded) as proxy:
        target = through(proxy, postgres_url, schema)
        hub.write(SITES, chunk(SITES, {"id": "known"}))
        outcomes = target.write(SITES, chunk(SITES, {"id": "a"}, {"id": "known"}))
        assert states(outcomes) == [WriteState.UNKNOWN, WriteState.KEY_EXISTS]
        doomed = pl.DataFrame({KEY: [key_of("known")]})
        assert target.delete(SITES, doomed, soft=True)["state"].to_list() == ["unknown"]
    assert hub.find(SITES, pl.Series([key_of("a")])).height == forwarded


def test_a_connection_lost_before_commit_and_a_deadlock_are_tried_again(
    hub: ScheduleHubPostgres, connection: Session, postgres_url: str, schema: str
) -> None:
    ready(hub, SITES)
    connection.execute(
        b"CREATE SEQUENCE tries; CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        b"IF nextval('tries') < 3 THEN RAISE EXCEPTION 'busy' USING ERRCODE = '40P01'; END IF; RETURN NEW; END $$; "
        b"CREATE TRIGGER t BEFORE INSERT ON sites FOR EACH ROW EXECUTE FUNCTION fail()"
    )
    connection.execute(f'ALTER FUNCTION fail() SET search_path = "{schema}"'.encode())
    assert states(hub.write(SITES, chunk(SITES, {"id": "a"}))) == [WriteState.DONE]
    with LossyProxy(socket_path(postgres_url), b"COPY", True, times=1) as proxy:
        target = through(proxy, postgres_url, schema)
        assert states(target.write(SITES, chunk(SITES, {"id": "b"}))) == [WriteState.DONE]
    assert one(connection, "SELECT count(*) FROM sites") == 2


def test_a_deferred_constraint_fails_its_row_alone(hub: ScheduleHubPostgres, connection: Session) -> None:
    table = with_columns(id="text", note="text")
    ready(hub, table)
    connection.execute(b"ALTER TABLE things ADD UNIQUE (note) DEFERRABLE INITIALLY DEFERRED")
    rows = chunk(table, {"id": "1", "note": "x"}, {"id": "2", "note": "x"}, {"id": "3", "note": "y"})
    assert states(hub.write(table, rows)) == [WriteState.DONE, WriteState.REJECTED, WriteState.DONE]


def test_no_database_is_a_sentence(postgres_url: str) -> None:
    def target(url: str) -> ScheduleHubPostgres:
        return ScheduleHubPostgres(Database(url, Retrier(RetryPolicy(attempts=1))), "hub")

    with pytest.raises(RetriableError, match=r"postgresql://joe:\*\*\*@127.0.0.1:9/x\) cannot be reached"):
        target("postgresql://joe:secret@127.0.0.1:9/x").prepare(SITES, DriftMode.EVOLVE)
    with pytest.raises(ConfigurationError, match="Create it, or correct SCHEDULEHUB_URL"):
        target(postgres_url.replace("/syncflow?", "/nowhere?")).prepare(SITES, DriftMode.EVOLVE)

"""Rows that wait for their parents: who they are, whom they wait for, what becomes of them."""

import pytest

from syncflow.errors import ConfigurationError, UsageError
from syncflow.model import SyncType
from syncflow.service.pending_children import PendingFilter, Why
from syncflow.store.failed_filter import FailedFilter
from tests.engine.conftest import World

pytestmark = pytest.mark.integration

PEOPLE = {"NAME": "VARCHAR2(40)", "BOSS": "VARCHAR2(40)", "TEAM": "NUMBER(5)"}
TEAMS = {"NO": "NUMBER(5)", "HEAD": "VARCHAR2(40)"}
YAML = """
entities:
  - {name: teams, business_key: [no], parent_refs: {head: {entity: people, fields: {head: name}}}}
  - name: people
    business_key: [name]
    mappings: [{source: NAME, target: name%s}, {source: BOSS, target: boss%s}]
    parent_refs: {chief: {entity: people, fields: {boss: name}}, team: {entity: teams, fields: {team: no}}}
"""


def person(name: str, boss: str | None = None, team: str | None = None) -> dict[str, object]:
    return {"NAME": name, "BOSS": boss, "TEAM": team}


LINE = [person(*pair) for pair in (("Eva", "Dan"), ("Dan", "Cem"), ("Cem", "Ben"), ("Ben", "Ada"), ("Ada", "Zoe"))]


@pytest.fixture
def firm(world: World) -> World:
    """A line of five that begins with somebody who is not there, and a ring of a team and its head."""
    world.serve("people", PEOPLE, [*LINE, person("Fay", team="7")])
    world.serve("teams", TEAMS, [{"NO": "7", "HEAD": "Fay"}])
    world.configure(YAML % ("", ""))
    return world


def test_who_waits_for_whom_and_who_blocks_most(firm: World) -> None:
    firm.sync("people", "teams")
    with firm.runtime() as runtime:
        pending = runtime.pending_children
        blockers = pending.blockers(10)
        assert [(each.key, each.descendants, each.children) for each in blockers] == [
            ("name=Zoe", 5, 1), ("name=Ada", 4, 1), ("name=Ben", 3, 1), ("name=Cem", 2, 1), ("name=Dan", 1, 1)
        ]  # fmt: skip
        assert (blockers[0].why, blockers[1].why) == (Why.ABSENT, Why.PENDING)
        assert "It waits itself for people name=Zoe" in blockers[1].reason
        (row,) = pending.page(PendingFilter(parent_key="name=Zoe"), None, 10)
        view = pending.get(str(row.uid))
        assert view.row.child_payload == {"NAME": "Ada", "BOSS": "Zoe", "TEAM": None}
    assert firm.values("people", "name") == [("Fay",)]
    assert firm.values("teams", "no") == [(7,)]


def test_the_reason_is_the_parents_own_failure(firm: World) -> None:
    firm.serve("people", PEOPLE, [*LINE, person("Zoe", team="none")])
    firm.sync("people")
    with firm.runtime() as runtime:
        (zoe,) = [each for each in runtime.pending_children.blockers(10) if each.key == "name=Zoe"]
        assert (zoe.why, zoe.descendants) == (Why.FAILED, 5)
        assert "'none' is not a number" in zoe.reason
        record = runtime.failed_records.get(str(zoe.failed_record))
    assert record.raw_data["NAME"] == "Zoe"


def test_a_parent_that_comes_brings_the_whole_line_in_one_sync(firm: World) -> None:
    """Five in the worst order hang on a team that comes last; only the teams are synced again."""
    firm.serve("people", PEOPLE, [*LINE[:-1], person("Ada", team="9")])
    firm.sync("people", "teams")
    assert firm.values("people", "name") == []
    firm.serve("teams", TEAMS, [{"NO": "9", "HEAD": None}])
    ended = firm.sync("teams")
    assert [(batch.entity, batch.sync_type, batch.counters.inserted) for batch in ended] == [
        ("teams", SyncType.INCREMENTAL, 1), *[("people", SyncType.RETRY, 1)] * 5
    ]  # fmt: skip
    bosses = {row["_bridge_uid"]: row["name"] for row in firm.rows("people")}
    assert [(row["name"], bosses.get(row["chief_uid"])) for row in firm.rows("people")] == [
        ("Ada", None), ("Ben", "Ada"), ("Cem", "Ben"), ("Dan", "Cem"), ("Eva", "Dan")
    ]  # fmt: skip
    resolved = "SELECT DISTINCT resolution FROM pending_children WHERE child_entity = 'people'"
    assert firm.metadata(resolved) == [("loaded",)]


def test_a_newer_version_replaces_the_one_that_waits_and_keeps_its_attempts(firm: World) -> None:
    line = "SELECT child_payload->>'TEAM', parent_key, retry_count FROM pending_children WHERE resolved_at IS NULL"
    firm.serve("teams", TEAMS, [{"NO": "1", "HEAD": None}])
    firm.serve("people", PEOPLE, [person("Ada", "Zoe")])
    firm.sync("teams", "people")
    assert firm.metadata(line) == [(None, "name=Zoe", 0)]
    firm.metadata("UPDATE pending_children SET retry_count = 3, next_retry_at = now() + interval '1 day' RETURNING 1")
    firm.serve("people", PEOPLE, [person("Ada", "Zoe", team="1")])
    firm.sync("people")
    assert firm.metadata(line) == [("1", "name=Zoe", 3)]
    firm.serve("people", PEOPLE, [person("Ada", "Yan")])
    firm.sync("people")
    assert firm.metadata(line) == [(None, "name=Yan", 0)], "for another parent it begins anew"
    firm.serve("people", PEOPLE, [person("Ada")])
    firm.sync("people")
    assert (firm.metadata(line), firm.values("people", "name")) == ([], [("Ada",)])


def test_a_parent_deleted_later(firm: World) -> None:
    """Its child is deleted with it; when the child alone comes again it waits, until the parent is there again."""
    firm.serve("teams", TEAMS, [])
    both = [person("Zoe"), person("Ada", "Zoe")]
    for rows, there, waiting in ((both, 2, 0), ([person("Yan")], 1, 0), ([person("Yan"), both[1]], 1, 1), (both, 2, 0)):
        firm.serve("people", PEOPLE, rows)
        firm.sync("people")
        assert len(firm.rows("people")) == there
        assert len(firm.metadata("SELECT 1 FROM pending_children WHERE resolved_at IS NULL")) == waiting
    zoe = next(row["_bridge_uid"] for row in firm.rows("people") if row["name"] == "Zoe")
    assert [row["chief_uid"] for row in firm.rows("people")] == [zoe, None]


def test_an_attempt_counts_only_after_the_parent_had_a_chance(firm: World) -> None:
    """Neither asking for it, nor a sync of others, nor one of the parent's entity that did not end well."""
    firm.serve("teams", TEAMS, [{"NO": "7", "HEAD": "Zoe"}])
    firm.serve("people", PEOPLE, [])
    firm.sync("people", "teams")
    ready = "UPDATE pending_children SET next_retry_at = now() RETURNING retry_count"
    (before,) = firm.metadata(ready)
    with firm.runtime() as runtime:
        for _time in range(3):
            assert runtime.pending_children.retry(PendingFilter()).waiting == 1
    firm.metadata(ready)
    firm.sync("teams")
    firm.execute("ALTER TABLE people RENAME COLUMN name TO other")
    firm.execute("CREATE VIEW hides AS SELECT other FROM people")
    firm.serve("people", {**PEOPLE, "NAME": "CLOB"}, [person("Ada")])
    firm.configure((YAML % ("", "")).replace("business_key: [name]", "business_key: [name]\n    drift_mode: freeze"))
    (ended,) = firm.sync("people")
    assert ended.error_message is not None
    assert firm.metadata(ready) == [before]


def test_out_of_attempts_it_becomes_a_failed_record_with_its_payload(firm: World) -> None:
    firm.sync("people", "teams")
    due = "UPDATE pending_children SET next_retry_at = now() WHERE resolved_at IS NULL RETURNING 1"
    for _attempt in range(5):
        assert firm.metadata("SELECT 1 FROM failed_records WHERE resolved_at IS NULL") == []
        firm.metadata(due)
        firm.sync("people")
    failed = firm.metadata("SELECT raw_data->>'NAME', error_message FROM failed_records WHERE resolved_at IS NULL")
    assert "Zoe" in dict(failed)["Ada"]
    assert set(dict(failed)) == {"Ada", "Ben", "Cem", "Dan", "Eva"}
    assert firm.metadata("SELECT 1 FROM pending_children WHERE resolved_at IS NULL") == []


def test_personal_data_is_masked_wherever_it_is_shown(firm: World) -> None:
    """Also in the reasons, in the audit log, and in failed records of rows that waited in vain. What is masked is
    chosen by its hash."""
    firm.sync("people", "teams")
    firm.configure(YAML % (", mask: true", ", mask: true"))
    firm.metadata("UPDATE pending_children SET retry_count = 4, next_retry_at = now() RETURNING 1")
    with firm.runtime() as runtime:
        pending = runtime.pending_children
        rows, blockers = pending.page(PendingFilter(), None, 100), pending.blockers(10)
        shown = [rows, blockers, [pending.get(str(row.uid)) for row in rows]]
        zoe = next(each for each in blockers if each.why is Why.ABSENT)
        for key in (zoe.key_hash, "name=Zoe"):
            assert pending.retry(PendingFilter(parent_key=key)).asked == 1
        runtime.batches.sync(["people"], SyncType.INCREMENTAL)
        failed = runtime.failed_records.page(FailedFilter(), None, 100)
        assert len(failed) == 5
        shown += [failed, [runtime.failed_records.get(str(record.uid)) for record in failed]]
        shown += firm.metadata("SELECT before::text, after::text FROM audit_log WHERE act = 'pending.retry'")
        shown += firm.metadata("SELECT notes::text, error_message FROM sync_batches")
    assert zoe.key_hash in repr(shown)
    for name in ("Ada", "Ben", "Cem", "Dan", "Eva", "Zoe", "Fay"):
        assert name not in repr(shown)


@pytest.mark.parametrize("masked", [(", mask: true", ""), ("", ", mask: true")], ids=["key", "child"])
def test_a_parents_key_is_masked_with_its_own_field_or_with_the_childs(firm: World, masked: tuple[str, str]) -> None:
    firm.configure(YAML % masked)
    firm.sync("people", "teams")
    with firm.runtime() as runtime:
        rows, blockers = (
            runtime.pending_children.page(PendingFilter(), None, 100),
            runtime.pending_children.blockers(10),
        )
    assert {row.parent_key for row in rows} == {each.key for each in blockers}
    assert {each.key for each in blockers} == {f"name={initial}…" for initial in "ABCDZ"}
    assert "Zoe" not in repr(blockers)


def test_what_cannot_be_meant(firm: World) -> None:
    with firm.runtime() as runtime:
        with pytest.raises(UsageError, match="No row waits that is like that"):
            runtime.pending_children.retry(PendingFilter(entity="people"))
        with pytest.raises(UsageError, match="No waiting row has the number"):
            runtime.pending_children.get("0198")
    with pytest.raises(ConfigurationError, match=r"peple.*did you mean people"):
        firm.configure(YAML.replace("{entity: people, fields: {head", "{entity: peple, fields: {head") % ("", ""))

"""Rows that wait for their parents: who they are, whom they wait for, what becomes of them."""

import pytest

from syncflow.errors import ConfigurationError, UsageError
from syncflow.service.pending_children import PendingFilter, Why
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
    parent_refs: {boss: {entity: people, fields: {boss: name}}, team: {entity: teams, fields: {team: no}}}
"""


def person(name: str, boss: str | None = None, team: str | None = None) -> dict[str, object]:
    return {"NAME": name, "BOSS": boss, "TEAM": team}


@pytest.fixture
def firm(world: World) -> World:
    """A line of five that begins with somebody who is not there, and a ring of a team and its head."""
    line = [
        person("Ada", "Zoe"),
        person("Ben", "Ada"),
        person("Cem", "Ben"),
        person("Dan", "Cem"),
        person("Eva", "Dan"),
    ]
    world.serve("people", PEOPLE, [*reversed(line), person("Fay", team="7")])
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


def test_a_parent_that_comes_brings_the_whole_line(firm: World) -> None:
    firm.sync("people", "teams")
    firm.serve("people", PEOPLE, [person("Zoe")])
    firm.configure(YAML.replace("business_key: [name]", "business_key: [name]\n    delete_mode: ignore") % ("", ""))
    with firm.runtime() as runtime:
        runtime.batches.sync(["people"], runtime.batches.history("people", 1)[0].sync_type)
    names = {name for (name,) in firm.values("people", "name")}
    assert {"Zoe", "Fay"} <= names


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


def test_personal_data_is_masked_in_lists_details_and_reasons(firm: World) -> None:
    firm.configure(YAML % (", mask: true", ", mask: true"))
    firm.sync("people", "teams")
    with firm.runtime() as runtime:
        pending = runtime.pending_children
        rows = pending.page(PendingFilter(), None, 100)
        shown = repr([rows, pending.blockers(10), [pending.get(str(row.uid)) for row in rows]])
    for name in ("Ada", "Ben", "Cem", "Dan", "Eva", "Zoe", "Fay"):
        assert name not in shown


def test_what_cannot_be_meant(firm: World) -> None:
    with firm.runtime() as runtime:
        with pytest.raises(UsageError, match="No row waits that is like that"):
            runtime.pending_children.retry(PendingFilter(entity="people"))
        with pytest.raises(UsageError, match="No waiting row has the number"):
            runtime.pending_children.get("0198")
    with pytest.raises(ConfigurationError, match=r"peple.*did you mean people"):
        firm.configure(YAML.replace("{entity: people, fields: {head", "{entity: peple, fields: {head") % ("", ""))

"""Children without their parent: looked for so often and no oftener, kept with their payload, loaded when it comes."""

import time

import pytest

from syncflow.queues.pending_children import MAX_ATTEMPTS
from tests.engine.conftest import World, world

__all__ = ["world"]
pytestmark = pytest.mark.integration

PARENTS = {"NO": "NUMBER(10)", "SITE": "VARCHAR2(10)"}
CHILDREN = {"ID": "NUMBER(10)", "PARENT_NO": "NUMBER(10)", "PARENT_SITE": "VARCHAR2(10)", "NOTE": "VARCHAR2(40)"}
ENTITIES = """
entities:
  - {name: parents, business_key: [no, site]}
  - name: children
    business_key: [id]
    parent_refs: {parent: {entity: parents, fields: {parent_no: no, parent_site: site}}}
"""
OPEN = "SELECT count(*) FROM %s WHERE resolved_at IS NULL"


def child(number: int, parent: int = 7) -> dict[str, object]:
    return {"ID": str(number), "PARENT_NO": str(parent), "PARENT_SITE": "THR", "NOTE": f"child {number}"}


def start(world: World, children: int) -> None:
    world.serve("parents", PARENTS, [{"NO": "1", "SITE": "THR"}])
    world.serve("children", CHILDREN, [child(number) for number in range(children)])
    world.configure(ENTITIES)
    world.sync("parents", "children")


def test_a_child_out_of_attempts_becomes_a_failed_record_with_its_payload(world: World) -> None:
    """An attempt counts after a completed sync of the parent's entity, when the wait after the last one is over.
    Nothing is deleted, and the parent still lets them in."""
    start(world, 2)
    (first,) = world.metadata("SELECT max(retry_count) FROM pending_children")
    for _ in range(MAX_ATTEMPTS - first[0]):
        assert world.metadata(OPEN % "pending_children") == [(2,)]
        assert world.metadata(OPEN % "failed_records") == [(0,)]
        world.execute("UPDATE syncflow.pending_children SET next_retry_at = now() - interval '1 second'")
        world.sync("parents")
    assert world.metadata("SELECT DISTINCT resolution FROM pending_children") == [("failed",)]
    held = "SELECT raw_data::jsonb, error_type, error_message FROM failed_records WHERE resolved_at IS NULL ORDER BY 1"
    failed = world.metadata(held)
    assert [dict(raw)["NOTE"] for raw, _, _ in failed] == ["child 0", "child 1"]
    assert {error for _, error, _ in failed} == {"parent_missing"}
    assert "no=7|site=THR" in failed[0][2]
    world.sync("children")
    assert world.metadata(OPEN % "failed_records") == [(2,)]
    world.serve("parents", PARENTS, [{"NO": "1", "SITE": "THR"}, {"NO": "7", "SITE": "THR"}])
    world.sync("parents")
    assert len(world.rows("children")) == 2
    assert world.metadata(OPEN % "failed_records") == [(0,)]


@pytest.mark.slow
def test_a_hundred_thousand_children_of_one_parent_are_woken_at_once(world: World) -> None:
    start(world, 100_000)
    assert world.metadata(OPEN % "pending_children") == [(100_000,)]
    world.serve("parents", PARENTS, [{"NO": "1", "SITE": "THR"}, {"NO": "7", "SITE": "THR"}])
    began = time.monotonic()
    parents, children = world.sync("parents")
    seconds = time.monotonic() - began
    print(f"100,000 children woken in {seconds:.1f} s")
    assert (parents.counters.inserted, children.counters.inserted) == (1, 100_000)
    assert world.metadata(OPEN % "pending_children") == [(0,)]
    assert seconds < 15.0, "a third of it where nothing else runs"

"""Rows that wait for a parent, by keys alone: who waits for whom, why, and another try."""

import pytest

from tests.engine.conftest import World
from tests.engine.conftest import world as world  # a fixture
from tests.tui.desk import Desk, at_the_desk
from tests.tui.test_workflows import CUSTOMERS, ORDERS, YAML, order
from tui.bridge import Manner

pytestmark = pytest.mark.integration

WAITING = "SELECT count(*) FROM pending_children WHERE resolved_at IS NULL"
TRIED = "SELECT actor, after->>'rows' FROM audit_log WHERE act = 'pending.retry' ORDER BY id"
ONE = {"ID": "C1", "NAME": "One"}


@pytest.fixture
def company(world: World) -> World:
    """Orders 5 and 6 wait for the customer C9, which the source does not have, and 7 for C8, which failed."""
    changed = {5: "C9", 6: "C9", 7: "C8"}
    world.serve("customers", CUSTOMERS, [ONE, {"ID": "C8", "NAME": None}])
    world.serve("orders", ORDERS, [order(n, CUSTOMER=changed.get(n, "C1")) for n in range(1, 11)])
    required = "mappings: [{source: NAME, target: name, required: true}]"
    world.configure(YAML.replace("business_key: [id]}", f"business_key: [id], {required}}}"))
    world.sync("customers", "orders")
    return world


def bring_back(company: World) -> None:
    """The customer C9 has come, and the orders wait still: as if the try that follows a sync had been broken off."""
    company.serve("customers", CUSTOMERS, [ONE, {"ID": "C9", "NAME": "Nine"}])
    company.sync("customers")
    company.execute("DELETE FROM orders WHERE no IN (5, 6)")
    company.metadata(
        "UPDATE pending_children SET resolved_at = NULL, resolution = NULL WHERE parent_key = 'id=C9' RETURNING 1"
    )


def test_the_list_tells_who_waits_for_whom_and_a_row_tells_why(company: World) -> None:
    async def work(desk: Desk) -> None:
        await desk.press("5")
        await desk.sees("no=5", "no=6", "customers id=C9", "3 rows")
        await desk.press("slash")
        await desk.type("parent_key:id=C8")
        await desk.press("enter")
        await desk.until(lambda: desk.table.total == 1)
        await desk.press("enter")
        await desk.sees("orders  no=7", "waits for customers id=C8", "It failed itself", "QTY", "'7.5'")
        await desk.press("f")
        await desk.sees("customers: ", "NAME")
        await desk.press("escape", "p")
        await desk.sees("explain customers id=C8", "It failed in")

    at_the_desk(company, work)


def test_all_that_match_are_tried_and_what_came_of_it_is_told(company: World) -> None:
    bring_back(company)

    async def work(desk: Desk) -> None:
        await desk.press("5")
        await desk.until(lambda: desk.table.total == 3)
        await desk.press("asterisk", "t")
        await desk.sees("Look for the parents of 3 rows now?")
        await desk.press("y")
        await desk.sees("what came of it", "3 rows looked after; 1 like these waits still.", "orders", "completed")
        await desk.press("escape")
        await desk.until(lambda: desk.table.total == 1 and not desk.table.all_marked)

    at_the_desk(company, work, Manner(observe=True))
    assert company.metadata(TRIED) == [("olga", "3")]
    assert len(company.rows("orders")) == 9


def test_one_row_is_tried_from_its_page(company: World) -> None:
    bring_back(company)

    async def work(desk: Desk) -> None:
        await desk.press("5", "slash")
        await desk.type("parent_key:id=C9")
        await desk.press("enter")
        await desk.until(lambda: desk.table.total == 2)
        await desk.press("enter")
        await desk.sees("It stands in no queue")
        await desk.press("t", "y")
        await desk.sees("It waits no longer; e shows what became of it.")
        await desk.press("e")
        await desk.sees("It is in ScheduleHub as the source has it.")

    at_the_desk(company, work, Manner(observe=True))
    assert company.metadata(TRIED) == [("olga", "1")]
    assert company.metadata(WAITING) == [(2,)]


def test_only_the_row_that_was_asked_about_is_tried(company: World) -> None:
    """It leaves the list while the question is open, and the cursor comes to stand on another."""

    async def work(desk: Desk) -> None:
        await desk.press("5")
        await desk.until(lambda: desk.table.total == 3)
        asked = desk.table.row.uid
        listed = desk.console.screen
        await desk.press("t")
        await desk.sees("Look for the parent of 1 row now?")
        company.metadata(
            "UPDATE pending_children SET resolved_at = clock_timestamp(), resolution = 'superseded' "
            f"WHERE uid = '{asked}' RETURNING 1"
        )
        listed.load()
        await desk.until(lambda: listed.table.total == 2)
        await desk.press("y")
        await desk.sees("No row waits that is like that")

    at_the_desk(company, work)
    assert company.metadata(TRIED) == []


def test_who_blocks_most_leads_to_its_rows_and_its_record(company: World) -> None:
    async def work(desk: Desk) -> None:
        await desk.press("5", "v")
        await desk.until(lambda: desk.table.total == 2)
        assert [(row.key, row.descendants) for row in desk.table.rows.page(0, 2)] == [("id=C9", 2), ("id=C8", 1)]
        await desk.press("f")
        await desk.sees("no failed record of its own")
        await desk.press("enter")
        await desk.until(lambda: desk.table.total == 2 and desk.table.row.parent_key == "id=C9")
        await desk.press("escape")
        await desk.until(lambda: desk.table.total == 2 and desk.table.row is not None)
        await desk.press("j", "f")
        await desk.sees("customers: ", "NAME")

    at_the_desk(company, work)


def test_a_parent_with_a_masked_key_leads_to_its_rows_and_is_not_explained_falsely(world: World) -> None:
    world.serve("customers", CUSTOMERS, [ONE])
    world.serve("orders", ORDERS, [order(n, CUSTOMER="C9") for n in (1, 2)])
    world.configure(
        YAML.replace("business_key: [id]}", "business_key: [id], mappings: [{source: ID, target: id, mask: true}]}")
    )
    world.sync("customers", "orders")

    async def work(desk: Desk) -> None:
        await desk.press("5", "v")
        await desk.until(lambda: desk.table.total == 1)
        assert "C9" not in desk.text
        await desk.press("e")
        await desk.sees("is masked, so that it names no record")
        await desk.press("escape")
        await desk.until(lambda: desk.table.total == 1)
        await desk.press("enter")
        await desk.until(lambda: desk.table.total == 2)

    at_the_desk(world, work)


def test_a_read_only_console_does_not_even_ask(company: World) -> None:
    async def work(desk: Desk) -> None:
        await desk.press("5")
        await desk.until(lambda: desk.table.total == 3)
        await desk.press("asterisk", "t")
        await desk.sees("This console is read-only")
        assert "Look for the parents" not in desk.text

    at_the_desk(company, work, Manner(read_only=True))
    assert company.metadata(TRIED) == []

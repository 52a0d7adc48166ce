"""Batches, by keys alone: one of them, two side by side, and the deletions that were withheld."""

import pytest

from tests.engine.conftest import World
from tests.engine.conftest import world as world  # a fixture
from tests.tui.desk import Desk, at_the_desk
from tests.tui.test_workflows import ORDERS, order
from tests.tui.test_workflows import company as company  # a fixture
from tui.bridge import Manner

pytestmark = pytest.mark.integration

STATES = "SELECT state, count(*) FROM withheld_deletes GROUP BY state"
ACTS = "SELECT actor, act FROM audit_log WHERE act LIKE 'deletions.%'"


def test_a_batch_accounts_for_its_rows_and_leads_to_what_failed(company: World) -> None:
    async def work(desk: Desk) -> None:
        await desk.press("3")
        await desk.until(lambda: desk.table.row is not None and desk.table.row.entity_name == "orders")
        await desk.press("enter")
        await desk.sees("✔ 40 fetched = 34 inserted", "2 pending", "4 failed", "40 fetched → 36 read", "QTY")
        await desk.press("enter")
        await desk.until(lambda: desk.table.total == 4)

    at_the_desk(company, work)


def lines(desk: Desk) -> dict[str, list[str]]:
    """The words of each line by the first of them."""
    return {line.split()[0]: line.split() for line in desk.text.splitlines() if line.strip()}


def test_two_batches_side_by_side(company: World) -> None:
    """The second has two failures of the first kind less."""
    faults = {3: "N/A", 4: "12,5x"}
    company.serve("orders", ORDERS, [order(n, QTY=faults.get(n, f"{n}.5")) for n in range(1, 42)])
    company.sync("orders")

    async def work(desk: Desk) -> None:
        await desk.press("3")
        await desk.until(lambda: desk.table.total == 3)
        await desk.press("equals_sign")
        await desk.sees("Mark two batches")
        await desk.press("space", "equals_sign")
        await desk.sees("side by side", "fetched")
        await desk.until(lambda: lines(desk).get("fetched", [])[1:] == ["40", "41", "+1"], "the rows fetched")
        assert lines(desk)["unchanged"][1:3] == ["0", "34"]
        assert lines(desk)["failed"][1:] == ["4", "2", "-2"]
        await desk.press("n")
        await desk.sees("41 fetched")

    at_the_desk(company, work)


def test_withheld_rows_are_looked_at_and_dropped_by_their_number(company: World) -> None:
    company.serve("orders", ORDERS, [order(n) for n in range(1, 11)])
    company.sync("orders")

    async def work(desk: Desk) -> None:
        await desk.press("3")
        await desk.until(lambda: desk.table.row is not None and desk.table.row.counters.withheld == 30)
        await desk.press("enter")
        await desk.sees("Withheld deletions", "and 10 more (w shows them)")
        await desk.press("w")
        await desk.until(lambda: desk.table.total == 30)
        await desk.press("slash")
        await desk.type("no=17")
        await desk.press("enter")
        await desk.until(lambda: desk.table.total == 1)
        await desk.press("e")
        await desk.sees("The source no longer shows it, and its deletion is withheld")
        await desk.press("escape", "escape", "escape", "D")
        await desk.sees("Drop the deletions of 30 rows?")
        await desk.type("30")
        await desk.press("enter")
        await desk.sees("30 deletions dropped")

    at_the_desk(company, work, size=(120, 50))
    assert company.metadata(STATES) == [("discarded", 30)]
    assert company.metadata(ACTS) == [("olga", "deletions.discard")]
    assert len(company.rows("orders")) == 40


def test_a_batch_that_stands_still_is_given_up(company: World) -> None:
    company.execute("DELETE FROM syncflow.batch_chunks")
    company.execute(
        "UPDATE syncflow.sync_batches SET status = 'interrupted', completed_at = NULL WHERE entity_name = 'orders'"
    )

    async def work(desk: Desk) -> None:
        await desk.press("3")
        await desk.until(lambda: desk.table.row is not None and desk.table.row.entity_name == "orders")
        await desk.press("enter")
        await desk.sees("interrupted")
        await desk.press("s")
        await desk.sees("Give this batch up?", "It cannot be resumed any more.")
        await desk.press("y")
        await desk.sees("cancelled")

    at_the_desk(company, work, Manner(observe=True))
    assert company.metadata("SELECT status FROM sync_batches WHERE entity_name = 'orders'") == [("cancelled",)]

"""The nights by keys alone: giving a table its nights, pausing, going on at once, other terms, and removing them."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.engine.conftest import World
from tests.engine.conftest import world as world  # a fixture
from tests.tui.desk import Desk, at_the_desk
from tests.tui.test_workflows import CUSTOMERS, ORDERS, YAML, order
from tui.bridge import Manner

pytestmark = pytest.mark.integration

ACTS = "SELECT act FROM audit_log WHERE act LIKE 'schedule.%' ORDER BY id"
TERMS = "SELECT window_start::text, days_to_complete, paused FROM background_sync_schedule"


@pytest.fixture
def company(world: World) -> World:
    world.serve("customers", CUSTOMERS, [{"ID": "C1", "NAME": "One"}])
    world.serve("orders", ORDERS, [order(n) for n in range(1, 11)])
    world.configure(YAML)
    world.sync("customers")
    return world


def closed_now() -> str:
    """A window that opens in six hours, for one."""
    opens = datetime.now(UTC) + timedelta(hours=6)
    return f"{opens:%H}:00-{opens + timedelta(hours=1):%H}:00"


def test_a_table_is_given_nights_that_are_kept_and_paused(company: World) -> None:
    async def work(desk: Desk) -> None:
        await desk.press("6")
        await desk.sees("Nothing happens by itself yet", "kept by a daemon")
        await desk.press("n")
        await desk.sees("Which entity is to be synced by night?")
        await desk.type("orders")
        await desk.press("enter")
        await desk.sees("The nights of orders", "19:00-07:00")
        await desk.press("enter")
        for _ in "19:00-07:00":
            await desk.press("backspace")
        await desk.type("25:00-07:00")
        await desk.press("enter")
        await desk.sees("is no time of day")
        for _ in "25:00-07:00":
            await desk.press("backspace")
        await desk.type(closed_now())
        await desk.press("enter")
        await desk.until(lambda: "is no time of day" not in desk.text)
        await desk.press("ctrl+s")
        await desk.sees("The schedule of orders is kept.", "waits", "no night has been measured yet", "1 row")
        await desk.press("p")
        await desk.sees("1 schedule is paused: orders.", "‖ paused")
        await desk.press("enter")
        await desk.sees("the last nights", "rows not counted yet", "come with the next cycle")
        await desk.press("p")
        await desk.sees("1 schedule goes on: orders.", "○ waits")

    at_the_desk(company, work, Manner(observe=True))
    assert company.metadata(ACTS) == [("schedule.create",), ("schedule.pause",), ("schedule.resume",)]
    assert company.metadata(TERMS) == [(f"{closed_now()[:5]}:00", 7, False)]


def by_night(*names: str) -> str:
    """A statement that gives these tables nights, whose window is closed now."""
    opens, closes = closed_now().split("-")
    values = ", ".join(f"('{name}', '{opens}', '{closes}', 'UTC', '{{1,2,3,4,5,6,7}}', 1)" for name in names)
    return (
        "INSERT INTO background_sync_schedule (entity_name, window_start, window_end, time_zone, days_of_week,"
        f" days_to_complete) VALUES {values} RETURNING 1"
    )


def test_those_that_are_marked_go_on_at_once_and_are_disabled(company: World) -> None:
    company.metadata(by_night("customers", "orders"))

    async def work(desk: Desk) -> None:
        await desk.press("6")
        await desk.until(lambda: desk.table.total == 2)
        await desk.press("asterisk", "e")
        await desk.sees("2 schedules are disabled: customers, orders.")
        await desk.until(lambda: desk.text.count("– disabled") == 2)
        await desk.press("asterisk", "e")
        await desk.sees("2 schedules are enabled: customers, orders.")
        await desk.until(lambda: desk.text.count("○ waits") == 2)
        await desk.press("asterisk", "t")
        await desk.sees("Go on with 2 tables now: customers, orders?")
        await desk.press("y")
        await desk.sees("2 cycles go on: customers, orders.")
        await desk.until(lambda: len(company.rows("orders")) == 10, "the rows")
        await desk.press("enter")
        await desk.sees("✔ the table is through")
        await desk.press("e")
        await desk.sees("1 schedule is disabled")

    at_the_desk(company, work)


def test_run_now_goes_on_at_once_and_the_night_is_shown(company: World) -> None:
    company.metadata(by_night("orders"))

    async def work(desk: Desk) -> None:
        await desk.sees("tonight", "orders", "no night has been measured yet")
        await desk.press("6")
        await desk.sees("○ waits", "kept by this console")
        await desk.press("t")
        await desk.sees("Go on with orders now?")
        await desk.press("y")
        await desk.sees("1 cycle goes on: orders.")
        await desk.until(lambda: len(company.rows("orders")) == 10, "the rows")
        await desk.press("enter")
        await desk.sees("✔ the table is through", "10")
        await desk.press("d")
        await desk.sees("Remove the schedule of orders?")
        await desk.type("orders")
        await desk.press("enter")
        await desk.sees("orders has no schedule any more.")
        await desk.until(lambda: desk.table.total == 0)

    at_the_desk(company, work)
    assert company.metadata(ACTS) == [("schedule.run_now",), ("schedule.remove",)]


def test_an_interval_is_shown_and_changed(company: World) -> None:
    company.metadata("UPDATE entity_config SET sync_schedule = 'every 6 h' WHERE entity_name = 'customers' RETURNING 1")

    async def work(desk: Desk) -> None:
        await desk.press("6")
        await desk.sees("customers", "every 6 h", "by the clock")
        await desk.press("E")
        await desk.sees("How often is customers to be synced?")
        await desk.type("every 2 weeks")
        await desk.press("enter")
        await desk.sees("is no interval")
        await desk.press("E")
        await desk.type("30 5 * * MON")
        await desk.press("enter")
        await desk.sees("30 5 * * MON (UTC)")

    at_the_desk(company, work, Manner(observe=True))


def test_what_is_still_typed_is_not_kept_as_it_was(company: World) -> None:
    async def work(desk: Desk) -> None:
        await desk.press("6", "n")
        await desk.type("orders")
        await desk.press("enter")
        await desk.sees("nights to complete")
        await desk.press("down", "down", "down", "enter")
        await desk.type("0")
        await desk.press("ctrl+s")
        await desk.sees("A line is still open")
        assert len(desk.console.bridge.runtime.schedules.list().nights) == 0

    at_the_desk(company, work)

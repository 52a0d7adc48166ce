"""Two consoles and a daemon on one database: each sees what the others do, and acts on what is true now."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from syncflow.sandbox.faults import Fault
from syncflow.settings import Settings
from tests.faults.conftest import field as field  # a fixture
from tests.faults.daemons import daemon
from tests.faults.field import SLUG, Field, item, items
from tests.tui.desk import Desk, desk
from tui.bridge import Manner

pytestmark = pytest.mark.integration

ACTS = "SELECT actor, act FROM audit_log WHERE actor IN ('olga', 'piet') ORDER BY id"
DECIDED = "SELECT raw_data->>'ID', resolution, resolved_by FROM failed_records WHERE resolved_at IS NOT NULL"


def together(field: Field, work: Callable[[Desk, Desk], Awaitable[None]]) -> None:
    """Run `work` at two desks beside a daemon."""

    async def session() -> None:
        settings = Settings(**field.settings)  # type: ignore[arg-type]
        async with (
            desk(settings, Manner(observe=True), operator="olga") as olga,
            desk(settings, Manner(observe=True), operator="piet") as piet,
        ):
            for each in (olga, piet):
                await each.until(lambda each=each: len(each.console.neighbours) == 2, "connection")
            await work(olga, piet)

    with daemon(field) as running:
        running.wait_ready()
        asyncio.run(session())


def test_a_batch_that_one_starts_another_stops(field: Field) -> None:
    field.configure()
    field.break_source(Fault(kind="delay", path=SLUG, seconds=0.2, times=None))

    async def work(olga: Desk, piet: Desk) -> None:
        await piet.press("3")
        await olga.press("2")
        await olga.until(lambda: olga.table.total == 1)
        await olga.press("s")
        await piet.until(lambda: "▶ running" in piet.text, "olga's batch")
        await olga.press("3")
        await olga.until(lambda: "▶ running" in olga.text, "the batch")
        await olga.press("s")
        await olga.sees("Stop")
        await piet.press("s")
        await piet.sees("Stop")
        await piet.press("y")
        await piet.until(lambda: "◐ interrupted" in piet.text, "its end")
        await olga.press("y")
        await olga.sees("has ended already (interrupted); there is nothing to stop", "◐ interrupted")

    together(field, work)
    assert field.statuses() == ["interrupted"]
    field.check_books()
    assert field.ask(ACTS) == [("olga", "batch.request"), ("piet", "batch.stop")]


def test_a_record_that_another_has_closed_is_not_tried_again(field: Field) -> None:
    field.configure()
    field.sync()

    async def work(olga: Desk, piet: Desk) -> None:
        for each in (olga, piet):
            await each.press("4")
            await each.until(lambda each=each: each.table.total == 3, "three records")
            await each.press("enter")
            await each.sees("waits for you")
        await olga.press("i")
        await olga.type("seen")
        await olga.press("enter")
        for each in (olga, piet):
            await each.until(lambda each=each: "closed: ignored, by olga" in each.text, "its end")
        await piet.press("t")
        await piet.sees("ignored by olga", "seen")
        await piet.press("escape")
        await piet.until(lambda: piet.table.total == 2, "two records")

    together(field, work)
    ((_number, resolution, by),) = field.ask(DECIDED)
    assert (resolution, by) == ("ignored", "olga")


def test_what_becomes_more_than_was_asked_about_is_not_done(field: Field) -> None:
    field.configure()
    field.sync()

    async def work(olga: Desk, piet: Desk) -> None:
        await olga.press("4")
        await olga.until(lambda: olga.table.total == 3, "three records")
        await olga.press("asterisk", "t")
        await olga.sees("Try 3 records again?")
        field.serve([*items(), item(2_000, QTY="none", version=2_000)])
        await piet.press("2")
        await piet.until(lambda: piet.table.total == 1)
        await piet.press("s")
        await olga.until(lambda: len(field.ask("SELECT uid FROM failed_records WHERE resolved_at IS NULL")) == 4,
                         "a fourth record")  # fmt: skip
        await olga.press("y")
        await olga.sees("4 records match by now, and not 3")

    together(field, work)
    assert field.ask(ACTS) == [("piet", "batch.request")]


def test_a_pause_is_seen_and_cannot_be_done_twice(field: Field) -> None:
    field.configure()

    async def work(olga: Desk, piet: Desk) -> None:
        await piet.sees("● scheduler: daemon")
        await olga.press("6")
        await olga.press("n")
        await olga.type(SLUG)
        await olga.press("enter")
        await olga.sees("The nights of items")
        await olga.press("ctrl+s")
        await piet.press("6")
        for each in (olga, piet):
            await each.until(lambda each=each: each.table.total == 1, "the schedule")
        await olga.press("p")
        for each in (olga, piet):
            await each.until(lambda each=each: "‖ paused" in each.text, "the pause")
        await piet.press("p")
        for each in (olga, piet):
            await each.until(lambda each=each: "‖ paused" not in each.text, "the going on")

    together(field, work)
    assert [act for _who, act in field.ask(ACTS)] == ["schedule.create", "schedule.pause", "schedule.resume"]

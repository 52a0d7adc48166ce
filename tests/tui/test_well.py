"""Alerts, the doctor and the morning's report on the console."""

import pytest

from tests.engine.conftest import World
from tests.engine.conftest import world as world  # a fixture
from tests.tui.desk import Desk, at_the_desk
from tests.tui.test_schedules import company as company  # a fixture
from tui.bridge import Manner

pytestmark = pytest.mark.integration


def test_an_alert_is_told_once_shown_and_told_when_it_is_over(company: World) -> None:
    async def work(desk: Desk) -> None:
        await desk.sees("● database", "● APISmith")
        runtime = desk.console.bridge.runtime
        company.metadata("UPDATE sync_batches SET status = 'failed', error_message = 'broken' RETURNING 1")
        await desk.until(lambda: runtime.alerts.evaluate() is None)
        await desk.sees("▲", "customers", ":alerts shows what helps.")
        await desk.press("w")
        await desk.until(lambda: desk.table.total == 1)
        await desk.sees("customers")
        company.metadata("UPDATE sync_batches SET status = 'completed', error_message = NULL RETURNING 1")
        await desk.until(lambda: runtime.alerts.evaluate() is None)
        await desk.sees("✔ well again", "Nothing is wrong.")

    at_the_desk(company, work)


def test_the_doctor_examines_line_by_line(company: World) -> None:
    async def work(desk: Desk) -> None:
        await desk.press("D")
        await desk.until(lambda: "examined" in desk.text)
        await desk.sees("database", "APISmith", "ScheduleHub", "✔ ok")

    at_the_desk(company, work, Manner(observe=True))


def test_the_report_says_what_was_done(company: World) -> None:
    async def work(desk: Desk) -> None:
        await desk.press("m")
        await desk.sees("1 batch of 1 entity: 1 row read, 1 in.")
        assert "1 batch of 1 entity: 1 row read, 1 in." in [line.strip() for line in desk.text.splitlines()]
        await desk.press("escape", "colon")
        await desk.type("report 25:00")
        await desk.press("enter")
        await desk.sees("report takes 19:00, or a day and a time such as 2026-07-01T19:00, not '25:00'.")
        await desk.press("colon")
        await desk.type("report 2026-07-01")
        await desk.press("enter")
        await desk.sees("2026-07-01 00:00 to 2", "1 batch of 1 entity")

    at_the_desk(company, work, Manner(observe=True))

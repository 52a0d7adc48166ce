"""The log and the audit trail: what is kept, what is shown, and what is heard of other processes."""

import asyncio
import io
import logging
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TextIO, cast

import pytest
import structlog

from syncflow.logs import configure_logs
from tests.engine.conftest import World
from tests.engine.conftest import world as world  # a fixture
from tests.tui.desk import Desk, at_the_desk
from tests.tui.test_workflows import company as company  # a fixture
from tui.log_tail import KEPT, LogTail


@pytest.fixture(autouse=True)
def restored_logging() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    configure_logs("info", json=False, stream=io.StringIO())
    yield
    root.handlers, root.level = handlers, level
    structlog.reset_defaults()


def log_into(tail: LogTail, level: str = "info") -> None:
    configure_logs(level, json=False, stream=cast(TextIO, tail))


@pytest.mark.unit
def test_the_newest_lines_are_kept_whoever_writes_them() -> None:
    tail = LogTail()

    def write(writer: int) -> None:
        for number in range(KEPT // 4):
            tail.write(f"2026-01-01 [info     ] {writer} {number}\n")

    with ThreadPoolExecutor(8) as writers:
        list(writers.map(write, range(8)))
    lines = tail.lines()
    assert (tail.written, len(lines)) == (KEPT * 2, KEPT)
    assert [line.number for line in lines] == list(range(KEPT + 1, KEPT * 2 + 1))


@pytest.mark.unit
def test_a_traceback_is_of_the_level_of_its_line() -> None:
    tail = LogTail()
    log_into(tail)
    log = structlog.get_logger("x")
    log.info("before")
    try:
        raise ValueError("a [debug] word\nand a second line")
    except ValueError:
        log.exception("broke")
    first, *broken = tail.lines()
    assert first.level == "info"
    assert len(broken) > 3
    assert {(line.level, line.record) for line in broken} == {("error", 2)}
    assert any("and a second line" in line.text for line in broken)


@pytest.mark.integration
def test_what_another_process_does_is_logged_and_found(company: World) -> None:
    async def work(desk: Desk) -> None:
        log_into(desk.console.log_tail)
        await desk.sees("needs you")
        await asyncio.to_thread(company.sync, "orders")
        await desk.press("8")
        await desk.sees("a batch begins", "a batch ended", "entity=orders")
        await desk.press("plus")
        await desk.until(lambda: desk.table.total == 1, "the warning alone")
        await desk.press("enter")
        await desk.sees("completed_with_errors", "failed=4")
        await desk.press("escape", "plus", "plus")
        await desk.sees("No line matches the level and the filter.")

    at_the_desk(company, work)


@pytest.mark.integration
def test_a_list_that_is_held_still_stands_still(company: World) -> None:
    async def work(desk: Desk) -> None:
        log_into(desk.console.log_tail)
        log = structlog.get_logger("test")
        await desk.press("8")
        log.info("the first")
        await desk.sees("the first")
        await desk.press("p")
        total = desk.table.total
        log.info("the second")
        await desk.sees("paused, 1 newer")
        await desk.press("slash")
        await desk.type("second")
        await desk.press("enter")
        await desk.until(lambda: desk.table.total == 0)
        await desk.press("escape")
        await desk.until(lambda: desk.table.total == total)
        await desk.press("p")
        await desk.sees("the second", "live")

    at_the_desk(company, work)


@pytest.mark.integration
def test_the_audit_trail_tells_what_was_before_and_after(company: World) -> None:
    company.configure("entities: [{name: customers, business_key: [id], delete_mode: soft}]")

    async def work(desk: Desk) -> None:
        await desk.press("8", "v", "slash")
        await desk.type("act:entity.update")
        await desk.press("enter")
        await desk.until(lambda: desk.table.total == 1 and desk.table.row is not None)
        await desk.press("enter")
        await desk.sees("entity.update  customers")
        changes = {" ".join(line.split()) for line in desk.text.splitlines()}
        assert {"- delete_mode hard", "+ delete_mode soft"} <= changes

    at_the_desk(company, work)

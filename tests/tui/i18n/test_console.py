"""The console itself in Persian: its screens mirrored, the page that asks which line reads right, the two calendars."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from textual.pilot import Pilot

from syncflow.i18n import formats
from syncflow.settings import Settings
from tests.tui.i18n.persian import speaking
from tui.app import Console
from tui.bridge import Manner
from tui.rtl.terminals import Answers
from tui.screens.reading_test import ReadingTest
from tui.widgets.lazy_table import LazyTable

pytestmark = [pytest.mark.integration, pytest.mark.anyio]


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@asynccontextmanager
async def console(state: Path, language: str = "fa") -> AsyncIterator[tuple[Console, Pilot[None]]]:
    """A console that finds no database: its screens are there all the same."""
    settings = Settings(database_url="postgresql://nobody@127.0.0.1:1/none", state_dir=state)
    with speaking(language):
        made = Console(settings, Manner(), "olga")
        try:
            async with made.run_test(size=(120, 36)) as pilot:
                await pilot.press("7")
                for _ in range(200):
                    await pilot.pause(0.05)
                    if any("DATABASE_URL" in line for line in _lines(made)):
                        break
                yield made, pilot
        finally:
            formats.use_gregorian(False)


def _lines(app: Console) -> list[str]:
    return [strip.text for strip in app.screen._compositor.render_strips()]


async def test_the_console_stands_mirrored_with_its_header_on_the_right(tmp_path: Path) -> None:
    async with console(tmp_path) as (app, pilot):
        for _ in range(300):
            lines = _lines(app)
            if any("postgresql://nobody@127.0.0.1:1/none" in line for line in lines):
                break
            await pilot.pause(0.05)
        assert lines[0].rstrip().endswith("SyncFlow")
        assert "ﻩﺩﺍﺩ ﻩﺎﮕﯾﺎﭘ ✖" in lines[0]
        assert lines[1].rstrip().endswith("ﺩﺭﻮﺒﺷﺍﺩ 1")
        assert any(line.rstrip().endswith("DATABASE_URL") for line in lines)
        assert any("postgresql://nobody@127.0.0.1:1/none" in line for line in lines)


async def test_a_filter_is_typed_and_the_list_is_walked_on_a_persian_keyboard(tmp_path: Path) -> None:
    async with console(tmp_path) as (app, pilot):
        table = app.screen.query_one(LazyTable)
        everything = table.total
        await pilot.press("slash", "h", "t", "t", "p", "enter")
        await pilot.pause(0.6)
        assert 0 < table.total < everything
        await pilot.press("ت")
        assert table.cursor == 1


@pytest.mark.parametrize(("key", "bidi"), [("1", "auto"), ("2", "off"), ("escape", "auto")])
async def test_the_line_that_reads_right_decides_who_orders(tmp_path: Path, key: str, bidi: str) -> None:
    async with console(tmp_path) as (app, pilot):
        app.action_reading_test()
        await pilot.pause(0.1)
        lines = _lines(app)
        first, second = (next(line for line in lines if line.strip().startswith(number + "  ")) for number in "12")
        assert "SalesOrder ﺯﺍ ﻒﯾﺩﺭ ۲۵" in first
        assert "۲۵ ردیف از SalesOrder" in second
        await pilot.press(key)
        await pilot.pause(0.1)
        assert app.bidi == bidi
        assert app.runs_left is (bidi != "off")


async def test_when_no_line_reads_right_it_says_what_helps(tmp_path: Path) -> None:
    async with console(tmp_path) as (app, pilot):
        app.action_reading_test()
        await pilot.pause(0.1)
        await pilot.press("0")
        await pilot.pause(0.1)
        assert isinstance(app.screen, ReadingTest)
        assert any("tmux" in line for line in _lines(app))


async def test_the_setting_is_kept_for_the_next_session(tmp_path: Path) -> None:
    async with console(tmp_path) as (app, _pilot):
        app.use_bidi("off")
        assert not app.runs_left
    async with console(tmp_path) as (app, _pilot):
        assert not app.runs_left
        app.use_bidi("app")
        assert app.runs_left


async def test_who_must_set_the_terminal_right_is_told_once(tmp_path: Path) -> None:
    async with console(tmp_path) as (app, pilot):
        for _ in range(2):
            app.terminal_heard(None, "kitty")
            await pilot.pause(0.05)
        assert sum("kitty" in note.message for note in app._notifications) == 1
        assert app._session is not None
        app._session._heard(Answers("XTerm(379)", 3))
        assert sum("XTerm" in note.message for note in app._notifications) == 0


async def test_a_key_shows_persian_dates_in_the_other_calendar_and_is_remembered(tmp_path: Path) -> None:
    async with console(tmp_path) as (app, pilot):
        assert formats.is_jalali()
        await pilot.press("C")
        assert not formats.is_jalali()
    formats.use_gregorian(False)
    async with console(tmp_path) as (app, pilot):
        assert not formats.is_jalali()
        await pilot.press("ز")
        assert not formats.is_jalali(), "that key is c, which chooses columns"
        await pilot.press("escape", "ژ")
        assert formats.is_jalali(), "shift and the same key on a Persian keyboard"
    async with console(tmp_path, "tr") as (app, _pilot):
        assert "C" not in app.screen.active_bindings


async def test_the_direction_changes_within_a_moment(tmp_path: Path) -> None:
    async with console(tmp_path) as (app, pilot):
        begin = time.perf_counter()
        app.turn(left=False, tell_terminal=False)
        await pilot.pause()
        assert time.perf_counter() - begin < 2
        assert _lines(app)[0].startswith(" SyncFlow")

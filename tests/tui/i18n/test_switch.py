"""The language changes while the console runs: all that is shown, and nothing that was typed, marked or chosen."""

import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from syncflow.i18n import catalog
from syncflow.i18n.languages import LANGUAGES
from syncflow.settings import Settings
from tests.tui.i18n.persian import speaking
from tests.waiting import PATIENCE_SECONDS
from tui.app import Console
from tui.bridge import Manner
from tui.remembered import Remembered
from tui.rtl.line import Manner as LineManner
from tui.rtl.line import ordered
from tui.screens.reading_test import ReadingTest
from tui.widgets.lazy_table import LazyTable
from tui.widgets.prompt import Prompt

pytestmark = [pytest.mark.integration, pytest.mark.anyio]


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


class Desk:
    def __init__(self, console: Console, pilot: "Pilot[None]") -> None:
        self.console = console
        self.pilot = pilot

    @property
    def text(self) -> str:
        return "\n".join(strip.text for strip in self.console.screen._compositor.render_strips())

    async def until(self, happened: Callable[[], object]) -> None:
        end = time.monotonic() + PATIENCE_SECONDS
        while not happened():
            assert time.monotonic() < end, self.text
            await self.pilot.pause(0.02)

    async def command(self, line: str) -> None:
        prompt = self.console.screen.query_one("#command", Prompt)
        prompt.open(line)
        await self.pilot.press("enter")

    async def sees(self, message: str) -> None:
        """This text of the code, translated and as it is painted."""
        await self.until(lambda: painted(catalog._(message)) in self.text)


def painted(text: str) -> str:
    if catalog.language() not in ("fa", "ar"):
        return text
    spans = ordered(text, LineManner.TEXT)
    return text if spans is None else "".join(span.text for span in spans).strip()


@asynccontextmanager
async def desk(state: Path, asked: str | None = None, locale: str = "en") -> AsyncIterator[Desk]:
    """A console that finds no database: its screens are there all the same."""
    settings = Settings(database_url="postgresql://nobody@127.0.0.1:1/none", state_dir=state)
    with speaking("en"):
        console = Console(settings, Manner(), "olga")
        console.begin_in(asked, locale)
        async with console.run_test(size=(120, 36)) as pilot:
            yield Desk(console, pilot)


@pytest.mark.parametrize("language", ["fa", "ar", "tr"])
async def test_all_that_is_shown_is_in_the_new_language_at_once(tmp_path: Path, language: str) -> None:
    async with desk(tmp_path) as at:
        await at.sees("Nothing is running. s syncs all entities.")
        await at.command(f"lang {language}")
        assert catalog.language() == language
        for message in ("dashboard", "settings", "needs you", "lately", "rows 24h", "Help"):
            await at.sees(message)
        await at.sees("Nothing is running. s syncs all entities.")
        assert "needs you" not in at.text
        assert at.console.runs_left is (language in ("fa", "ar"))
        await at.command("lang en")
        await at.until(lambda: "needs you" in at.text and "Help" in at.text)
        assert not at.console.runs_left


async def test_cursor_marks_filter_and_what_is_typed_stay(tmp_path: Path) -> None:
    async with desk(tmp_path) as at:
        await at.pilot.press("7")
        await at.until(lambda: "DATABASE_URL" in at.text)
        await at.pilot.press("slash", "h", "t", "t", "p", "enter")
        table = at.console.screen.query_one(LazyTable)
        await at.until(lambda: table.rows.total < 15)
        total = table.total
        await at.pilot.press("space", "j")
        marked, cursor = set(table.marks), table.cursor
        await at.pilot.press("slash")
        field = at.console.screen.query_one("#filter", Prompt).query_one(Input)
        field.value = "http"
        await at.until(lambda: table.total == total)
        at.console.speak("fa")
        await at.sees("setting")
        assert field.value == "http"
        assert field.has_focus
        assert (set(table.marks), table.cursor, table.total) == (marked, cursor, total)
        assert marked


async def test_screens_that_are_not_in_front_follow_when_they_come_there(tmp_path: Path) -> None:
    async with desk(tmp_path) as at:
        for key in "2345678":
            await at.pilot.press(key)
        at.console.speak("tr")
        for key, titles in (("4", ["entity", "Filter"]), ("1", ["needs you", "success 24h"]), ("6", ["Filter"])):
            await at.pilot.press(key)
            for title in titles:
                await at.sees(title)


async def test_the_key_goes_from_language_to_language_and_the_last_one_is_kept(tmp_path: Path) -> None:
    async with desk(tmp_path) as at:
        for name in (*list(LANGUAGES)[1:], "en", "fa"):
            await at.pilot.press("L")
            await at.until(lambda name=name: catalog.language() == name)
    async with desk(tmp_path, locale="tr"):
        assert catalog.language() == "fa"
    async with desk(tmp_path, asked="ar", locale="tr"):
        assert catalog.language() == "ar"
    assert Remembered(tmp_path / "console" / "olga.json").text("language") == "fa"


async def test_who_puts_lines_in_order_is_chosen_by_a_command(tmp_path: Path) -> None:
    async with desk(tmp_path, asked="fa") as at:
        await at.command("bidi off")
        await at.until(lambda: not at.console.runs_left)
        await at.command("bidi app")
        await at.until(lambda: at.console.runs_left)
        await at.command("bidi")
        await at.until(lambda: isinstance(at.console.screen, ReadingTest))


async def test_a_language_that_is_not_spoken_is_refused(tmp_path: Path) -> None:
    async with desk(tmp_path) as at:
        await at.command("lang xx")
        await at.until(lambda: any("'xx'" in note.message for note in at.console._notifications))
        assert catalog.language() == "en"


async def test_the_palette_speaks_it_too(tmp_path: Path) -> None:
    async with desk(tmp_path, asked="tr") as at:
        await at.pilot.press("ctrl+p")
        await at.sees("a command ..")
        await at.sees("is all well?")
        await at.pilot.press("x", "x", "x")
        await at.sees("There is no such command.")


async def test_switching_is_quick(tmp_path: Path) -> None:
    """Must reach: 300 ms at 200x50. The bound here is wide, since other work may share the machine."""
    async with desk(tmp_path) as at:
        await at.pilot.resize_terminal(200, 50)
        await at.pilot.pause()
        took = []
        for language in ("fa", "en", "fa", "tr", "ar"):
            begin = time.perf_counter()
            at.console.speak(language)
            await at.pilot.pause()
            took.append(time.perf_counter() - begin)
        assert min(took) < 2

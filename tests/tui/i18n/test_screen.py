"""The whole screen from right to left: what is painted where, and what mouse and keys hit."""

import subprocess
import sys
from typing import Any

import pytest
from rich.cells import cell_len
from textual import events
from textual.app import ComposeResult
from textual.containers import HorizontalScroll
from textual.pilot import Pilot
from textual.widgets import Input, Static, TextArea

from tests.tui.i18n.desks import Desk, Question, persian_desk
from tests.tui.i18n.persian import speaking
from tui.direction import Directed
from tui.rtl.compositor import MirroredCompositor
from tui.rtl.line import Manner, ordered
from tui.widgets.lazy_table import LazyTable

pytestmark = [pytest.mark.unit, pytest.mark.anyio]
WIDTH = 100


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


async def _mouse(desk: Desk, pilot: "Pilot[Any]", kind: type[events.MouseEvent], x: int, y: int) -> None:
    """As the driver sends it: the column is counted on the painted screen."""
    button = 0 if kind is events.MouseMove else 1
    desk.post_message(kind(None, x, y, 0, 0, button, False, False, False, screen_x=x, screen_y=y))
    await pilot.pause(0.05)


async def _click(desk: Desk, pilot: "Pilot[Any]", x: int, y: int) -> None:
    await _mouse(desk, pilot, events.MouseDown, x, y)
    await _mouse(desk, pilot, events.MouseUp, x, y)


def _glyph_at(desk: Desk, x: int, y: int) -> str:
    return desk.lines[y][x]


async def test_every_line_fills_the_screen_and_columns_stand_mirrored() -> None:
    async with persian_desk() as (desk, pilot):
        await pilot.pause(0.2)
        lines = desk.lines
        assert {cell_len(line) for line in lines} == {WIDTH}
        titles = next(number for number, line in enumerate(lines) if "ﺖﯿﻌﺿﻭ" in line)
        assert lines[titles].index("ﻪﺳﺎﻨﺷ") > lines[titles].index("ﯼﺮﺘﺸﻣ ﻡﺎﻧ") > lines[titles].index("ﺖﯿﻌﺿﻭ")
        assert lines[titles + 1].rstrip().endswith("SO-0/A")
        assert "ORA-00000 :ﺎﻄﺧ" in lines[titles + 1]


async def test_boxes_islands_and_editors_are_as_they_should_be() -> None:
    async with persian_desk() as (desk, _pilot):
        lines = desk.lines
        assert lines[1].endswith("┌" + "─" * 18 + "┐")
        assert lines[2].endswith("ﺎﯿﻧﺩ  ﻡﻼﺳ│")
        assert any(line.startswith('{"name": "ﺎﯿﻧﺩ ﻡﺎﻠﺳ"}') for line in lines)
        assert any("select * from ﻡﺎﻠﺳ" in line for line in lines)


@pytest.mark.parametrize("changed", ["#table", "#side", "#words"])
async def test_a_partial_frame_paints_the_cells_that_a_full_one_would(changed: str) -> None:
    """What is sent for a change, on top of what was there, gives the screen as it is."""
    async with persian_desk() as (desk, pilot):
        await pilot.pause(0.2)
        compositor = desk.screen._compositor
        painted = [list(line) for line in desk.lines]
        compositor._dirty_regions.clear()
        with desk.batch_update():
            widget = desk.query_one(changed)
            if isinstance(widget, LazyTable):
                widget.cursor = 3
            elif isinstance(widget, Static):
                widget.update("بدرود", layout=False)
            compositor.update_widgets({widget})
            update = compositor.render_partial_update()
            assert update is not None
            for y, x1, x2 in update.spans:
                row = [(x, strip.text) for x, strip in update.chops[y].items() if strip is not None]
                for x, text in row:
                    for place, sign in enumerate(text, x):
                        if x1 <= place < x2:
                            painted[y][place] = sign
            assert ["".join(line) for line in painted] == desk.lines
        assert changed == "#table" or "ﺩﻭﺭﺪﺑ" in "".join(desk.lines)


async def test_what_lies_behind_a_modal_screen_is_not_turned_twice() -> None:
    async with persian_desk() as (desk, pilot):
        await pilot.pause(0.2)
        before = desk.lines
        desk.push_screen(Question())
        await pilot.pause(0.2)
        after = desk.lines
        assert isinstance(desk.screen._compositor, MirroredCompositor)
        assert "(ﻒﯾﺩﺭ ۳) ؟ﺪﯿﺘﺴﻫ ﻦﺌﻤﻄﻣ ﺎﯾﺁ" in after[1]
        assert after[4:12] == before[4:12]


async def test_the_screenshot_is_mirrored_too() -> None:
    async with persian_desk() as (desk, pilot):
        await pilot.pause(0.2)
        picture = desk.export_screenshot(simplify=True)
        assert "ﺖﯿﻌﺿﻭ" in picture
        assert "وضعیت" not in picture


async def test_the_mouse_hits_what_is_painted_under_it() -> None:
    async with persian_desk() as (desk, pilot):
        await pilot.pause(0.2)
        y = next(number for number, line in enumerate(desk.lines) if "SO-2/A" in line)
        await _click(desk, pilot, desk.lines[y].index("SO-2/A"), y)
        assert desk.query_one(LazyTable).cursor == 2
        link = desk.lines[1].index("ﺪﻧﻮﯿﭘ")
        for x in (link, link + 4):
            await _click(desk, pilot, x, 1)
        assert desk.done == ["link", "link"]
        await _click(desk, pilot, desk.lines[1].index("12-A"), 1)
        assert desk.done == ["link", "link"]


async def test_typed_text_grows_to_the_left_and_the_cursor_stands_at_its_end() -> None:
    async with persian_desk() as (desk, pilot):
        field = desk.query_one("#filter", Input)
        field.focus()
        await pilot.press("س", "ل", "ا", "م", "space", "a", "b")
        assert field.value == "سلام ab"
        assert desk.lines[0].rstrip().endswith("ab ﻡﺎﻠﺳ")
        assert desk.lines[0].endswith("ﻡﺎﻠﺳ")
        await pilot.press("home")
        assert desk.cursor_position == (WIDTH - 1, 0)
        await pilot.press("left")
        assert field.cursor_position == 1
        assert _glyph_at(desk, desk.cursor_position.x, 0) == "ﻠ"
        await pilot.press("right")
        assert field.cursor_position == 0


async def test_the_cursors_cell_is_painted_where_the_text_ends() -> None:
    async with persian_desk() as (desk, pilot):
        field = desk.query_one("#filter", Input)
        field.focus()
        await pilot.press("س", "ل")
        cursor = field.get_component_rich_style("input--cursor").bgcolor
        strip = desk.screen._compositor.render_strips()[0]
        painted = [segment.style for segment in strip for _sign in segment.text]
        assert [x for x, style in enumerate(painted) if style and (style.bgcolor == cursor or style.reverse)] == [97]


async def test_deletion_and_selection_take_the_letters_they_seem_to_take() -> None:
    async with persian_desk() as (desk, pilot):
        field = desk.query_one("#filter", Input)
        field.focus()
        await pilot.press("س", "ل", "ا", "م", "backspace")
        assert field.value == "سلا"
        await pilot.press("home", "delete")
        assert field.value == "لا"
        assert desk.lines[0].endswith("ﺎﻟ"), "in a field lam and alef keep a place each"
        await pilot.press("shift+left")
        assert field.selected_text == "ل"
        await pilot.press("گ")
        assert field.value == "گا"
        await pilot.press("end", "shift+right")
        assert field.selected_text == "ا"


async def test_a_click_puts_the_cursor_on_the_letter_under_it_in_mixed_text() -> None:
    async with persian_desk() as (desk, pilot):
        field = desk.query_one("#filter", Input)
        field.value = "کد abc است"
        await pilot.pause(0.05)
        line = desk.lines[0]
        for sign, place in (("a", 3), ("c", 5), ("ﺳ", 8)):
            await _click(desk, pilot, line.index(sign), 0)
            assert field.cursor_position == place


async def test_a_field_that_begins_in_latin_runs_to_the_right() -> None:
    async with persian_desk() as (desk, pilot):
        field = desk.query_one("#filter", Input)
        field.focus()
        await pilot.press("a", "b", "colon", "س", "ل")
        assert desk.lines[0].startswith("ab:ﻞﺳ")
        assert desk.cursor_position.x <= 6
        await pilot.press("home", "right")
        assert field.cursor_position == 1


async def test_an_editor_is_an_island_for_keys_and_mouse() -> None:
    async with persian_desk() as (desk, pilot):
        code = desk.query_one(TextArea)
        code.focus()
        await pilot.press("right", "right")
        assert code.cursor_location == (0, 2)
        y = next(number for number, line in enumerate(desk.lines) if "select" in line)
        await _click(desk, pilot, desk.lines[y].index("from"), y)
        assert code.cursor_location == (0, len("select * "))


async def test_the_arrows_of_a_mirrored_screen_are_turned_round() -> None:
    async with persian_desk() as (desk, pilot):
        desk.query_one(LazyTable).focus()
        await pilot.press("right")
        assert desk.done == ["left"]


async def test_the_direction_changes_while_it_runs() -> None:
    async with persian_desk() as (desk, pilot):
        await pilot.pause(0.2)
        assert desk.lines != desk.layout_lines
        desk.turn(left=False, tell_terminal=False)
        await pilot.pause(0.05)
        assert desk.lines == desk.layout_lines
        desk.push_screen(Question())
        await pilot.pause(0.05)
        desk.turn(left=True, tell_terminal=True)
        await pilot.pause(0.05)
        assert "(ﻒﯾﺩﺭ ۳)" in desk.lines[1]
        desk.pop_screen()
        await pilot.pause(0.05)
        assert desk.lines[1].endswith("┐")


async def test_off_means_that_nobody_here_turns_anything() -> None:
    with speaking("fa"):
        desk = Desk()
        async with desk.run_test(size=(WIDTH, 24)) as pilot:
            desk.turn_as("off")
            await pilot.pause(0.05)
            assert not desk.runs_left
            assert desk.lines[2].startswith("│سلام دنیا")


ENGLISH = """
import sys
from tui.direction import Directed
from tui.app import Console
import tui.console, syncflow.i18n.formats
desk = Directed()
desk.turn_as("auto")
parts = ("tui.rtl", "tui.i18n.bidi", "tui.i18n.joining", "tui.i18n.mirrors", "persiantools")
sys.exit(", ".join(name for name in sys.modules if name.startswith(parts)) or 0)
"""


def test_an_english_session_imports_nothing_of_it() -> None:
    ended = subprocess.run([sys.executable, "-c", ENGLISH], capture_output=True, text=True, check=False, timeout=60)
    assert ended.returncode == 0, ended.stderr


class Wide(Directed):
    """A text that is wider than the place it is seen through."""

    CSS = "#view { width: 12; height: 1; scrollbar-size: 0 0; } #text { width: 40; }"

    def compose(self) -> ComposeResult:
        with HorizontalScroll(id="view"):
            yield Static("ابپتثجچحخدذرزژسشصضطظ", id="text")

    def on_mount(self) -> None:
        self.turn_as("auto")


async def test_what_is_seen_of_a_wide_text_is_its_beginning_and_scrolls_on() -> None:
    with speaking("fa"):
        wide = Wide()
        async with wide.run_test(size=(30, 3)) as pilot:
            await pilot.pause(0.05)
            line = wide.screen._compositor.render_strips()[0].text
            assert line == " " * 18 + shown("ابپتثجچحخدذرزژسشصضطظ")[-12:]
            wide.query_one("#view").scroll_to(x=5, animate=False, immediate=True)
            await pilot.pause(0.05)
            line = wide.screen._compositor.render_strips()[0].text
            assert line == " " * 18 + shown("ابپتثجچحخدذرزژسشصضطظ")[-17:-5]


def shown(text: str) -> str:
    spans = ordered(text, Manner.TEXT)
    assert spans is not None
    return "".join(span.text for span in spans)

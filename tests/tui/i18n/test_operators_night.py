"""A Persian and an Arabic operator mend failed records by keys alone, on the keyboards of their languages."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

import pytest
from textual._xterm_parser import XTermParser
from textual.widgets import Input

from syncflow.i18n import catalog
from tests.engine.conftest import World
from tests.engine.conftest import world as world  # a fixture
from tests.tui.desk import Desk, at_the_desk
from tests.tui.i18n.persian import speaking

pytestmark = pytest.mark.integration

COLUMNS = {"NO": "NUMBER(10)", "QTY": "NUMBER(12,2)", "NOTE": "VARCHAR2(40)"}
YAML = "entities: [{name: orders, business_key: [no]}]"
MENDED = """
entities:
  - {{name: orders, business_key: [no], mappings: [{{source: QTY, replacements: [{{match: "{value}", to: "2"}}]}}]}}
"""
OPEN = "SELECT count(*) FROM failed_records WHERE resolved_at IS NULL"


@dataclass(frozen=True)
class Night:
    """`keys` are what the keyboard sends at the places of 4, E, y and t; what is seen is from left to right."""

    language: str
    keys: Sequence[str]
    edited: str
    retried: str
    common: str
    seen_value: str
    seen_heading: str
    passed: str


NIGHTS = (
    Night("fa", ("۴", "ٍ", "غ", "ف"), "ده تا", "دو تا", "تا", "ﺎﺗ ﻩﺩ", "ﯽﻟﺎﺳﺭﺍ", "موفق شد"),
    Night("ar", ("٤", "ُ", "غ", "ف"), "عشر قطع", "ست قطع", "قطع", "ﻊﻄﻗ ﺮﺸﻋ", "ﻞﺳﺭﺃ ﺎﻤﻛ", "نجح"),
)


@pytest.mark.parametrize("night", NIGHTS, ids=lambda night: night.language)
def test_from_a_filter_in_its_letters_to_a_record_that_is_gone(night: Night, world: World) -> None:
    failing = {1: night.edited, 2: night.retried, 3: "N/A"}
    rows = [{"NO": str(no), "QTY": failing.get(no, f"{no}.5"), "NOTE": "سلام"} for no in range(1, 9)]
    world.serve("orders", COLUMNS, rows)
    world.configure(YAML)
    world.sync("orders")
    four, edit, yes, retry = night.keys

    async def work(desk: Desk) -> None:
        catalog.use(night.language)
        desk.console.turn_to_language()
        _send(desk, four)
        await desk.until(lambda: desk.table.total == 3)
        await desk.press("slash", *night.common, "enter")
        await desk.until(lambda: desk.table.total == 2)
        await _filtered(desk, night.edited)
        await desk.press("enter")
        await desk.sees(night.seen_heading, night.seen_value)
        _send(desk, edit)
        await desk.until(lambda: isinstance(desk.console.focused, Input))
        await _mend(desk, night)
        await desk.press("ctrl+s")
        await desk.until(lambda: desk.console.screen.is_modal)
        _send(desk, yes)
        await desk.sees(night.passed)
        await desk.press("escape")
        await _filtered(desk, night.common)
        await desk.until(lambda: desk.table.total == 1, "one record that still fails")
        await asyncio.to_thread(world.configure, MENDED.format(value=night.retried))
        _send(desk, retry)
        await desk.until(
            lambda: world.metadata("SELECT count(*) FROM failed_records WHERE resolved_at IS NULL") == [(1,)]
        )
        await desk.until(lambda: desk.table.total == 0, "nothing like the filter")
        await desk.press("escape")
        await desk.until(lambda: desk.table.total == 1, "the record that was not mended")

    with speaking("en"):
        at_the_desk(world, work)
    assert [qty for no, qty in world.values("orders", "no", "qty") if no in (1, 2)] == [12, 2]


def _send(desk: Desk, sign: str) -> None:
    """As a terminal does; a pilot knows no keys for vowel marks, which are the capitals' places."""
    driver = desk.console._driver
    assert driver is not None
    for event in XTermParser().feed(sign):
        event.set_sender(desk.console)
        driver.send_message(event)


async def _filtered(desk: Desk, text: str) -> None:
    await desk.press("slash", "end", *["backspace"] * 12, *["space" if sign == " " else sign for sign in text], "enter")


async def _mend(desk: Desk, night: Night) -> None:
    """From the words to 12, by way of mixed text: what is typed, deleted and chosen is what the field holds."""
    field = desk.console.focused
    assert isinstance(field, Input)
    assert field.value == night.edited
    await desk.press("end", "space", "1", "2", "space", "س", "ل")
    assert field.value == f"{night.edited} 12 سل"
    await desk.press("shift+right", "shift+right")
    assert field.selected_text == "سل"
    await desk.press("backspace", "backspace")
    assert field.value == f"{night.edited} 12"
    await desk.press("home", "delete")
    assert field.value == f"{night.edited[1:]} 12"
    await desk.press(*["shift+left"] * len(night.edited))
    assert field.selected_text == f"{night.edited[1:]} "
    await desk.press("delete")
    assert field.value == "12"

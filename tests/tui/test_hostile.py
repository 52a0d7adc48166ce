"""Values that would take hold of a terminal, in every view that shows data: nothing of them gets through, each line is
as wide as the screen, and what is hidden in them is seen."""

import unicodedata

import pytest
import structlog
from rich.cells import cell_len

from syncflow.i18n.catalog import ENGLISH, use
from syncflow.service.failed_records import FailedFilter
from tests.engine.conftest import World
from tests.engine.conftest import world as world  # a fixture
from tests.tui.desk import Desk, at_the_desk
from tests.tui.test_log import log_into
from tests.tui.test_log import restored_logging as restored_logging  # a fixture
from tui.bridge import Manner
from tui.plain import harmless

pytestmark = pytest.mark.integration

EVIL = "[red]x[/] \x1b[31m\x1b]0;t\x07 \u202er\u2066l \u200b\u200c\u200d\ufeff \r\n\t\x9b2J [@click=app.leave]q[/]"
LONG = f"{EVIL} {'w' * 10_000}"
ORDERS = {"NO": "VARCHAR2(200)", "CUSTOMER": "VARCHAR2(200)", "QTY": "NUMBER(12,2)", "NOTE": "CLOB"}
YAML = """
entities:
  - {name: customers, business_key: [id]}
  - {name: orders, business_key: [no], parent_refs: {customer: {entity: customers, fields: {customer: id}}}}
"""
SEEN = "[31m"
"""What is left of an escape sequence where it is shown."""
WALK = {
    "dashboard": ["1"],
    "report": ["1", "m"],
    "alerts": ["1", "w"],
    "doctor": ["1", "D"],
    "entities": ["2"],
    "entity": ["2", "j", "enter"],
    "dry run": ["2", "j", "d"],
    "batches": ["3"],
    "batch": ["3", "enter"],
    "withheld": ["3", "enter", "w"],
    "compared": ["3", "space", "j", "space", "equals_sign"],
    "failed": ["4"],
    "record": ["4", "enter"],
    "editing": ["4", "enter", "E"],
    "groups": ["4", "v"],
    "remedy": ["4", "v", "m"],
    "explained failure": ["4", "e"],
    "pending": ["5"],
    "waiting row": ["5", "enter"],
    "blockers": ["5", "v"],
    "explained waiting": ["5", "e"],
    "log": ["8"],
    "line": ["8", "enter"],
    "audit": ["8", "v"],
    "act": ["8", "v", "enter"],
}
WITHOUT = {"dashboard", "report", "alerts", "doctor", "entities", "batches", "compared", "entity"}
"""They show figures and names; a name of an entity is checked when it is given."""

LEFT_TO_RIGHT = {"log", "line", "act"}
"""What machines write is not turned in any language."""


def order(number: int, **changed: object) -> dict[str, object]:
    return {"NO": f"{number} {EVIL}", "CUSTOMER": "C1", "QTY": "1", "NOTE": EVIL, **changed}


@pytest.fixture
def company(world: World) -> World:
    """Of 40 orders 30 vanish, one fails and one waits: all with a key like that."""
    world.serve("customers", {"ID": "VARCHAR2(200)"}, [{"ID": "C1"}])
    world.serve("orders", ORDERS, [order(n) for n in range(40)])
    world.configure(YAML)
    world.sync("customers", "orders")
    changed = {0: {"QTY": LONG, "NOTE": LONG}, 1: {"CUSTOMER": EVIL}, 2: {"QTY": "2"}}
    world.serve("orders", ORDERS, [order(n, **changed.get(n, {})) for n in range(10)])
    world.sync("orders")
    with world.runtime() as runtime:
        record = runtime.failed_records.page(FailedFilter(), None, 1)[0]
        runtime.failed_records.ignore(runtime.failed_records.named([str(record.uid)]), EVIL)
        runtime.failed_records.withdraw(str(record.uid))
    return world


@pytest.mark.parametrize(
    ("language", "width"),
    [pytest.param("en", 80, marks=pytest.mark.slow), ("en", 200), pytest.param("fa", 120, marks=pytest.mark.slow)],
)
def test_no_view_lets_anything_through(company: World, language: str, width: int) -> None:
    shown: dict[str, str] = {}

    async def work(desk: Desk) -> None:
        await desk.until(lambda: len(desk.console.neighbours) == 2)
        desk.console.speak(language)
        log_into(desk.console.log_tail)
        structlog.get_logger("test").warning(EVIL, about=LONG)
        for name, keys in WALK.items():
            for key in keys:
                await desk.press(key)
                await desk.until(lambda: desk.console.screen.is_current, "rest")
                await desk.rest()
            if name in LEFT_TO_RIGHT or (width == 200 and name not in WITHOUT):
                await desk.until(lambda: SEEN in desk.text, f"{name}: the value")
            shown[name] = desk.text
            check(desk, name)
            while len(desk.console.screen_stack) > 1:
                await desk.press("escape")

    try:
        at_the_desk(company, work, Manner(observe=True), (width, 36))
    finally:
        use(ENGLISH)
    if width == 200:
        assert harmless(EVIL)[:40] in shown["record"]


def check(desk: Desk, name: str) -> None:
    width, _height = desk.console.size
    for line in desk.text.splitlines():
        assert cell_len(line) == width, (name, line)
        through = [sign for sign in line if unicodedata.category(sign) in ("Cc", "Cf", "Zl", "Zp", "Cs")]
        assert not through, (name, line, through)

"""Small applications that run from right to left, for looking at what is painted."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import ClassVar

from textual._compositor import Compositor
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.pilot import Pilot
from textual.screen import ModalScreen
from textual.widgets import Footer, Input, Static, TextArea

from tests.tui.i18n.persian import speaking
from tui.direction import Directed
from tui.widgets.lazy_table import LazyTable
from tui.widgets.rows import Column, RowList


@dataclass(frozen=True)
class Record:
    number: int
    name: str
    state: str


COLUMNS = (
    Column[Record]("number", "شناسه", lambda record: f"SO-{record.number}/A", 14),
    Column[Record]("name", "نام مشتری", lambda record: record.name, 30),
    Column[Record]("state", "وضعیت", lambda record: record.state, 20),
    Column[Record]("rest", "پیام", lambda record: f"خطا: ORA-{record.number:05} نقض قید یکتا (X.Y)"),
)
ENGLISH_COLUMNS = (
    Column[Record]("number", "id", lambda record: f"SO-{record.number}/A", 14),
    Column[Record]("name", "customer", lambda record: f"The customer {record.number}", 30),
    Column[Record]("state", "state", lambda record: "with errors", 20),
    Column[Record]("rest", "message", lambda record: f"Error: ORA-{record.number:05} unique violated (X.Y)"),
)


def records(count: int) -> list[Record]:
    return [Record(number, f"شرکت پخش سلامت {number}", "با خطا پایان یافت") for number in range(count)]


class Question(ModalScreen[None]):
    def compose(self) -> ComposeResult:
        yield Static("آیا مطمئن هستید؟ (۳ ردیف)")


class Desk(Directed):
    """A filter, a table, an island and a footer."""

    CSS = """
    Input { border: none; height: 1; padding: 0; }
    #row { height: 3; } #side { width: 20; border: solid red; } #words { width: 1fr; }
    #code { height: 3; } LazyTable { height: 8; }
    Question { align: left top; } Question Static { width: 30; height: 1; margin: 1 2; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("r", "did('r')", "تلاش دوباره"),
        Binding("R", "did('R')", "همه"),
        Binding("left_square_bracket", "did('[')", "پیشین", show=False),
        Binding("slash", "did('/')", "پالایه", show=False),
        Binding("left", "did('left')", show=False),
        Binding("i", "did('i')", "درون", show=False),
        Binding("ctrl+r", "did('ctrl+r')", show=False),
    ]

    def __init__(self) -> None:
        super().__init__()
        self.done: list[str] = []
        self.typed = ""

    def compose(self) -> ComposeResult:
        yield Input(id="filter")
        with Horizontal(id="row"):
            yield Static("سلام دنیا", id="side")
            yield Static("کد 12-A و [@click=app.did('link')]پیوند[/] اینجا", id="words")
        yield LazyTable(COLUMNS, lambda record: record.number, id="table")
        yield Static('{"name": "سلام دنیا"}', id="json", classes="ltr", markup=False)
        yield TextArea("select * from سلام", id="code")
        yield Footer()

    def on_mount(self) -> None:
        self.turn_as("auto")
        rows = RowList(records(200), lambda record: record.number)
        self.query_one(LazyTable).read(lambda: rows)

    def action_did(self, what: str) -> None:
        self.done.append(what)

    def on_input_changed(self, event: Input.Changed) -> None:
        self.typed = event.value

    @property
    def lines(self) -> list[str]:
        """What is painted."""
        return [strip.text for strip in self.screen._compositor.render_strips()]

    @property
    def layout_lines(self) -> list[str]:
        """What is laid out, before anything is put in order."""
        plain = Compositor()
        vars(plain).update(vars(self.screen._compositor))
        return [strip.text for strip in plain.render_strips()]


@asynccontextmanager
async def persian_desk(size: tuple[int, int] = (100, 24)) -> AsyncIterator[tuple[Desk, Pilot[None]]]:
    with speaking("fa"):
        desk = Desk()
        async with desk.run_test(size=size) as pilot:
            await pilot.pause(0.05)
            yield desk, pilot

"""`?`: what the present screen is for and every key that works there, to be searched."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from syncflow.i18n.catalog import N_, _
from tui.filtering import chosen, parse
from tui.marks import Tone, toned
from tui.widgets.lazy_table import LazyTable
from tui.widgets.rows import Column, RowList


@dataclass(frozen=True)
class KeyLine:
    """A key as it is named, what it does, and the name by which it can be changed."""

    key: str
    does: str
    binding: str


class HelpScreen(ModalScreen[None]):
    DEFAULT_CSS = """
    HelpScreen { align: center middle; }
    HelpScreen > Vertical {
        width: 90%; max-width: 100; height: 90%; background: $surface;
        border: round $primary; padding: 0 1;
    }
    HelpScreen Static { height: auto; }
    HelpScreen #title { text-style: bold; }
    HelpScreen Input { border: none; height: 1; background: $panel; padding: 0; margin: 1 0 0 0; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss(None)", N_("Back"), id="help.close"),
        Binding("down", "app.focus_next", show=False),
    ]

    def __init__(self, title: str, about: str, keys: Sequence[KeyLine]) -> None:
        super().__init__()
        self._title = title
        self._about = about
        self._keys = keys

    def compose(self) -> ComposeResult:
        with Vertical():
            yield Static(toned(self._title, Tone.LIVE), id="title")
            yield Static(toned(self._about))
            yield Input(placeholder=_("type to search"), compact=True)
            yield LazyTable(
                [
                    Column("key", N_("key"), lambda line: (line.key, Tone.WARN), 16),
                    Column("does", N_("what it does"), lambda line: line.does),
                    Column(
                        "id", N_("name in the key file"), lambda line: (line.binding, Tone.QUIET), 24, from_width=80
                    ),
                ],
                lambda line: line.key,
                empty=N_("No key does that."),
            )

    def on_mount(self) -> None:
        self._show("")

    def on_input_changed(self, event: Input.Changed) -> None:
        self._show(event.value)

    def _show(self, text: str) -> None:
        words = " ".join(f'"{word}"' for word in text.replace('"', "").split())
        lines = chosen(self._keys, parse(words, ()), lambda line: {"key": line.key, "does": line.does})
        table: LazyTable[KeyLine] = self.query_one(LazyTable)
        table.read(lambda: RowList(lines, lambda line: line.key), keep_place=False)

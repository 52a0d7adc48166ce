"""A text about entities, to be looked at, copied or written into a file."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from syncflow.errors import UsageError
from syncflow.i18n.catalog import N_, _
from tui.marks import toned
from tui.screens.place import Place
from tui.screens.question import TypedQuestion

if TYPE_CHECKING:
    from syncflow.runtime import Runtime


class EntityTextScreen(Place):
    TITLE_WORD = N_("as text")
    ABOUT = N_("A text as other programs take it. y sends it to the terminal's clipboard, x writes it into a file.")
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "copy", N_("Copy"), id="text.copy"),
        Binding("x", "export", N_("Into a file"), id="text.export"),
        Binding("j", "scroll(1)", N_("Down"), show=False, id="text.down"),
        Binding("k", "scroll(-1)", N_("Up"), show=False, id="text.up"),
    ]
    DEFAULT_CSS = """
    EntityTextScreen VerticalScroll { height: 1fr; background: $background; padding: 0 1; }
    EntityTextScreen VerticalScroll Static { height: auto; }
    """

    def __init__(self, title: str, make: "Callable[[Runtime], str]") -> None:
        """`make` is called in a thread."""
        super().__init__()
        self._title_said = title
        self._make = make
        self._text = ""

    @property
    def title_text(self) -> str:
        return self._title_said

    def body(self) -> ComposeResult:
        with VerticalScroll():
            yield Static(classes="ltr")

    def on_mount(self) -> None:
        self.focus_body()

    def focus_body(self) -> None:
        self.query_one(VerticalScroll).focus()

    def load(self) -> None:
        self.read(self._make, self._show_text)

    def _show_text(self, text: str) -> None:
        self._text = text
        self.query_one(".ltr", Static).update(Content("\n").join([toned(line) for line in text.splitlines()]))

    def action_scroll(self, lines: int) -> None:
        self.query_one(VerticalScroll).scroll_relative(y=lines, animate=False)

    def action_copy(self) -> None:
        self.app.copy_to_clipboard(self._text)
        self.notify(_("Sent to the terminal: {}").format(self.title_text), markup=False)

    def action_export(self) -> None:
        self.app.push_screen(TypedQuestion(_("Into which file?")), self._export_into)

    def _export_into(self, name: str | None) -> None:
        if name is None:
            return
        file, text = Path(name).expanduser(), self._text

        def write(_runtime: "Runtime") -> None:
            try:
                with file.open("x", encoding="utf-8") as out:
                    out.write(text)
            except FileExistsError as error:
                raise UsageError(_("{} is there already; choose another name.").format(file)) from error
            except OSError as error:
                raise UsageError(_("{} cannot be written: {}.").format(file, error.strerror)) from error

        self.read(write, lambda _none: self.notify(_("It is in {}.").format(file), markup=False), group="export")

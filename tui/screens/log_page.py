"""A page of text to read and scroll: what a list cuts off, whole."""

from collections.abc import Callable, Iterable
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content

from syncflow.i18n.catalog import N_, _
from tui.screens.place import Place
from tui.widgets.words import Words


class Page(Place):
    """A subclass yields `page` in its body, and says in `plain` what is copied."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down,j", "scroll(1)", N_("Down"), show=False, id="page.down"),
        Binding("up,k", "scroll(-1)", N_("Up"), show=False, id="page.up"),
        Binding("y", "copy", N_("Copy"), id="page.copy"),
    ]
    DEFAULT_CSS = """
    Page VerticalScroll { height: 1fr; padding: 1 1 0 1; }
    Page #told { height: auto; }
    """

    def page(self, lines: Callable[[], Iterable[Content]]) -> ComposeResult:
        """What was written for machines: it is read from the left in every language."""
        with VerticalScroll():
            yield Words(lambda: Content("\n").join(lines()), id="told", classes="ltr")

    def plain(self) -> str:
        """The text without its looks."""
        raise NotImplementedError

    def on_mount(self) -> None:
        self.focus_body()

    def focus_body(self) -> None:
        self.query_one(VerticalScroll).focus()

    def action_scroll(self, lines: int) -> None:
        self.query_one(VerticalScroll).scroll_relative(y=lines, animate=False)

    def action_copy(self) -> None:
        self.app.copy_to_clipboard(self.plain())
        self.notify(_("Sent to the terminal."), markup=False)

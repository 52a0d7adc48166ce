"""What is shown while the terminal has no room for the console."""

from textual import events
from textual.app import ComposeResult
from textual.screen import ModalScreen
from textual.widgets import Static

from syncflow.i18n.catalog import _
from syncflow.i18n.formats import whole
from tui.marks import Tone, toned

COLUMNS, ROWS = 60, 16
"""The least with which a screen can be read; it is made for 80x24 and more."""


class TooSmallScreen(ModalScreen[None]):
    """Goes by itself when there is room again; nothing of what is below is lost."""

    DEFAULT_CSS = """
    TooSmallScreen { align: center middle; background: $background; }
    TooSmallScreen Static { width: auto; height: auto; max-width: 100%; }
    """

    def compose(self) -> ComposeResult:
        yield Static()

    def on_mount(self) -> None:
        self._say()

    def on_resize(self, _event: events.Resize) -> None:
        self._say()

    def _say(self) -> None:
        size = self.app.size
        said = _("This terminal has {columns} x {rows} characters. SyncFlow needs 80 x 24: make it larger.")
        text = said.format(columns=whole(size.width), rows=whole(size.height))
        self.query_one(Static).update(toned(text, Tone.WARN))


def is_too_small(width: int, height: int) -> bool:
    return width < COLUMNS or height < ROWS

"""Which columns of a list are shown."""

from collections.abc import Collection, Sequence
from typing import Any, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Static

from syncflow.i18n.catalog import N_, _
from tui.marks import Tone, toned
from tui.widgets.lazy_table import LazyTable
from tui.widgets.rows import Cell, RowList
from tui.widgets.rows import Column as ListColumn

Column = ListColumn[Any]


class ColumnsScreen(ModalScreen[frozenset[str] | None]):
    """Gives the keys of the columns that are hidden from now on; None when it was left."""

    DEFAULT_CSS = """
    ColumnsScreen { align: center bottom; }
    ColumnsScreen > Vertical {
        width: 100%; height: auto; max-height: 80%; background: $panel;
        border-top: heavy $primary; padding: 0 1;
    }
    ColumnsScreen Static { height: auto; }
    ColumnsScreen #ask { text-style: bold; }
    ColumnsScreen LazyTable { background: $panel; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("space", "turn", N_("Show or hide"), id="columns.turn", priority=True),
        Binding("enter", "done", N_("Done"), id="columns.done", priority=True),
        Binding("escape,q", "dismiss(None)", N_("Leave"), id="columns.leave"),
    ]

    def __init__(self, columns: Sequence[Column], hidden: Collection[str]) -> None:
        super().__init__()
        self._columns = list(columns)
        self._hidden = set(hidden)

    def compose(self) -> ComposeResult:
        with Vertical():
            yield Static(toned(_("Which columns?")), id="ask")
            yield LazyTable([ListColumn("shown", N_("column"), self._cell)], lambda column: column.key)
            yield Static(toned(_("space shows or hides · Enter keeps it · Esc leaves everything as it is"), Tone.QUIET))

    def on_mount(self) -> None:
        table = self.query_one(LazyTable)
        table.styles.height = len(self._columns) + 1
        table.focus()
        self._show()

    def _cell(self, column: Column) -> Cell:
        if column.key in self._hidden:
            return f"· {_(column.title)}", Tone.QUIET
        wide = _("(from {width} cells on)").format(width=column.from_width) if column.from_width else ""
        return f"✔ {_(column.title)} {wide}".rstrip(), Tone.PLAIN

    def _show(self) -> None:
        self.query_one(LazyTable).read(lambda: RowList(self._columns, lambda column: column.key))

    def action_turn(self) -> None:
        column: Column | None = self.query_one(LazyTable).row
        if column is None:
            return
        self._hidden ^= {column.key}
        if len(self._hidden) == len(self._columns):
            self._hidden.discard(column.key)
            self.notify(_("One column stays."), markup=False)
        self._show()

    def action_done(self) -> None:
        self.dismiss(frozenset(self._hidden))

"""A list of any length: it draws the lines that are on the screen, and reads the pages they stand on in a thread."""

from collections import OrderedDict
from collections.abc import Callable, Collection, Hashable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, TypeVar

from rich.segment import Segment
from rich.style import Style
from textual import events, work
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.geometry import Region, Size
from textual.message import Message
from textual.reactive import reactive
from textual.scroll_view import ScrollView
from textual.strip import Strip
from textual.worker import get_current_worker

from syncflow.errors import SyncFlowError
from syncflow.i18n.catalog import N_, _
from tui.breakdown import for_a_person
from tui.marks import Tone
from tui.plain import fitted
from tui.widgets.rows import Column, RowList, Rows

R = TypeVar("R")
PAGE = 100
KEPT_PAGES = 40
LAST = 2**62
"""A line behind every list's end."""
_GAP = 2
_SAID_FROM = 2
"""The line on which an empty list says why it is empty."""
_MARK = "◆ "
_TONES = {tone: f"lazy-table--{tone.name.lower()}" for tone in Tone}


class LazyTable(ScrollView, Generic[R], can_focus=True):
    """A list with a cursor and marks. Rows are told apart by their key, so that cursor and marks stay on them when the
    list is read anew. The line of titles stays."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "move(-1)", N_("Up"), show=False, id="list.up"),
        Binding("down,j", "move(1)", N_("Down"), show=False, id="list.down"),
        Binding("pageup,ctrl+b", "leap(-1)", N_("Page up"), show=False, id="list.page_up"),
        Binding("pagedown,ctrl+f", "leap(1)", N_("Page down"), show=False, id="list.page_down"),
        Binding("home,g", "go(0)", N_("First"), show=False, id="list.first"),
        Binding("end,G", "go(-1)", N_("Last"), show=False, id="list.last"),
        Binding("enter,l", "choose", N_("Open"), show=False, id="list.open"),
        Binding("space", "mark", N_("Mark"), show=False, id="list.mark"),
        Binding("asterisk", "mark_all", N_("Mark all that match"), show=False, id="list.mark_all"),
    ]
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "lazy-table--titles",
        "lazy-table--cursor",
        "lazy-table--cursor-away",
        "lazy-table--marked",
        *_TONES.values(),
    }
    DEFAULT_CSS = """
    LazyTable {
        height: 1fr;
        background: $background;
        overflow-x: hidden;
        scrollbar-size-vertical: 1;
    }
    LazyTable > .lazy-table--titles { color: $text-muted; text-style: bold; background: $surface; }
    LazyTable > .lazy-table--cursor { background: $primary 40%; text-style: bold; }
    LazyTable > .lazy-table--cursor-away { background: $panel; }
    LazyTable > .lazy-table--marked { color: $text-accent; text-style: bold; }
    LazyTable > .lazy-table--plain { color: $foreground; }
    LazyTable > .lazy-table--good { color: $text-success; }
    LazyTable > .lazy-table--warn { color: $text-warning; }
    LazyTable > .lazy-table--bad { color: $text-error; }
    LazyTable > .lazy-table--live { color: $text-primary; }
    LazyTable > .lazy-table--quiet { color: $foreground-muted; }
    """

    cursor: reactive[int] = reactive(0, repaint=False)

    class Chosen(Message):
        """A row was opened."""

        def __init__(self, table: "LazyTable[Any]", row: Any) -> None:
            super().__init__()
            self.table = table
            self.row = row

        @property
        def control(self) -> "LazyTable[Any]":
            return self.table

    class Moved(Message):
        """The cursor stands on another row, or its row was read anew; None when the list is empty."""

        def __init__(self, table: "LazyTable[Any]", row: Any) -> None:
            super().__init__()
            self.table = table
            self.row = row

        @property
        def control(self) -> "LazyTable[Any]":
            return self.table

        def can_replace(self, message: Message) -> bool:
            return isinstance(message, LazyTable.Moved) and message.table is self.table

    class Marked(Message):
        """The marks are others now."""

        def __init__(self, table: "LazyTable[Any]") -> None:
            super().__init__()
            self.table = table

        @property
        def control(self) -> "LazyTable[Any]":
            return self.table

    class Troubled(Message):
        """The list could not be read; what was shown stays."""

        def __init__(self, table: "LazyTable[Any]", error: SyncFlowError) -> None:
            super().__init__()
            self.table = table
            self.error = error

        @property
        def control(self) -> "LazyTable[Any]":
            return self.table

    @dataclass
    class _Read(Message):
        """Pages came from the thread; with `rows`, they are of a list that takes the place of the one before."""

        generation: int
        pages: dict[int, Sequence[object]]
        rows: "Rows[object] | None" = None
        cursor: int = 0

    def __init__(
        self,
        columns: Sequence[Column[R]],
        key: Callable[[R], Hashable],
        *,
        empty: str = "",
        id: str | None = None,
    ) -> None:
        """`empty` (marked with N_) is said where there is no row."""
        super().__init__(id=id)
        self._columns = tuple(columns)
        self._key = key
        self._hidden: frozenset[str] = frozenset()
        self._empty = empty
        self._rows: Rows[R] = RowList([], key)
        self._pages: OrderedDict[int, Sequence[R]] = OrderedDict()
        self._asked: set[int] = set()
        self._generation = 0
        self._is_read = False
        self._wanted_key: Hashable | None = None
        self.marks: dict[Hashable, R] = {}
        self.all_marked = False

    @property
    def columns(self) -> tuple[Column[R], ...]:
        return self._columns

    @property
    def hidden(self) -> frozenset[str]:
        """The keys of columns that are not shown, however wide the list is."""
        return self._hidden

    def hide(self, columns: Collection[str]) -> None:
        self._hidden = frozenset(columns)
        self.refresh()

    @property
    def total(self) -> int:
        return self._rows.total

    @property
    def row(self) -> R | None:
        """The row under the cursor; None when there is none, or it is not read yet."""
        return self._row_at(self.cursor)

    @property
    def rows(self) -> Rows[R]:
        return self._rows

    def say_when_empty(self, text: str) -> None:
        """`text` is marked with N_."""
        self._empty = text
        self.refresh()

    def read(self, make: Callable[[], Rows[R]], *, keep_place: bool = True, at_end: bool = False) -> None:
        """Show the list that `make` gives (called in a thread) in the place of the present one. The cursor stays on its
        row; where that is gone, or `keep_place` is not wanted, on its line or on the first; `at_end`: on the last."""
        row = self.row
        key = self._wanted_key if row is None else self._key(row)
        self._generation += 1
        height = max(self.size.height, 1)
        key = key if keep_place and not at_end else None
        line = LAST if at_end else self.cursor if keep_place else 0
        self._replace(make, self._generation, key, line, height)

    @work(thread=True, exclusive=True, exit_on_error=False, group="list")
    def _replace(
        self, make: Callable[[], Rows[R]], generation: int, key: Hashable | None, line: int, height: int
    ) -> None:
        worker = get_current_worker()
        try:
            rows = make()
            found = None if key is None else rows.find(key)
            cursor = max(min(line, rows.total - 1), 0) if found is None else found
            first, last = max(cursor - height, 0) // PAGE, (cursor + height) // PAGE
            pages = {page: rows.page(page * PAGE, PAGE) for page in range(first, last + 1) if page * PAGE < rows.total}
        except Exception as error:  # noqa: BLE001 - whatever it is, the operator hears of it
            self.post_message(self.Troubled(self, for_a_person(error)))
            return
        if not worker.is_cancelled:
            self.post_message(self._Read(generation, dict(pages), rows, cursor))

    @work(thread=True, exit_on_error=False, group="pages")
    def _read_page(self, rows: Rows[R], generation: int, page: int) -> None:
        try:
            read = rows.page(page * PAGE, PAGE)
        except Exception as error:  # noqa: BLE001 - whatever it is, the operator hears of it
            self.post_message(self.Troubled(self, for_a_person(error)))
            return
        self.post_message(self._Read(generation, {page: read}))

    def on_lazy_table__read(self, message: "LazyTable._Read") -> None:
        message.stop()
        if message.generation != self._generation:
            return
        if message.rows is not None:
            self._take(message.rows, message.cursor)  # type: ignore[arg-type]
        for page, rows in message.pages.items():
            self._pages[page] = rows  # type: ignore[assignment]
            self._asked.discard(page)
        while len(self._pages) > KEPT_PAGES:
            self._pages.popitem(last=False)
        self.refresh()
        self.post_message(self.Moved(self, self.row))

    def _take(self, rows: Rows[R], cursor: int) -> None:
        on_screen = self.cursor - self.scroll_offset.y
        self._rows = rows
        self._pages.clear()
        self._asked.clear()
        self._is_read = True
        self.virtual_size = Size(self.size.width, rows.total + 1)
        self.set_reactive(LazyTable.cursor, cursor)
        self.scroll_to(y=max(cursor - on_screen, 0), animate=False, force=True)
        self._show_cursor()

    def _row_at(self, index: int) -> R | None:
        page = self._pages.get(index // PAGE)
        place = index % PAGE
        return page[place] if page is not None and place < len(page) else None

    def validate_cursor(self, cursor: int) -> int:
        return max(min(cursor, self._rows.total - 1), 0)

    def watch_cursor(self, before: int, now: int) -> None:
        self._show_cursor()
        if before // PAGE == now // PAGE:
            self._refresh_line(before)
            self._refresh_line(now)
        else:
            self.refresh()
        self.post_message(self.Moved(self, self.row))

    def _refresh_line(self, index: int) -> None:
        self.refresh(Region(0, index + 1 - self.scroll_offset.y, self.size.width, 1))

    def _show_cursor(self) -> None:
        height = max(self.size.height - 1, 1)
        top = self.scroll_offset.y
        if self.cursor < top:
            self.scroll_to(y=self.cursor, animate=False)
        elif self.cursor >= top + height:
            self.scroll_to(y=self.cursor - height + 1, animate=False)

    def on_resize(self, _event: events.Resize) -> None:
        self.virtual_size = Size(self.size.width, self._rows.total + 1)
        self._show_cursor()

    def on_focus(self) -> None:
        self._refresh_line(self.cursor)

    def on_blur(self) -> None:
        self._refresh_line(self.cursor)

    def on_click(self, event: events.Click) -> None:
        if event.y >= 1 and self._rows.total:
            was = self.cursor
            self.cursor = self.scroll_offset.y + event.y - 1
            if event.chain == 2 and was == self.cursor:
                self.action_choose()

    def action_move(self, lines: int) -> None:
        self.cursor += lines

    def action_leap(self, pages: int) -> None:
        self.cursor += pages * max(self.size.height - 2, 1)

    def action_go(self, index: int) -> None:
        self.cursor = index if index >= 0 else self._rows.total + index

    def action_choose(self) -> None:
        if self.row is not None:
            self.post_message(self.Chosen(self, self.row))

    def action_mark(self) -> None:
        row = self.row
        if row is None:
            return
        if self.all_marked:
            self.unmark()
        elif self.marks.pop(self._key(row), None) is None:
            self.marks[self._key(row)] = row
        self._refresh_line(self.cursor)
        self.post_message(self.Marked(self))
        self.action_move(1)

    def action_mark_all(self) -> None:
        """All rows that match the filter, also those that are not loaded; once more takes it back."""
        marked = not self.all_marked
        self.unmark()
        self.all_marked = marked and self._rows.total > 0
        self.refresh()
        self.post_message(self.Marked(self))

    def unmark(self) -> None:
        if self.marks or self.all_marked:
            self.marks.clear()
            self.all_marked = False
            self.refresh()
            self.post_message(self.Marked(self))

    def render_line(self, y: int) -> Strip:
        width = self.size.width
        if y == 0:
            return self._titles(width)
        index = self.scroll_offset.y + y - 1
        if index >= self._rows.total:
            return self._nothing(y, width)
        row = self._row_at(index)
        if row is None:
            self._ask(index // PAGE)
            return self._line([("…", self._style(Tone.QUIET))], width, self.rich_style)
        return self._drawn(row, index, width)

    def _ask(self, page: int) -> None:
        if page not in self._asked:
            self._asked.add(page)
            self._read_page(self._rows, self._generation, page)

    def _nothing(self, y: int, width: int) -> Strip:
        text = ""
        if self._is_read and self._rows.total == 0 and y >= _SAID_FROM:
            lines = Content(_(self._empty)).wrap(max(width - 4, 1))
            place = y - _SAID_FROM
            text = f"  {lines[place].plain}" if place < len(lines) else ""
        return self._line([(text, self._style(Tone.QUIET))], width, self.rich_style)

    def _style(self, tone: Tone) -> Style:
        return self.get_component_rich_style(_TONES[tone])

    def _titles(self, width: int) -> Strip:
        style = self.get_component_rich_style("lazy-table--titles")
        parts = [("  ", style)]
        for column, wide in self._widths(width):
            parts += [(fitted(_(column.title), wide, right=column.right), style), (" " * _GAP, style)]
        return self._line(parts, width, style)

    def _drawn(self, row: R, index: int, width: int) -> Strip:
        base = self.rich_style
        marked = self.all_marked or self._key(row) in self.marks
        parts = [(_MARK if marked else "  ", self.get_component_rich_style("lazy-table--marked", partial=True))]
        for column, wide in self._widths(width):
            cell = column.cell(row)
            text, tone = cell if isinstance(cell, tuple) else (cell, Tone.PLAIN)
            if index == self.cursor and tone is Tone.QUIET:
                tone = Tone.PLAIN  # what is muted elsewhere could not be read on the cursor's bar
            parts += [(fitted(text, wide, right=column.right), self._style(tone)), (" " * _GAP, Style.null())]
        if index == self.cursor:
            name = "lazy-table--cursor" if self.has_focus else "lazy-table--cursor-away"
            base += self.get_component_rich_style(name)
            base = Style.from_color(base.color, base.bgcolor) + Style(bold=base.bold, reverse=self.app.no_color)
        return self._line(parts, width, base)

    def _widths(self, width: int) -> list[tuple[Column[R], int]]:
        shown = [each for each in self._columns if width >= each.from_width and each.key not in self._hidden]
        taken = sum(column.width + _GAP for column in shown) + len(_MARK)
        wide = sum(column.width == 0 for column in shown)
        rest = max((width - taken) // max(wide, 1), 8)
        return [(column, column.width or min(rest, column.most or rest)) for column in shown]

    def _line(self, parts: Sequence[tuple[str, Style]], width: int, base: Style) -> Strip:
        strip = Strip([Segment(text, base + Style(color=style.color, bold=style.bold)) for text, style in parts])
        return strip.adjust_cell_length(width, base)

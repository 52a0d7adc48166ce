"""A screen around one list: filter, marks, order, copy and export, the same on all of them."""

import csv
import json
from collections.abc import Hashable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Generic, TextIO, TypeVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Static

from syncflow.errors import UsageError
from syncflow.i18n.catalog import N_, _, plural
from syncflow.i18n.formats import whole
from syncflow.i18n.texts import told
from tui.filtering import Term, parse
from tui.i18n.collation import sort_key
from tui.marks import Tone, toned
from tui.screens.columns import ColumnsScreen
from tui.screens.place import Place
from tui.screens.question import TypedQuestion
from tui.widgets.lazy_table import LazyTable
from tui.widgets.prompt import Prompt
from tui.widgets.rows import Column, Rows

if TYPE_CHECKING:
    from syncflow.runtime import Runtime

R = TypeVar("R")
EXPORT_PAGE = 1_000


class ListPlace(Place, Generic[R]):
    """A subclass says its COLUMNS, FIELDS (what the filter knows besides words), EMPTY, `key` and `rows`."""

    COLUMNS: ClassVar[Sequence[Column]] = ()  # type: ignore[type-arg]
    FIELDS: ClassVar[Sequence[str]] = ()
    EMPTY: ClassVar[str] = ""
    """Said where there is no row; marked with N_."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("slash", "filter", N_("Filter"), id="list.filter", key_display="/"),
        Binding("o", "order(1)", N_("Order by the next column"), show=False, id="list.order"),
        Binding("O", "order(0)", N_("Turn the order round"), show=False, id="list.reverse"),
        Binding("c", "columns", N_("Columns"), show=False, id="list.columns"),
        Binding("y", "copy_key", N_("Copy the number"), show=False, id="list.copy_key"),
        Binding("Y", "copy_row", N_("Copy the row as JSON"), show=False, id="list.copy_row"),
        Binding("x", "export", N_("Export"), show=False, id="list.export"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self.filter_text = ""
        self.order: tuple[str, bool] | None = None
        """The column's key and whether the order is turned round."""

    def key(self, row: R) -> Hashable:
        """What tells a row from the others, and what is copied as its number."""
        raise NotImplementedError

    def rows(self, runtime: "Runtime", terms: Sequence[Term]) -> Rows[R]:
        """The list as it is now, only what the filter lets through. Runs in a thread. Raises UsageError for a filter
        that cannot be meant."""
        raise NotImplementedError

    def document(self, row: R) -> Mapping[str, object]:
        """The row for a script: what is copied and exported as JSON."""
        return {column.key: column.text(row) for column in self.COLUMNS}

    def csv_fields(self, row: R) -> Mapping[str, object]:
        """The same with the same names for every row."""
        return self.document(row)

    @property
    def memory(self) -> str:
        """The name under which filter, order and columns are remembered."""
        return type(self).__name__

    @property
    def table(self) -> LazyTable[R]:
        return self.query_one(LazyTable)

    def list_body(self) -> ComposeResult:
        """The list, its line of figures and the filter's prompt."""
        yield LazyTable(self.COLUMNS, self.key, empty=self.EMPTY)
        yield Static(id="says")
        yield Prompt("/", id="filter", hint=self._filter_hint)

    def _filter_hint(self) -> str:
        return _("words, field:value, !not · fields: {}").format(" ".join(self.FIELDS))

    def body(self) -> ComposeResult:
        yield from self.list_body()

    def speak(self) -> None:
        super().speak()
        self.say(self.figures())

    def on_mount(self) -> None:
        self.filter_text = self.first_filter()
        column, _blank, turned = self.console.remembered.text(f"{self.memory}.order").partition(" ")
        self.order = (column, turned == "turned") if column else None
        self.table.hide(self.console.remembered.text(f"{self.memory}.hidden").split())
        self.table.focus()

    def first_filter(self) -> str:
        """The filter that the list begins with."""
        return self.console.remembered.text(f"{self.memory}.filter")

    def terms(self) -> list[Term]:
        """The filter as it stands. Raises UsageError."""
        return parse(self.filter_text, self.FIELDS)

    def load(self) -> None:
        try:
            terms = self.terms()
        except UsageError as error:
            self.say(told(error), Tone.WARN)
            return
        self.table.say_when_empty(
            N_("Nothing matches the filter. Esc takes it away.") if self.filter_text else self.EMPTY
        )
        self.table.read(lambda: self.make_rows(terms))

    def make_rows(self, terms: Sequence[Term]) -> Rows[R]:
        """The list as it is now. Runs in a thread."""
        return self.rows(self.console.bridge.runtime, terms)

    def ordered(self, rows: list[R]) -> list[R]:
        """In the order that was chosen."""
        column = next((each for each in self.COLUMNS if self.order and each.key == self.order[0]), None)
        if column is None or column.order is None or self.order is None:
            return rows
        order = column.order
        return sorted(rows, key=lambda row: sort_key(order(row)), reverse=self.order[1])

    def focus_body(self) -> None:
        self.table.focus()

    def figures(self) -> str:
        """What the line below the list says."""
        table = self.table
        parts = [plural("{n} row", "{n} rows", table.total)]
        if self.filter_text:
            parts.append(_("filter: {}").format(self.filter_text))
        if self.order is not None:
            parts.append(_("by {} {}").format(self._title_of(self.order[0]), "↓" if self.order[1] else "↑"))
        if table.all_marked:
            parts.append(_("all {} that match are marked").format(whole(table.total)))
        elif table.marks:
            parts.append(plural("{n} marked", "{n} marked", len(table.marks)))
        return " · ".join(parts)

    def say(self, text: str, tone: Tone = Tone.QUIET) -> None:
        self.query_one("#says", Static).update(toned(text, tone))

    def on_lazy_table_moved(self, message: LazyTable.Moved) -> None:
        if message.table is self.table:
            self.console.trouble_is_over()
            self.say(self.figures())

    def on_lazy_table_marked(self, message: LazyTable.Marked) -> None:
        if message.table is self.table:
            self.say(self.figures())

    def on_lazy_table_troubled(self, message: LazyTable.Troubled) -> None:
        if isinstance(message.error, UsageError):
            self.say(told(message.error), Tone.WARN)
        else:
            self.console.post_message(self.console.Trouble(told(message.error)))

    def action_filter(self) -> None:
        self.query_one("#filter", Prompt).open(self.filter_text)

    def on_prompt_changed(self, message: Prompt.Changed) -> None:
        if message.prompt.id == "filter" and type(message) is Prompt.Changed:
            message.stop()
            self._filter_by(message.text)

    def on_prompt_sent(self, message: Prompt.Sent) -> None:
        if message.prompt.id != "filter":
            return
        message.stop()
        self._filter_by(message.text)
        self.console.remembered.keep(f"{self.memory}.filter", message.text)
        self.focus_body()

    def on_prompt_left(self, message: Prompt.Left) -> None:
        if message.prompt.id != "filter":
            return
        message.stop()
        self._filter_by(message.text)
        self.focus_body()

    def _filter_by(self, text: str) -> None:
        if text.strip() != self.filter_text:
            self.filter_text = text.strip()
            self.table.unmark()
            self.load_soon()

    def action_back(self) -> None:
        """First the marks go, then the filter, then the screen."""
        if self.table.marks or self.table.all_marked:
            self.table.unmark()
        elif self.filter_text:
            self._filter_by("")
            self.console.remembered.keep(f"{self.memory}.filter", "")
        else:
            super().action_back()

    def action_order(self, forward: int) -> None:
        keys = [column.key for column in self.COLUMNS if column.order is not None]
        if not keys:
            self.notify(_("This list has one order only: the newest first."), markup=False)
            return
        if not forward:
            self.order = None if self.order is None else (self.order[0], not self.order[1])
        elif self.order is None or self.order[0] not in keys:
            self.order = (keys[0], False)
        else:
            place = keys.index(self.order[0]) + 1
            self.order = (keys[place], False) if place < len(keys) else None
        kept = "" if self.order is None else f"{self.order[0]} {'turned' if self.order[1] else 'straight'}"
        self.console.remembered.keep(f"{self.memory}.order", kept)
        self.load()

    def action_columns(self) -> None:
        """Choose the columns that are shown; remembered, as are filter and order."""
        self.app.push_screen(ColumnsScreen(self.table.columns, self.table.hidden), self._hide)

    def _hide(self, hidden: frozenset[str] | None) -> None:
        if hidden is not None:
            self.table.hide(hidden)
            self.console.remembered.keep(f"{self.memory}.hidden", " ".join(sorted(hidden)))

    def _title_of(self, key: str) -> str:
        return next((_(column.title) for column in self.COLUMNS if column.key == key), key)

    def action_copy_key(self) -> None:
        if self.table.row is not None:
            key = self.key(self.table.row)
            self.copy(" ".join(str(part) for part in (key if isinstance(key, tuple) else (key,)) if part is not None))

    def action_copy_row(self) -> None:
        if self.table.row is not None:
            self.copy(json.dumps(self.document(self.table.row), ensure_ascii=False, default=str))

    def copy(self, text: str) -> None:
        """Send a text to the terminal's clipboard (OSC 52). No terminal answers, so it is not said that it arrived."""
        self.app.copy_to_clipboard(text)
        self.notify(_("Sent to the terminal: {}").format(text[:60]), markup=False)

    def action_export(self) -> None:
        self.app.push_screen(
            TypedQuestion(
                _("Into which file? .csv or .jsonl"),
                _("All {} rows that match are written, in this order.").format(whole(self.table.total)),
            ),
            self._export_into,
        )

    def _export_into(self, name: str | None) -> None:
        if name is None:
            return
        rows, file = self.table.rows, Path(name).expanduser()
        self.read(lambda _runtime: self._exported(rows, file), self._tell_exported, group="export")

    def _exported(self, rows: Rows[R], file: Path) -> tuple[Path, int]:
        if file.suffix not in (".csv", ".jsonl"):
            raise UsageError(_("The file's name must end in .csv or .jsonl."))
        if file.exists():
            raise UsageError(_("{} is there already; choose another name.").format(file))
        try:
            with file.open("w", encoding="utf-8", newline="") as out:
                return file, (self._write_csv if file.suffix == ".csv" else self._write_json)(rows, out)
        except OSError as error:
            raise UsageError(_("{} cannot be written: {}.").format(file, error.strerror)) from error

    def _write_json(self, rows: Rows[R], out: TextIO) -> int:
        for row in _all(rows):
            out.write(json.dumps(self.document(row), ensure_ascii=False, default=str) + "\n")
        return rows.total

    def _write_csv(self, rows: Rows[R], out: TextIO) -> int:
        """The values as JSON has them, not as the screen shows them: plain digits, whole dates, no signs."""
        lines = csv.writer(out)
        for number, row in enumerate(_all(rows)):
            fields = self.csv_fields(row)
            if number == 0:
                lines.writerow(fields)
            lines.writerow([_plain(value) for value in fields.values()])
        return rows.total

    def _tell_exported(self, done: tuple[Path, int]) -> None:
        self.notify(_("{rows} rows are in {file}.").format(rows=whole(done[1]), file=done[0]), markup=False)


def _all(rows: Rows[R]) -> Iterator[R]:
    for start in range(0, rows.total, EXPORT_PAGE):
        yield from rows.page(start, EXPORT_PAGE)


def _plain(value: object) -> object:
    return json.dumps(value, ensure_ascii=False, default=str) if isinstance(value, Mapping | list | tuple) else value

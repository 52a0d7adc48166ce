"""The log of this process, live."""

import re
from collections.abc import Hashable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from syncflow.errors import UsageError
from syncflow.events import News
from syncflow.i18n import formats
from syncflow.i18n.catalog import N_, _
from syncflow.i18n.texts import told
from tui.filtering import Term, chosen
from tui.log_tail import LEVELS, LogLine
from tui.marks import Tone, toned
from tui.screens.audit import AuditScreen
from tui.screens.list_place import ListPlace
from tui.screens.log_page import Page
from tui.widgets.lazy_table import LazyTable
from tui.widgets.rows import Cell, Column, RowList, Rows

if TYPE_CHECKING:
    from syncflow.runtime import Runtime

LOOK_SECONDS = 0.5
_TONES = {"debug": Tone.QUIET, "warning": Tone.WARN, "error": Tone.BAD, "critical": Tone.BAD}


_HEAD = re.compile(r"^(?P<at>\d{4}-\d{2}-\d{2}T[\d:.]+Z) \[\w+ *\] ")
"""As structlog writes it: the moment in UTC, and the level."""


def _at(line: LogLine) -> Cell:
    head = _HEAD.match(line.text)
    return ("" if head is None else formats.clock(datetime.fromisoformat(head["at"]))), Tone.QUIET


def _level(line: LogLine) -> Cell:
    return line.level if line.number == line.record else "", _TONES.get(line.level, Tone.PLAIN)


def _text(line: LogLine) -> Cell:
    return _HEAD.sub("", line.text), _TONES.get(line.level, Tone.PLAIN)


class LogScreen(ListPlace[LogLine]):
    TITLE_WORD = N_("log")
    ABOUT = N_(
        "What happens in this process, line by line, the newest last. + and - change the least level that is shown, p "
        "holds the list still. v shows the audit trail: every act of a person."
    )
    EMPTY = N_("Nothing was logged yet.")
    FIELDS = ("level", "text")
    COLUMNS: ClassVar[Sequence[Column[LogLine]]] = (
        Column("at", N_("when"), _at, 12),
        Column("level", N_("level"), _level, 8),
        Column("text", N_("line"), _text),
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("plus", "level(1)", N_("Fewer levels"), id="log.fewer", key_display="+"),
        Binding("minus", "level(-1)", N_("More levels"), id="log.more", key_display="-"),
        Binding("p", "pause", N_("Pause"), id="log.pause"),
        Binding("v", "audit", N_("Audit trail"), id="log.audit"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._level = LEVELS.index("info")
        self._still: list[LogLine] | None = None
        """The lines that are shown while the list is held still."""
        self._shown = -1

    def on_mount(self) -> None:
        self.table.add_class("ltr")
        self.set_interval(LOOK_SECONDS, self._look)

    def key(self, row: LogLine) -> Hashable:
        return row.number

    def document(self, row: LogLine) -> Mapping[str, object]:
        return {"level": row.level, "text": row.text}

    def concerns(self, news: News) -> bool:  # noqa: ARG002 - it looks by itself
        return False

    def reload(self) -> None:
        """The log is there before there is a database."""
        if self.is_current:
            self._shown = self.console.log_tail.written
            self.load()

    def _look(self) -> None:
        written = self.console.log_tail.written
        if not self.is_current or written == self._shown:
            return
        self._shown = written
        if self._still is None:
            self.load()
        else:
            self.say(self.figures())

    def load(self) -> None:
        table = self.table
        at_end = table.cursor >= table.total - 1
        try:
            terms = self.terms()
        except UsageError as error:
            self.say(told(error), Tone.WARN)
            return
        hidden = bool(self.filter_text) or self._level > 0
        table.say_when_empty(N_("No line matches the level and the filter.") if hidden else self.EMPTY)
        table.read(lambda: RowList(self._chosen(terms), self.key), at_end=at_end)

    def rows(self, runtime: "Runtime", terms: Sequence[Term]) -> Rows[LogLine]:  # noqa: ARG002
        return RowList(self._chosen(terms), self.key)

    def _chosen(self, terms: Sequence[Term]) -> list[LogLine]:
        lines = self.console.log_tail.lines() if self._still is None else self._still
        return chosen([line for line in lines if LEVELS.index(line.level) >= self._level], terms, _texts)

    def figures(self) -> str:
        state = _("live")
        if self._still is not None:
            behind = self.console.log_tail.written - (self._still[-1].number if self._still else 0)
            state = _("paused, {n} newer").format(n=formats.whole(behind))
        return " · ".join([super().figures(), _("from level {}").format(LEVELS[self._level]), state])

    def action_level(self, step: int) -> None:
        self._level = max(0, min(self._level + step, len(LEVELS) - 1))
        self.action_reload()

    def action_pause(self) -> None:
        self._still = self.console.log_tail.lines() if self._still is None else None
        self.action_reload()

    def on_lazy_table_chosen(self, message: LazyTable.Chosen) -> None:
        record = message.row.record
        lines = self.console.log_tail.lines() if self._still is None else self._still
        self.app.push_screen(LogRecordScreen([line for line in lines if line.record == record]))

    def action_audit(self) -> None:
        self.app.push_screen(AuditScreen())


def _texts(line: LogLine) -> dict[str, str]:
    return {"level": line.level, "text": line.text}


class LogRecordScreen(Page):
    """A line with all that was written with it, nothing cut off."""

    TITLE_WORD = N_("line")
    ABOUT = N_("What was written to the log at once: a line, and below it what belongs to it, such as a traceback.")

    def __init__(self, lines: Sequence[LogLine]) -> None:
        super().__init__()
        self._lines = lines

    def body(self) -> ComposeResult:
        yield from self.page(lambda: [toned(line.text, _TONES.get(line.level, Tone.PLAIN)) for line in self._lines])

    def plain(self) -> str:
        return "\n".join(line.text for line in self._lines)

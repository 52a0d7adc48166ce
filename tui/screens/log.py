"""The log of this process, live; and the audit trail: who did what, when, with what was before and after."""

import json
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType

from syncflow.errors import UsageError
from syncflow.events import News
from tui.filtering import Term, chosen
from tui.i18n import formats
from tui.i18n.catalog import N_, _
from tui.log_tail import LEVELS, LogLine
from tui.marks import Tone
from tui.screens.list_place import ListPlace
from tui.widgets.lazy_table import LazyTable
from tui.widgets.rows import Cell, Column, RowList, Rows

if TYPE_CHECKING:
    from syncflow.runtime import Runtime
    from syncflow.service.audit_trail import AuditLine

LOOK_SECONDS = 0.5
SHOWN = 5_000
_TONES = {"debug": Tone.QUIET, "warning": Tone.WARN, "error": Tone.BAD, "critical": Tone.BAD}


def _text(line: LogLine) -> Cell:
    return line.text, _TONES.get(line.level, Tone.PLAIN)


class LogScreen(ListPlace[LogLine]):
    TITLE_WORD = N_("log")
    ABOUT = N_(
        "What happens in this process, line by line, the newest last. + and - change the least level that is shown, p "
        "holds the list still. v shows the audit trail: every act of a person."
    )
    EMPTY = N_("Nothing was logged yet.")
    FIELDS = ("level", "text")
    COLUMNS: ClassVar[Sequence[Column[LogLine]]] = (Column("text", N_("line"), _text),)
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("plus", "level(1)", N_("Fewer levels"), id="log.fewer", key_display="+"),
        Binding("minus", "level(-1)", N_("More levels"), id="log.more", key_display="-"),
        Binding("p", "pause", N_("Pause"), id="log.pause"),
        Binding("v", "audit", N_("Audit trail"), id="log.audit"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._level = LEVELS.index("info")
        self._is_paused = False
        self._shown = -1

    def on_mount(self) -> None:
        self.set_interval(LOOK_SECONDS, self._look)

    def key(self, row: LogLine) -> Hashable:
        return row.number

    def concerns(self, news: News) -> bool:  # noqa: ARG002 - it looks by itself
        return False

    def action_reload(self) -> None:
        """The log is there before there is a database."""
        self._shown = -1
        self._look()

    def _look(self) -> None:
        written = self.console.log_tail.written
        if self.is_current and not self._is_paused and written != self._shown:
            self._shown = written
            self.load()

    def load(self) -> None:
        table = self.table
        at_end = table.cursor >= table.total - 1
        try:
            lines = chosen(self.console.log_tail.lines(), self.terms(), _texts)
        except UsageError as error:
            self.say(str(error), Tone.WARN)
            return
        kept = [line for line in lines if LEVELS.index(line.level) >= self._level]
        table.read(lambda: RowList(kept, self.key), at_end=at_end)

    def rows(self, runtime: "Runtime", terms: Sequence[Term]) -> Rows[LogLine]:  # noqa: ARG002
        return RowList(chosen(self.console.log_tail.lines(), terms, _texts), self.key)

    def figures(self) -> str:
        state = _("paused") if self._is_paused else _("live")
        return f"{super().figures()} · {_('from level {}').format(LEVELS[self._level])} · {state}"

    def action_level(self, step: int) -> None:
        self._level = max(0, min(self._level + step, len(LEVELS) - 1))
        self.action_reload()

    def action_pause(self) -> None:
        self._is_paused = not self._is_paused
        self.say(self.figures())

    def action_audit(self) -> None:
        self.app.push_screen(AuditScreen())


def _texts(line: LogLine) -> dict[str, str]:
    return {"level": line.level, "text": line.text}


def _after(line: "AuditLine") -> Cell:
    return (json.dumps(line.after, ensure_ascii=False, default=str) if line.after else ""), Tone.QUIET


class AuditScreen(ListPlace["AuditLine"]):
    TITLE_WORD = N_("audit trail")
    ABOUT = N_("Every act of a person, the newest first: who, when, what, and what was before and after (Enter).")
    EMPTY = N_("Nobody has done anything yet.")
    FIELDS = ("actor", "act", "entity", "subject")
    COLUMNS: ClassVar[Sequence[Column["AuditLine"]]] = (
        Column("at", N_("when"), lambda line: (formats.moment(line.at), Tone.QUIET), 19),
        Column("actor", N_("who"), lambda line: line.actor, 14),
        Column("act", N_("act"), lambda line: line.act, 22),
        Column("entity", N_("entity"), lambda line: line.entity or "", 18, from_width=100),
        Column("subject", N_("what"), lambda line: line.subject, 38, from_width=130),
        Column("after", N_("after"), _after),
    )

    def key(self, row: "AuditLine") -> Hashable:
        return row.id

    def document(self, row: "AuditLine") -> Mapping[str, object]:
        return asdict(row)

    def rows(self, runtime: "Runtime", terms: Sequence[Term]) -> "Rows[AuditLine]":
        return RowList(chosen(runtime.audit_trail.latest(SHOWN), terms, _audit_texts), self.key)

    def on_lazy_table_chosen(self, message: LazyTable.Chosen) -> None:
        line = message.row
        both = [(_("before"), line.before), (_("after"), line.after)]
        told = [f"{name}: {json.dumps(value, ensure_ascii=False, indent=1)}" for name, value in both if value]
        head = f"{formats.moment(line.at)} {line.actor}: {line.act} {line.subject}"
        self.notify("\n".join([head, *told]), timeout=20, markup=False)


def _audit_texts(line: "AuditLine") -> dict[str, str]:
    return {
        "actor": line.actor,
        "act": line.act,
        "entity": line.entity or "",
        "subject": line.subject,
        "after": str(line.after or ""),
    }

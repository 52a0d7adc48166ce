"""The audit trail: who did what, when, with what was before and after."""

import json
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.content import Content

from syncflow.i18n import formats
from syncflow.i18n.catalog import N_, _
from tui.filtering import Term, chosen
from tui.marks import Tone, toned
from tui.screens.list_place import ListPlace
from tui.screens.log_page import Page
from tui.widgets.lazy_table import LazyTable
from tui.widgets.rows import Cell, Column, RowList, Rows

if TYPE_CHECKING:
    from syncflow.runtime import Runtime
    from syncflow.service.audit_trail import AuditLine

SHOWN = 5_000
_NAME_WIDTH = 24


def _after(line: "AuditLine") -> Cell:
    return (json.dumps(line.after, ensure_ascii=False, default=str) if line.after else ""), Tone.QUIET


class AuditScreen(ListPlace["AuditLine"]):
    TITLE_WORD = N_("audit trail")
    ABOUT = N_("Every act of a person, the newest first: who, when, what, and what was before and after (Enter).")
    EMPTY = N_("Nobody has done anything yet.")
    FIELDS = ("actor", "act", "entity", "subject", "after")
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
        return RowList(chosen(runtime.audit_trail.latest(SHOWN), terms, _texts), self.key)

    def on_lazy_table_chosen(self, message: LazyTable.Chosen) -> None:
        self.app.push_screen(AuditLineScreen(message.row))


class AuditLineScreen(Page):
    """One act; what changed between before and after stands out."""

    TITLE_WORD = N_("act")
    ABOUT = N_("One act of a person: who, when, on what, and each value before and after it. y copies it as JSON.")

    def __init__(self, line: "AuditLine") -> None:
        super().__init__()
        self._line = line

    @property
    def title_text(self) -> str:
        return f"{super().title_text} {self._line.id}"

    def body(self) -> ComposeResult:
        yield from self.page(lambda: _lines(self._line))

    def plain(self) -> str:
        return json.dumps(asdict(self._line), ensure_ascii=False, default=str)


def _lines(line: "AuditLine") -> Iterator[Content]:
    yield Content.styled(line.act, "bold") + toned(f"  {line.entity or ''}")
    yield toned(_("{who}, {when}").format(who=line.actor, when=formats.moment(line.at)), Tone.QUIET)
    yield toned(line.subject)
    before, after = line.before or {}, line.after or {}
    if line.before is None and line.after is None:
        return
    yield Content("")
    for name in dict.fromkeys([*before, *after]):
        yield from _value_lines(name, before, after)


def _value_lines(name: str, before: Mapping[str, object], after: Mapping[str, object]) -> Iterator[Content]:
    """`+` came, `-` went; both: it changed. A value that is a document of its own stands below its name."""
    if name not in before:
        yield from _one("+", name, after[name], Tone.GOOD)
    elif name not in after:
        yield from _one("-", name, before[name], Tone.WARN if after else Tone.PLAIN)
    elif before[name] == after[name]:
        yield from _one(" ", name, after[name], Tone.QUIET)
    else:
        yield from _one("-", name, before[name], Tone.WARN)
        yield from _one("+", name, after[name], Tone.GOOD)


def _one(sign: str, name: str, value: object, tone: Tone) -> Iterator[Content]:
    first, *rest = _document(value).splitlines() or [""]
    yield toned(f"{sign} {name.ljust(_NAME_WIDTH)} {first}", tone)
    for line in rest:
        yield toned(f"{sign} {' ' * _NAME_WIDTH} {line}", tone)


def _document(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, indent=1, default=str)


def _texts(line: "AuditLine") -> dict[str, str]:
    return {
        "actor": line.actor,
        "act": line.act,
        "entity": line.entity or "",
        "subject": line.subject,
        "after": str(line.after or ""),
    }

"""The examination of this installation, line by line as it goes."""

from collections.abc import Hashable
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widgets import Static

from syncflow.events import News
from syncflow.i18n.catalog import N_, _, plural
from syncflow.i18n.texts import told
from tui.marks import Tone, toned
from tui.screens.place import Place
from tui.widgets.lazy_table import LazyTable
from tui.widgets.rows import Cell, Column, RowList

if TYPE_CHECKING:
    from syncflow.runtime import Runtime
    from syncflow.service.doctor import Finding

_SIGNS = {
    "ok": ("✔", Tone.GOOD, N_("ok")),
    "warning": ("▲", Tone.WARN, N_("warning")),
    "failure": ("✖", Tone.BAD, N_("failure")),
}


def _grade(finding: "Finding") -> Cell:
    sign, tone, name = _SIGNS[finding.grade]
    return f"{sign} {_(name)}", tone


class DoctorScreen(Place):
    TITLE_WORD = N_("doctor")
    ABOUT = N_(
        "Is everything as it must be: settings, versions, time zones, disks, the database, both neighbours, schedules? "
        "Each line says what to do. r examines again; nothing is changed."
    )
    BINDINGS: ClassVar[list[BindingType]] = [Binding("r", "again", N_("Examine again"), id="doctor.again")]
    DEFAULT_CSS = """
    DoctorScreen #remedy { height: auto; min-height: 2; padding: 0 1; background: $surface; }
    DoctorScreen #says { height: 1; background: $surface; padding: 0 1; }
    """

    def __init__(self) -> None:
        super().__init__()
        self._found: list[Finding] = []
        self._is_running = False
        self._is_begun = False

    def body(self) -> ComposeResult:
        yield LazyTable(
            [
                Column("grade", N_("finding"), _grade, 11),
                Column("name", N_("what"), lambda finding: _(finding.name), 22),
                Column("said", N_("more"), lambda finding: told(finding.said)),
            ],
            self._key,
        )
        yield Static(id="remedy")
        yield Static(id="says")

    def _key(self, finding: "Finding") -> Hashable:
        return self._found.index(finding)

    def on_mount(self) -> None:
        self.focus_body()

    def focus_body(self) -> None:
        self.query_one(LazyTable).focus()

    def concerns(self, news: "News") -> bool:  # noqa: ARG002
        return False

    def load(self) -> None:
        if not self._is_begun:
            self.action_again()

    def action_again(self) -> None:
        if self._is_running:
            return
        self._is_begun = self._is_running = True
        self._found = []
        self._show()
        self.read(self._examine, lambda _none: self._ended(), group="examine")

    def speak(self) -> None:
        super().speak()
        if self._is_begun:
            self._show()

    def _examine(self, runtime: "Runtime") -> None:
        try:
            for finding in runtime.doctor.examine():
                self.app.call_from_thread(self._take, finding)
        finally:
            self._is_running = False

    def _take(self, finding: "Finding") -> None:
        self._found.append(finding)
        self._show()

    def _ended(self) -> None:
        self.console.trouble_is_over()
        self._show()

    def _show(self) -> None:
        if not self.is_mounted:
            return
        found = list(self._found)
        table: LazyTable[Finding] = self.query_one(LazyTable)
        table.read(lambda: RowList(found, self._key))
        failures = sum(each.grade == "failure" for each in found)
        warnings = sum(each.grade == "warning" for each in found)
        parts = [
            plural("{n} failure", "{n} failures", failures),
            plural("{n} warning", "{n} warnings", warnings),
            _("▶ examining") if self._is_running else _("examined"),
        ]
        self.query_one("#says", Static).update(toned(" · ".join(parts), Tone.QUIET))

    def on_lazy_table_moved(self, message: LazyTable.Moved) -> None:
        finding: Finding | None = message.table.row
        lines = [] if finding is None else [told(finding.said), told(finding.remedy)]
        self.query_one("#remedy", Static).update(Content("\n").join(toned(line) for line in lines if line))

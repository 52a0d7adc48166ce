"""The morning's report: what was done since an hour, what failed, waits, is withheld, and what needs a person."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from syncflow.i18n import formats
from syncflow.i18n.catalog import N_, _
from syncflow.i18n.texts import told
from tui.marks import toned
from tui.screens.log_page import Page

if TYPE_CHECKING:
    from syncflow.runtime import Runtime

LAST = timedelta(hours=12)


class NightReportScreen(Page):
    TITLE_WORD = N_("report")
    ABOUT = N_(
        "What was done in the last twelve hours, what failed, waits and is withheld, and what needs a person. y copies "
        "it. Another beginning: :report 19:00"
    )

    def __init__(self, since: datetime | None = None) -> None:
        """Without a time the last twelve hours, again and again."""
        super().__init__()
        self._given = since
        self._told: Sequence[str] = ()

    @property
    def _since(self) -> datetime:
        return self._given or datetime.now(UTC) - LAST

    @property
    def title_text(self) -> str:
        return " ".join([super().title_text, _("since {}").format(formats.soon(self._since))])

    def body(self) -> ComposeResult:
        with VerticalScroll():
            yield Static(id="told")

    def load(self) -> None:
        from syncflow.service.night_report_text import report_lines  # heavy, and only for who asks

        def lines(runtime: "Runtime") -> list[str]:
            return list(report_lines(runtime.night_report.report(self._since), say=told))

        self.read(lines, self._show)

    def _show(self, lines: Sequence[str]) -> None:
        self.console.trouble_is_over()
        self._told = lines
        self.query_one("#told", Static).update(Content("\n").join(toned(line) for line in lines))

    def speak(self) -> None:
        super().speak()
        self.reload()

    def plain(self) -> str:
        return "\n".join(self._told)
